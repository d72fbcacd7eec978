"""The interquartile mean and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import trim_mean

from ebmbench.analysis.intervals import MIN_SEEDS, Estimate, estimate, iqm


def test_iqm_by_hand() -> None:
    """Of eight values the lowest two and the highest two go."""
    assert float(iqm(np.array([100.0, 1, 2, 3, 4, 5, 6, -100]))) == (2 + 3 + 4 + 5) / 4


def test_iqm_cuts_whole_values_only() -> None:
    """A quarter of five is one value from each end; of three, none."""
    assert float(iqm(np.array([9.0, 1, 2, 3, -50]))) == 2
    assert float(iqm(np.array([0.0, 0, 9]))) == 3


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 16, 33])
def test_iqm_agrees_with_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(3, n))
    np.testing.assert_allclose(iqm(values), trim_mean(values, 0.25, axis=-1), rtol=1e-12)
    np.testing.assert_allclose(iqm(values, axis=0), trim_mean(values, 0.25, axis=0), rtol=1e-12)


def test_the_estimate_is_the_iqm_of_all_values_together() -> None:
    assert estimate([[1.0, 2.0], [3.0, 100.0]]).value == 2.5
    assert estimate([[], [4.0], [6.0]]).value == 5


@pytest.mark.parametrize("seeds", [1, 2, 3, MIN_SEEDS - 1])
def test_under_five_seeds_there_is_no_interval(seeds: int) -> None:
    values = list(np.random.default_rng(seeds).normal(size=seeds))
    both = estimate([values, [*values, 1.0, 2.0, 3.0, 4.0]])
    assert both == Estimate(estimate([values, [*values, 1, 2, 3, 4]]).value, n=2 * seeds + 4)
    assert estimate([values]).low is estimate([values]).high is None


def test_with_five_seeds_there_is_one_and_the_value_lies_in_it() -> None:
    found = estimate([list(np.random.default_rng(k).normal(size=5)) for k in range(3)])
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_the_interval_is_the_same_every_time() -> None:
    values = [list(np.random.default_rng(1).normal(size=25))]
    assert estimate(values) == estimate(values)
    assert estimate(values, seed=1) != estimate(values, seed=2)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert estimate([[0.75] * 5, [0.75] * 5]) == Estimate(0.75, 0.75, 0.75, n=10)


def test_an_estimate_knows_how_many_numbers_it_is_made_of() -> None:
    """Cells say so where trials have no number; strata without any do not count."""
    assert estimate([[1.0, 2.0], [], [3.0]]).n == 3
    assert estimate([list(np.arange(5.0)), list(np.arange(7.0))]).n == 12


def test_the_interval_resamples_within_each_stratum() -> None:
    """Two strata far apart, each constant: nothing is uncertain. Resampled together, it would be wide."""
    found = estimate([[0.0] * 5, [10.0] * 5])
    assert (found.value, found.low, found.high) == (5, 5, 5)


def test_the_interval_covers() -> None:
    """95 % nominal: over 120 draws of 5 strata of 10 normal seeds at least 85 % hold the true mean, and not all."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(120):
        found = estimate([list(rng.normal(size=10)) for _ in range(5)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert 0.85 * 120 <= held < 120
