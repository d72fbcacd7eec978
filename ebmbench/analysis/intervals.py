"""A number, its interval where there is one, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, the ends of its 95 % interval where there is one, and how many numbers it is made of."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0


def average(strata: Sequence[Sequence[float]]) -> Estimate:
    """The mean over datasets of the medians over seeds: no dataset can be trimmed away.

    Args:
        strata: the values of each dataset, one for each seed.
    """
    held = [values for values in strata if values]
    return Estimate(fmean(median(values) for values in held), n=sum(map(len, held)))
