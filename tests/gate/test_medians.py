"""The interval of a median: by its definition, by simulation, and against one that may be looked at only once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from ebmbench.gate.medians import fewest, interval, log_wealth, needed


def bets(signs: Sequence[bool]) -> Fraction:
    """The wealth of one who bets on each sign in turn, by Krichevsky and Trofimov's rule: an independent way to it."""
    wealth, above = Fraction(1), 0
    for n, sign in enumerate(signs):
        chance = (Fraction(above) + Fraction(1, 2)) / (n + 1)
        wealth *= 2 * (chance if sign else 1 - chance)
        above += sign
    return wealth


@pytest.mark.parametrize("signs", ["1", "0", "1101", "000000", "10110111", "1" * 20])
def test_the_wealth_is_that_of_the_bets(signs: str) -> None:
    ones = [sign == "1" for sign in signs]
    found = log_wealth(len(ones) - sum(ones), sum(ones))
    assert math.exp(found) == pytest.approx(float(bets(ones)), rel=1e-12)


def test_the_interval_is_what_the_bets_leave() -> None:
    """By trying values, far outside, at the pairs and between them."""
    values = np.random.default_rng(0).normal(size=17)
    low, high = interval(list(values), 0.01)
    middles = (np.sort(values)[1:] + np.sort(values)[:-1]) / 2
    left = [
        m for m in (-9, *middles, 9) if log_wealth(int((values < m).sum()), int((values > m).sum())) < math.log(100)
    ]
    assert low < min(left) < max(left) < high
    outside = [m for m in (-9, *middles, 9) if m not in left]
    assert all(m < low or m > high for m in outside)


def misses(rule: str, alpha: float, sets: int = 2000, pairs: int = 60) -> float:
    """How often an interval that is looked at after every pair ever leaves out the median of lopsided noise."""
    draws = np.random.default_rng(1).exponential(size=(sets, pairs)) - math.log(2)
    above = np.cumsum(draws > 0, axis=1)
    n = np.arange(1, pairs + 1)
    if rule == "bets":
        wealth = np.array([[log_wealth(k - a, a) for k, a in zip(n, row, strict=True)] for row in above])
        return float((wealth >= -math.log(alpha)).any(1).mean())
    z = np.abs(above - n / 2) / np.sqrt(n / 4)  # a test of one look, looked at again and again
    return float((z[:, 5:] > 1.96).any(1).mean())


def test_it_holds_however_often_one_looks() -> None:
    assert misses("bets", 0.05) <= 0.05
    assert misses("one look", 0.05) > 0.2


def test_too_few_pairs_say_nothing() -> None:
    assert fewest(0.005) == 11
    assert interval([1.0] * 10, 0.005) == (-math.inf, math.inf)
    assert interval([1.0] * 11, 0.005) == (1.0, 1.0)


def test_what_is_needed() -> None:
    assert needed(1.0, 0.005) == needed(0.0, 0.005) == 11
    assert needed(0.5, 0.005) is None
    many = needed(0.8, 0.005)
    assert many is not None
    assert log_wealth(round(0.2 * many), round(0.8 * many)) >= math.log(200)
    assert 20 < many < 60
