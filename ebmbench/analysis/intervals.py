"""A number, its interval or spread where there is one, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, and what it is worth.

    Attributes:
        value: what it is.
        low: the lower end of its 95 % interval; None: it has none.
        high: the upper end.
        n: how many numbers it is made of.
        spread: half of the range over seeds, its mean over datasets; None where no dataset has two seeds. The mean over
            datasets moves by no more than that between seeds, as ranges of sums are no larger than sums of ranges.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    spread: float | None = None


def average(strata: Sequence[Sequence[float]]) -> Estimate:
    """The mean over datasets of the medians over seeds: no dataset can be trimmed away.

    Args:
        strata: the values of each dataset, one for each seed.
    """
    held = [values for values in strata if values]
    value = fmean(median(values) for values in held)
    return Estimate(value, n=sum(map(len, held)), spread=spread(held))


def censored(strata: Sequence[Sequence[float]]) -> Estimate:
    """The median over the trials of all datasets of what each had spent at a target: infinite, if it never came there.

    The spread is that of the datasets on which any seed came there: infinite, where another seed of the same did not.

    Args:
        strata: the values of each dataset, one for each seed.
    """
    values = [value for held in strata for value in held]
    reached = [held for held in strata if any(map(math.isfinite, held))]
    return Estimate(median(values), n=len(values), spread=spread(reached))


def spread(strata: Sequence[Sequence[float]]) -> float | None:
    """Half of the range over seeds, its mean over the datasets that have two or more; None where there are none."""
    halves = [_half_range(values) for values in strata if len(values) > 1]
    return fmean(halves) if halves else None


def _half_range(values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return 0.0 if low == high else (high - low) / 2
