"""Averages over datasets: of medians, and of all of them."""

from __future__ import annotations

import math
import random

from ebmbench.analysis.intervals import Estimate, average, censored, spread


def test_the_average_is_the_mean_over_datasets_of_the_medians_over_seeds() -> None:
    assert average([[1.0, 2.0, 99.0], [4.0, 6.0]]) == Estimate((2 + 5) / 2, n=5, spread=(49 + 1) / 2)
    assert average([[], [4.0], [6.0]]) == Estimate(5.0, n=2)


def test_the_spread_bounds_what_the_mean_moves_by_between_seeds() -> None:
    """Half of the range of the mean of a seed's values is never more; one seed has none, and infinities are."""
    rng = random.Random(0)
    for _ in range(50):
        strata = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(3)]
        means = [sum(values) / 3 for values in zip(*strata, strict=True)]
        found = spread(strata)
        assert found is not None
        assert (max(means) - min(means)) / 2 <= found + 1e-12
    assert spread([[1.0], [2.0], []]) is None
    assert spread([[1.0], [2.0, 6.0]]) == 2
    assert spread([[1.0, math.inf]]) == math.inf
    assert spread([[math.inf, math.inf]]) == 0


def test_no_dataset_is_trimmed_away() -> None:
    """A skill of -1 on all of one dataset of five: the wrong twin, an interquartile mean, reads .997."""
    found = average([*[[0.997] * 3] * 4, [-1.0] * 3]).value
    assert math.isclose(found, (4 * 0.997 - 1) / 5)


def test_one_seed_of_three_has_no_say_and_an_infinite_dataset_has() -> None:
    assert average([[0.1, 0.1, math.inf]]).value == 0.1
    assert average([[0.1], [math.inf]]).value == math.inf


def test_a_target_that_was_missed_counts_as_infinite_in_the_median_and_in_the_range_of_its_dataset() -> None:
    assert censored([[1.0, 2.0, 9.0]]) == Estimate(2.0, n=3, spread=4.0)
    assert censored([[1.0, 4.0, math.inf]]) == Estimate(4.0, n=3, spread=math.inf)
    assert censored([[1.0, math.inf]]).value == math.inf
    assert censored([[1.0], [3.0]]) == Estimate(2.0, n=2), "one seed has no range, whatever lies between the datasets"


def test_a_dataset_that_no_seed_brought_to_its_target_has_no_range() -> None:
    """The wrong twin, the spread over all datasets, takes it for seeds that agree: a third less."""
    strata = [[1.0, 2.0], [1.0, 3.0], [math.inf, math.inf]]
    assert censored(strata) == Estimate(2.5, n=6, spread=0.75)
    assert spread(strata) == 0.5
    assert censored([[math.inf, math.inf]]) == Estimate(math.inf, n=2)
