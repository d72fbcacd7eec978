"""Averages over datasets: of medians, and of all of them."""

from __future__ import annotations

import math

from ebmbench.analysis.intervals import Estimate, average


def test_the_average_is_the_mean_over_datasets_of_the_medians_over_seeds() -> None:
    assert average([[1.0, 2.0, 99.0], [4.0, 6.0]]) == Estimate((2 + 5) / 2, n=5)
    assert average([[], [4.0], [6.0]]) == Estimate(5.0, n=2)


def test_no_dataset_is_trimmed_away() -> None:
    """A skill of -1 on all of one dataset of five: the wrong twin, an interquartile mean, reads .997."""
    found = average([*[[0.997] * 3] * 4, [-1.0] * 3]).value
    assert math.isclose(found, (4 * 0.997 - 1) / 5)


def test_one_seed_of_three_has_no_say_and_an_infinite_dataset_has() -> None:
    assert average([[0.1, 0.1, math.inf]]).value == 0.1
    assert average([[0.1], [math.inf]]).value == math.inf
