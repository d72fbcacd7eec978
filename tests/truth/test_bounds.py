"""From log weights to bounds: against normals, whose weights have a closed form, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ebmbench.errors import NotApplicable
from ebmbench.truth.bounds import MAX_GAP, Bounds, bennett, judged, log_mean, relative_error

TIGHT = Bounds(1.9, 2.1, 2.02)


def both(log_z: float, spread: float, n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Works that are normal: N(log Z -+ s^2 / 2, s^2) forth and back, so that E w and 1 / E (1/w) are Z."""
    z = np.random.default_rng(seed).standard_normal((2, n))
    return log_z - spread**2 / 2 + spread * z[0], log_z + spread**2 / 2 + spread * z[1]


@pytest.mark.parametrize("spread", [0.1, 1.0, 2.0])
def test_bounds_of_normal_works(spread: float) -> None:
    found = Bounds.of(*both(7.0, spread))
    assert found.lower <= 7.0 <= found.upper
    assert found.middle == pytest.approx(7.0, abs=0.1 * spread)


def test_bennett_has_less_error_than_either_way() -> None:
    """Of works two nats wide: over many draws its error is below that of both means."""
    runs = [both(0.0, 2.0, 200, seed) for seed in range(200)]
    middle, low, high = (
        math.sqrt(np.mean(np.square(found)))
        for found in zip(*((bennett(f, b), log_mean(f), -log_mean(-b)) for f, b in runs), strict=True)
    )
    assert middle < 0.6 * min(low, high)


def test_chains_that_went_one_way_twice_are_seen() -> None:
    """The wrong twin: with the way back taken for one forth the bounds do not hold what they should."""
    forth, _ = both(0.0, 1.0)
    found = Bounds.of(forth, forth)
    assert found.lower > found.upper


def test_the_error_of_a_log_mean() -> None:
    """Of log-normal weights: sqrt((e^(s^2) - 1) / n)."""
    forth, _ = both(3.0, 0.5, 100_000)
    assert relative_error(forth) == pytest.approx(math.sqrt(math.expm1(0.25) / 100_000), rel=0.05)
    assert log_mean(forth) == pytest.approx(3.0, abs=0.01)


def test_weights_that_are_no_number_count_against_both_bounds() -> None:
    forth, back = both(0.0, 0.5, 100)
    found = Bounds.of(np.append(forth, np.nan), np.append(back, np.nan))
    assert found.lower < Bounds.of(forth, back).lower
    with pytest.raises(NotApplicable, match="wherever chains went"):
        Bounds.of(np.full(3, -np.inf), back)


def test_without_draws_the_middle_is_the_value_and_the_farther_bound_its_error() -> None:
    found = judged(TIGHT)
    assert found.value == 2.02
    assert found.error == pytest.approx(0.12)


def weights(log_mean: float, spread: float, n: int = 2000) -> np.ndarray:
    return both(log_mean, spread, n)[0]


def test_weights_at_exact_draws_that_are_worth_enough_are_the_value() -> None:
    log_weight = weights(1.95, 0.5)
    assert judged(TIGHT, log_weight).value == log_mean(log_weight)


def test_weights_that_are_worth_few_draws_are_not_believed() -> None:
    assert judged(TIGHT, weights(-3.0, 4.0)).value == 2.02


def test_weights_that_miss_mass_are_no_contradiction() -> None:
    """Half of the mass lies where data are not: chains find it, weights at data cannot."""
    assert judged(TIGHT, weights(2.0 - math.log(2), 0.2)).value == 2.02


def test_estimates_that_contradict_each_other_are_refused_with_the_numbers() -> None:
    with pytest.raises(
        NotApplicable, match=r"disagree: annealing says 1\.90 to 2\.10, importance weights at exact draws 2"
    ):
        judged(TIGHT, weights(3.0, 0.2))
    with pytest.raises(NotApplicable, match="the lower bound above the upper"):
        judged(Bounds(2.0, 1.0, 1.5))
    with pytest.raises(NotApplicable, match=r"more than 2 nats apart: annealing says 0\.00 to 2\.10"):
        judged(Bounds(0.0, MAX_GAP + 0.1, 1.0))
