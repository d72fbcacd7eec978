"""Factors between two runs: closed forms, pairs that matter, failures that are no ties, and an interval by loops."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from ebmbench.analysis.shifts import Change, Shift, shift

INF, NAN = math.inf, math.nan
Losses = Mapping[str, Sequence[float]]


def pairs(a: Losses, b: Losses) -> pd.DataFrame:
    """Pairs of losses by dataset, a seed each: infinite is a trial that failed."""
    index = pd.MultiIndex.from_tuples([(name, seed) for name in a for seed in range(len(a[name]))])
    first, second = (np.array([x for name in a for x in side[name]], dtype=float) for side in (a, b))
    table = {"a": np.log(first), "b": np.log(second), "same": (first == second) & np.isfinite(first)}
    return pd.DataFrame({**table, "ok_a": ~np.isinf(first), "ok_b": ~np.isinf(second)}, index)


def found(a: Losses, b: Losses) -> Shift:
    one = shift("nce", pairs(a, b))
    assert one is not None
    return one


def value(one: Shift) -> float:
    assert one.ratio is not None
    return one.ratio.value


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_the_ratio_is_the_geometric_mean_over_datasets_of_medians_over_pairs() -> None:
    """2 on x (an outlier has no say), 8 on y: 4."""
    one = found({"x": [1, 2, 3], "y": [1, 1, 1]}, {"x": [2, 4, 900], "y": [8, 8, 8]})
    assert value(one) == pytest.approx(4)
    assert one.datasets == pytest.approx({"x": 2, "y": 8})
    assert (one.pairs, one.most) == (6, "y")
    assert one.ratio is not None
    assert one.ratio.n == 2


def test_what_the_seeds_have_in_common_drops_out() -> None:
    """Seeds spread over a factor 100, each a fifth worse. The wrong twin is a ratio of medians."""
    seeds = np.exp(np.linspace(0, math.log(100), 5))
    a = {name: seeds.tolist() for name in "vwxyz"}
    b = {name: (1.2 * seeds).tolist() for name in "vwxyz"}
    one = found(a, b)
    assert one.word is Change.WORSE
    assert one.ratio is not None
    assert (one.ratio.low, one.ratio.high) == pytest.approx((1.2, 1.2))
    b["x"] = [0.5 * x for x in seeds[:2]] + [1.2 * x for x in seeds[2:]]
    assert found(a, b).datasets["x"] == pytest.approx(1.2)
    shuffled = {"x": [1.0, 10.0, 100.0]}, {"x": [110.0, 0.9, 11.0]}
    twin = np.median(shuffled[1]["x"]) / np.median(shuffled[0]["x"])
    assert twin == pytest.approx(1.1)
    assert value(found(*shuffled)) == pytest.approx(0.11)


def test_the_words() -> None:
    base = {name: [1.0, 2.0, 3.0] for name in "vwxyz"}

    def times(*factors: float) -> Losses:
        return {name: [f * x for f, x in zip(factors, base[name], strict=True)] for name in base}

    assert found(base, base).word is Change.IDENTICAL
    assert found(base, times(1.05, 1.06, 1.04)).word is Change.TIED, "though worse on each of fifteen pairs"
    assert found(base, times(1.3, 1.2, 1.4)).word is Change.WORSE
    assert found(base, times(0.7, 0.8, 0.75)).word is Change.BETTER
    assert found(base, times(0.3, 1.0, 3.0)).word is Change.UNDECIDED
    assert found(base, times(1.0, 1.0, 1.0001)).word is Change.TIED, "not identical: a number differs"


def test_one_pair_decides_nothing_unless_it_is_the_same() -> None:
    one = found({"x": [1.0]}, {"x": [50.0]})
    assert value(one) == pytest.approx(50)
    assert one.word is Change.UNDECIDED
    assert one.ratio is not None
    assert (one.ratio.low, one.most) == (None, "")
    assert found({"x": [1.0]}, {"x": [1.0]}).word is Change.IDENTICAL


def test_one_dataset_is_decided_by_its_seeds() -> None:
    assert found({"x": [1.0] * 5}, {"x": [2.0, 2.1, 1.9, 2.0, 2.2]}).word is Change.WORSE


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_what_newly_fails_is_never_tied(seeds: int) -> None:
    a = {"x": [1.0] * seeds, "y": [1.0] * seeds}
    whole = found(a, {"x": [1.0] * seeds, "y": [INF] * seeds})
    assert (whole.word, whole.failed, value(whole)) == (Change.WORSE, seeds, INF)
    assert whole.most == "y"
    one = found(a, {"x": [1.0] * seeds, "y": [INF, *[1.0] * (seeds - 1)]})
    assert (one.word, one.failed) == (Change.WORSE, 1)
    back = found({"x": [1.0] * seeds, "y": [INF] * seeds}, a)
    assert (back.word, back.mended, value(back)) == (Change.BETTER, seeds, 0)


def test_a_single_trial_that_crashed_is_worse() -> None:
    assert found({"x": [1.0]}, {"x": [INF]}).word is Change.WORSE


def test_failures_against_numbers_are_undecided() -> None:
    """Better by two where it ends, but one of nine fails; failures that come and go."""
    base = {name: [1.0] * 3 for name in "xyz"}
    assert found(base, {**{name: [0.5] * 3 for name in "xy"}, "z": [0.5, 0.5, INF]}).word is Change.UNDECIDED
    swapped = found({"x": [INF, 1.0], "y": [1.0, 1.0]}, {"x": [1.0, INF], "y": [1.0, 1.0]})
    assert (swapped.word, swapped.failed, swapped.mended) == (Change.UNDECIDED, 1, 1)
    opposite = found({"x": [INF, INF], "y": [1.0, 1.0]}, {"x": [1.0, 1.0], "y": [INF, INF]})
    assert (opposite.word, opposite.ratio) == (Change.UNDECIDED, None)


def test_what_fails_in_both_tells_nothing() -> None:
    one = found({"x": [INF, 1.0]}, {"x": [INF, 1.0]})
    assert (one.word, one.pairs) == (Change.IDENTICAL, 1)
    never = found({"x": [INF]}, {"x": [INF]})
    assert (never.word, never.ratio, never.pairs) == (Change.UNDECIDED, None, 0)


def test_a_number_that_one_run_alone_has_is_counted_and_no_identity() -> None:
    one = found({"x": [1.0, 1.0, NAN]}, {"x": [1.0, NAN, 1.0]})
    assert (one.lost, one.found, one.pairs) == (1, 1, 1)
    assert one.word is not Change.IDENTICAL
    assert shift("nce", pairs({"x": [NAN]}, {"x": [NAN]})) is None


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_interval_is_that_of_a_bootstrap_written_out() -> None:
    """Datasets, then pairs of each; by loops, at percentiles of ten datasets' own."""
    rng = np.random.default_rng(8)
    logs = {name: rng.normal(0.4, 0.5, 3) for name in "abcdefghij"}
    one = found({name: [1.0] * 3 for name in logs}, {name: np.exp(those).tolist() for name, those in logs.items()})
    drawn = [
        statistics.fmean(statistics.median(rng.choice(logs[name], 3)) for name in rng.choice(list("abcdefghij"), 10))
        for _ in range(4000)
    ]
    share = norm.sf(math.sqrt(10 / 9) * t.ppf(0.975, 9))
    low, high = np.quantile(drawn, [share, 1 - share])
    assert one.ratio is not None
    assert one.ratio.low is not None
    assert one.ratio.high is not None
    assert math.log(one.ratio.low) == pytest.approx(low, abs=0.04)
    assert math.log(one.ratio.high) == pytest.approx(high, abs=0.04)


@pytest.mark.long
def test_intervals_cover_the_true_factor() -> None:
    """Five datasets that differ by half a nat, three pairs each that differ by 0.3: so many of 300 hold a half."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(300):
        logs = math.log(0.5) + rng.normal(0, 0.5, (5, 1)) + rng.normal(0, 0.3, (5, 3))
        b = {f"d{k}": np.exp(row).tolist() for k, row in enumerate(logs)}
        one = shift("nce", pairs({name: [1.0] * 3 for name in b}, b), seed=int(rng.integers(1 << 30)))
        assert one is not None
        assert one.ratio is not None
        assert one.ratio.low is not None
        assert one.ratio.high is not None
        held += one.ratio.low <= 0.5 <= one.ratio.high
    assert 0.92 <= held / 300 <= 0.99
