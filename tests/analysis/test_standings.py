"""Factors, intervals, ranks and words: by hand, against an independent bootstrap, and their coverage by simulation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from ebmbench.analysis.standings import TIE, Standing, Word, standings

INF, NAN = math.inf, math.nan


def table(levels: Mapping[str, Mapping[str, Sequence[float]]]) -> pd.DataFrame:
    """Log losses from losses: method -> dataset -> one for each seed."""
    columns = {
        method: {(dataset, seed): loss for dataset, losses in by.items() for seed, loss in enumerate(losses)}
        for method, by in levels.items()
    }
    frame = pd.DataFrame(columns)
    return pd.DataFrame(np.log(frame.to_numpy(dtype=float)), frame.index, frame.columns)


def found(levels: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Standing]:
    return {standing.row: standing for standing in standings(table(levels))}


def test_the_factor_is_the_geometric_mean_over_datasets_of_the_loss_over_the_best() -> None:
    """a: 1 and 4, b: 8 and 1: medians over three seeds, an outlier has no say. The wrong twin would average losses."""
    stands = found({"a": {"x": [1, 1, 99], "y": [4, 4, 4]}, "b": {"x": [8, 0.1, 8], "y": [1, 1, 1]}})
    assert stands["a"].factor.value == pytest.approx(2)
    assert stands["b"].factor.value == pytest.approx(math.sqrt(8))
    assert [stands[row].worst for row in "ab"] == ["y", "x"]
    assert list(stands) == ["a", "b"]
    assert [stands[row].factor.n for row in "ab"] == [2, 2]


def test_nothing_averages_a_bad_dataset_away() -> None:
    """Excellent on four of five, a hundred times worse on one: the wrong twin, a trimmed mean, would not see it."""
    fine = {name: [1.0, 1.0, 1.0] for name in "abcde"}
    stands = found({"steady": {name: [2.0] * 3 for name in "abcde"}, "frail": {**fine, "e": [200.0] * 3}})
    assert stands["frail"].factor.value == pytest.approx(100 ** (1 / 5))
    assert stands["frail"].worst == "e"


def test_who_fails_on_a_whole_dataset_never_leads_and_is_never_tied() -> None:
    for seeds in (1, 2, 5):
        stands = found(
            {"frail": {"x": [1.0] * seeds, "y": [INF] * seeds}, "poor": {"x": [50.0] * seeds, "y": [50] * seeds}}
        )
        assert list(stands) == ["poor", "frail"]
        assert stands["frail"].word is Word.FAILED
        assert stands["frail"].worst == "y"
        assert stands["frail"].factor.value == INF
    (alone,) = standings(table({"frail": {"x": [INF]}}))
    assert alone.word is Word.FAILED


def test_one_trial_decides_nothing() -> None:
    stands = found({"a": {"x": [1.0]}, "b": {"x": [70.0]}, "broken": {"x": [INF]}})
    assert [stands[row].word for row in ("a", "b", "broken")] == [Word.BEST, Word.UNDECIDED, Word.FAILED]
    assert stands["b"].factor.low is None
    assert stands["b"].ranks == (1, 3)


def test_a_tie_is_an_equivalence_and_not_a_test_without_power() -> None:
    """Within a factor 1.1, however significant; beyond it when all intervals are above; else undecided."""
    rng = np.random.default_rng(0)
    base = {name: list(np.exp(rng.normal(0, 1, 5))) for name in "abcdefgh"}

    def times(factor: float, spread: float) -> dict[str, list[float]]:
        return {name: [x * factor * math.exp(rng.normal(0, spread)) for x in xs] for name, xs in base.items()}

    stands = found({"base": base, "close": times(1.05, 0.001), "far": times(1.5, 0.01), "noisy": times(1.3, 2.0)})
    words = {row: standing.word for row, standing in stands.items()}
    assert words["close"] is Word.TIED, "though it is worse on every one of forty trials"
    assert words["far"] is Word.BEHIND
    assert words["noisy"] is Word.UNDECIDED
    exact = found({"base": base, "same": base})
    assert {standing.word for standing in exact.values()} == {Word.BEST, Word.TIED}
    assert TIE == 1.1


def test_a_gap_beyond_what_a_float_holds_is_infinite_and_no_failure() -> None:
    """Two thousand nats of likelihood, without a warning: its interval is finite in nats, and it is behind."""
    index = pd.MultiIndex.from_product([["x", "y"], range(3)])
    best, other = standings(pd.DataFrame({"far": 2001.0, "near": 1.0}, index))
    assert (best.row, best.word) == ("near", Word.BEST)
    assert (other.factor.value, other.word) == (INF, Word.BEHIND)


def test_what_has_no_number_counts_nowhere() -> None:
    """On bits alone, or skipped: compared on the data that it has."""
    stands = found({"part": {"x": [1.0, 1.0], "y": [NAN, NAN]}, "whole": {"x": [2.0, 2.0], "y": [5.0, 5.0]}})
    assert stands["part"].factor == stands["part"].factor.__class__(1.0, 1.0, 1.0, 1)
    assert stands["whole"].factor.value == pytest.approx(math.sqrt(2))
    assert standings(table({"none": {"x": [NAN]}})) == []
    assert standings(pd.DataFrame()) == []


def test_a_dataset_that_defeats_all_tells_nobody_apart() -> None:
    stands = found({"a": {"x": [1.0, 1.0], "y": [INF, INF]}, "b": {"x": [2.0, 2.0], "y": [INF, INF]}})
    assert stands["a"].factor.value == 1
    assert stands["b"].factor.value == pytest.approx(2)


def test_the_order_of_methods_and_rows_is_nothing() -> None:
    rng = np.random.default_rng(3)
    levels = {row: {name: list(np.exp(rng.normal(0, 1, 3))) for name in "xyz"} for row in "abc"}
    turned = {row: dict(reversed(list(levels[row].items()))) for row in "cab"}
    one, other = found(levels), found(turned)
    assert {row: standing.factor.value for row, standing in one.items()} == pytest.approx(
        {row: standing.factor.value for row, standing in other.items()}
    )
    assert standings(table(levels)) == standings(table(levels)), "the same every time"


def test_ranks_are_those_that_the_resamples_allow() -> None:
    """Three far apart have one each; two alike share two."""
    levels = {row: {name: [factor] * 3 for name in "vwxyz"} for row, factor in (("a", 1.0), ("b", 9.0), ("c", 80.0))}
    assert [standing.ranks for standing in found(levels).values()] == [(1, 1), (2, 2), (3, 3)]
    swapped = {
        "a": {"v": [1.0], "w": [2.0], "x": [1.0], "y": [2.0]},
        "b": {"v": [2.0], "w": [1.0], "x": [2.0], "y": [1.0]},
    }
    assert {standing.ranks for standing in found(swapped).values()} == {(1, 2)}


@pytest.mark.long
@pytest.mark.parametrize(("datasets", "seeds"), [(5, 3), (5, 5), (12, 3), (1, 8)])
def test_intervals_cover_what_they_are_of(datasets: int, seeds: int) -> None:
    """The mean log factor behind a method that is always best: so many of 400 simulated boards hold the true one.

    Of 1,500 it was 96.7, 97.4, 96.4 and 97.9 %; the bounds leave room for the noise of 400. Datasets
    differ by 1 nat, seeds by half a nat; with one dataset the seeds alone. The plain percentile bootstrap, the wrong
    twin, holds it in far fewer.
    """
    rng = np.random.default_rng(datasets * 100 + seeds)
    held = plain = 0
    boards = 400
    for _ in range(boards):
        hard = rng.normal(5, 1.0 if datasets > 1 else 0.0, datasets)
        noise = rng.normal(0, 0.5, (datasets, seeds))
        index = pd.MultiIndex.from_product([[f"d{k}" for k in range(datasets)], range(seeds)])
        losses = pd.DataFrame({"best": 0.0, "other": (hard[:, None] + noise).ravel()}, index)
        other = standings(losses, seed=int(rng.integers(1 << 30)))[1].factor
        assert other.low is not None
        assert other.high is not None
        held += other.low <= math.exp(5) <= other.high
        medians = np.median(hard[:, None] + noise, axis=1)
        draws = medians[rng.integers(datasets, size=(500, datasets))].mean(1)
        low, high = np.quantile(draws, [0.025, 0.975])
        plain += low <= 5 <= high
    assert 0.92 <= held / boards <= 0.985
    if datasets == 5:
        assert plain / boards < 0.9


@pytest.mark.long
def test_the_interval_is_that_of_a_bootstrap_written_out() -> None:
    """Datasets, then seeds of each, for both methods together; by loops, with percentiles of 4 datasets' own."""
    rng = np.random.default_rng(8)
    levels = {"a": 0.0, "b": 0.8}
    losses = {row: {name: list(rng.normal(level, 0.6, 3)) for name in "wxyz"} for row, level in levels.items()}
    frame = table({row: {name: np.exp(found).tolist() for name, found in by.items()} for row, by in losses.items()})
    drawn = []
    for _ in range(6000):
        gaps = []
        for name in rng.choice(list("wxyz"), 4):
            seeds = rng.integers(3, size=3)
            a, b = (statistics.median(losses[row][name][seed] for seed in seeds) for row in "ab")
            gaps.append(b - min(a, b))
        drawn.append(statistics.fmean(gaps))
    share = norm.sf(math.sqrt(4 / 3) * t.ppf(0.975, 3))
    low, high = np.quantile(drawn, [share, 1 - share])
    other = next(standing for standing in standings(frame) if standing.row == "b").factor
    assert other.low is not None
    assert other.high is not None
    assert math.log(other.low) == pytest.approx(low, abs=0.06)
    assert math.log(other.high) == pytest.approx(high, abs=0.06)
