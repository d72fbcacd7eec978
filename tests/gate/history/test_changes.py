"""Change points: planted steps in noise of which all is known, noise alone, counters, and values of the cache."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from ebmbench.gate.history import changes as module
from ebmbench.gate.history.changes import Change, available, changes, scale, weights, without_outliers
from ebmbench.gate.history.lines import History, Series
from tests.histories import commit, make_lines, make_series

needs_ruptures = pytest.mark.skipif(not available(), reason="ruptures is not installed")


def day(change: Change) -> int:
    """Of a change's commit."""
    return int(change.line.commit[:4])


def noisy(seed: int, n: int, step: float = 1.0, at: int = 0) -> list[float]:
    """Values in 3 % noise that grow by a factor from a place on."""
    values = 0.02 * np.exp(0.03 * np.random.default_rng(seed).normal(size=n))
    values[at:] *= step
    return [float(value) for value in values]


# --- what is measured ------------------------------------------------------------------------------------------------


@pytest.mark.long
@needs_ruptures
def test_a_step_of_six_percent_in_noise_of_three_is_found_at_its_commit() -> None:
    found = [changes(make_series(noisy(seed, 40, 1.06, 22))) for seed in range(50)]
    assert sum(len(each) > 0 for each in found) >= 48
    near = [change for each in found for change in each if abs(day(change) - 22) <= 2]
    assert len(near) >= 44
    assert np.median([change.factor for change in near]) == pytest.approx(1.06, abs=0.01)
    assert all(int(change.before.commit[:4]) == day(change) - 1 for change in near)


@pytest.mark.long
@needs_ruptures
def test_in_noise_alone_nothing_is_found() -> None:
    """In most; a quadratic cost in units that are not those of the noise would find it everywhere."""
    false = [bool(changes(make_series(noisy(seed, 60)))) for seed in range(50)]
    assert sum(false) <= 4


@pytest.mark.long
@needs_ruptures
def test_noise_with_heavy_tails_is_no_change() -> None:
    """A machine has bad moments: without Hampel's rule a third of such series would have a change."""

    def false() -> int:
        draws = [np.random.default_rng(seed).standard_t(3, size=60) for seed in range(40)]
        return sum(bool(changes(make_series([math.exp(0.02 * x) for x in draw]))) for draw in draws)

    with pytest.MonkeyPatch.context() as patch:
        assert false() <= 8
        patch.setattr(module, "without_outliers", lambda values: values)
        assert false() >= 10


@needs_ruptures
def test_a_single_bad_commit_is_no_change() -> None:
    values = noisy(0, 40)
    values[20] *= 1.5
    assert changes(make_series(values)) == []


@needs_ruptures
def test_the_order_is_that_of_the_commits_and_not_of_the_file() -> None:
    """The same lines, merged in another order; the wrong twin reads them as they stand."""
    lines = make_lines(noisy(3, 40, 1.2, 22))
    random.Random(0).shuffle(lines)
    (series,) = History(tuple(lines)).series
    assert [day(change) for change in changes(series)] == [22]
    by_place = Series(series.place, tuple(lines))
    assert [day(change) for change in changes(by_place)] != [22]


@needs_ruptures
def test_the_number_of_a_log_is_compared_by_differences() -> None:
    values = [math.log(value) for value in noisy(1, 40, 1.3, 10)]
    (change,) = changes(make_series(values, scale="log"))
    assert day(change) == 10
    assert change.factor == pytest.approx(1.3, abs=0.03)


@needs_ruptures
def test_failures_and_what_has_no_logarithm_are_left_out() -> None:
    values: list[float | None] = [*noisy(1, 40, 1.3, 20)]
    values[5], values[6] = None, 0.0
    assert [day(change) for change in changes(make_series(values))] == [20]
    assert changes(make_series([None] * 20)) == []


@needs_ruptures
@pytest.mark.parametrize("n", range(1, 8))
def test_few_commits_without_any_spread_say_nothing(n: int) -> None:
    assert changes(make_series(noisy(0, n, 2.0, n // 2))) == [] or n > module.DIFFERENCES


# --- values of the cache ---------------------------------------------------------------------------------------------


@pytest.mark.long
@needs_ruptures
def test_a_value_that_stays_is_one_measurement() -> None:
    """Trainings that are drawn anew at some commits, within the spread over seeds: each stays for ten commits."""

    def redrawn(seed: int) -> list[float]:
        draws = np.exp(0.1 * np.random.default_rng(seed).normal(size=6))
        return [float(value) for value in np.repeat(draws, 10)]

    def false() -> int:
        return sum(bool(changes(make_series(redrawn(seed), spread=0.085))) for seed in range(50))

    with pytest.MonkeyPatch.context() as patch:
        assert false() <= 5
        patch.setattr(module, "weights", np.ones_like)  # the wrong twin: ten measurements
        assert false() >= 40


@needs_ruptures
def test_a_change_far_beyond_the_spread_over_seeds_is_found() -> None:
    values = [0.03] * 10 + [0.045] * 10
    assert [(day(c), round(c.factor, 6)) for c in changes(make_series(values, spread=0.003))] == [(10, 1.5)]
    assert changes(make_series(values, spread=0.02)) == []
    assert changes(make_series(values[:11], spread=0.003)) == [], "one commit is no level yet"


def test_weights_are_shared_by_equal_neighbors() -> None:
    found = weights(np.array([1.0, 1.0, 2.0, 1.0, 3.0, 3.0, 3.0]))
    np.testing.assert_allclose(found, [1 / 2, 1 / 2, 1, 1, 1 / 3, 1 / 3, 1 / 3])


# --- noise -----------------------------------------------------------------------------------------------------------


def test_the_scale_of_noise_is_not_that_of_its_steps() -> None:
    logs = np.random.default_rng(0).normal(size=2000)
    logs[1000:] += 50
    assert scale(logs, []) == pytest.approx(1.0, abs=0.05)
    assert np.std(logs) > 20, "the wrong twin"


def test_where_there_are_few_steps_the_scale_is_the_spread_over_seeds() -> None:
    assert scale(np.array([1.0, 1.0, 2.0]), [0.1, None, 0.3]) == pytest.approx(0.2)
    assert scale(np.array([1.0, 1.0, 2.0]), [None, 0.0, None]) is None


def by_definition(values: Sequence[float]) -> list[float]:
    found = []
    for k, value in enumerate(values):
        middle = float(np.median(values[max(0, k - 2) : k + 3]))
        found.append(min(max(value, middle - 2.5), middle + 2.5))
    return found


def test_outliers_are_moved_to_their_neighbors_and_steps_are_kept() -> None:
    values = np.random.default_rng(0).normal(size=50)
    values[[3, 20]] += 30
    values[30:] += 10
    np.testing.assert_allclose(without_outliers(values), by_definition(values.tolist()))
    assert without_outliers(np.array([7.0])) == [7.0]


# --- counters --------------------------------------------------------------------------------------------------------


def test_a_counter_that_differs_by_one_has_changed() -> None:
    """At once, at the last commit, without ruptures, and as often as it does."""
    values = [100.0, 100.0, 101.0, 101.0, 100.0]
    found = changes(make_series(values, measure="gradient_rows"))
    assert [(day(change), change.factor) for change in found] == [(2, 1.01), (4, pytest.approx(1 / 1.01))]
    assert changes(make_series([100.0] * 9, measure="gradient_rows")) == []


def test_a_counter_may_begin_at_nothing() -> None:
    (change,) = changes(make_series([0.0, 0.0, 5.0], measure="gradient_rows"))
    assert change.factor == math.inf
    (change,) = changes(make_series([5.0, None, 0.0], measure="gradient_rows"))
    assert (change.factor, change.before.commit) == (0.0, commit(0))


def test_without_ruptures_only_counters_have_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available", lambda: False)
    monkeypatch.setitem(sys.modules, "ruptures", None)
    assert changes(make_series(noisy(0, 40, 2.0, 20))) == []
    assert len(changes(make_series([1.0, 2.0], measure="passes"))) == 1
