"""Change points of a series: the commits from which on a number is another than before, and by which factor.

What is counted has no noise: it changes wherever it differs. What is measured is cut where two levels explain it better
than one, by PELT with a quadratic cost on logarithms in units of their noise, 3 ln n for each cut of n measurements. A
level is one that two commits have had, so that a single bad moment of a machine is none. A value that stays the same to
the last bit is that of a trial of the cache: however many commits have it, it was measured once, and weighs as much.

Source: Killick, Fearnhead and Eckley 2012 (PELT); Truong, Oudre and Vayatis 2020 (ruptures); Hampel 1974 (outliers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebmbench.gate.history.lines import Line, Series

Array = NDArray[np.float64]

INSTALL = "change points of what is measured need ruptures: pip install 'ebmbench[gate]'"
PENALTY = 3.0
"""Times ln n: what a cut has to be worth, in units of the noise."""
LEVEL = 2
"""Commits that a level must have had."""
FEWEST = 20
"""What n is at least: two measurements that differ by thrice their noise are no change yet."""
ABOUT, FAR = 2, 2.5
"""A value counts as no farther than the second, in units of the noise, from the median of itself and so many about it
on each side."""
DIFFERENCES = 6
"""How many steps from a value to another it takes to tell the noise by them."""


@dataclass(frozen=True)
class Change:
    """Where a series changed.

    Attributes:
        line: the first of the new level.
        before: the last of the old one: what happened lies between the two commits.
        factor: new over old.
    """

    line: Line
    before: Line
    factor: float


def available() -> bool:
    """Whether change points of what is measured can be found: ruptures is installed."""
    from importlib.util import find_spec

    return find_spec("ruptures") is not None


def changes(series: Series) -> list[Change]:
    """All change points, by the date of their commits; of what is measured only where ruptures is installed.

    Commits at which a method failed, and values of which there is no logarithm, are left out.
    """
    if series.exact:
        held = [line for line in series.lines if line.median is not None]
        cuts = [k for k in range(1, len(held)) if held[k].median != held[k - 1].median]
    else:
        held = [line for line in series.lines if line.log is not None]
        cuts = _cut(held) if available() else []
    return [Change(held[k], held[k - 1], _factor(*parts)) for k, parts in zip(cuts, _levels(held, cuts), strict=True)]


def _cut(held: Sequence[Line]) -> list[int]:
    """Where the levels of what is measured begin, without the first."""
    logs = np.array([line.log for line in held], dtype=np.float64)
    noise = scale(logs, [line.log_spread for line in held])
    if noise is None or len(held) < 2 * LEVEL:
        return []
    from ruptures import Pelt

    weight = weights(logs)
    tamed = without_outliers((logs - np.median(logs)) / noise)
    found = Pelt(custom_cost=_cost(weight), min_size=LEVEL, jump=1).fit(tamed)
    return [int(cut) for cut in found.predict(PENALTY * math.log(max(weight.sum(), FEWEST)))[:-1]]


def scale(logs: Array, spreads: Sequence[float | None]) -> float | None:
    """The noise of a series of logs (n,), as a standard deviation.

    It is told by the steps from each value to the next that is another: their median size, which a few changes do not
    move. Where there are too few, by the spread over seeds of each value; None where there is none of that either.
    """
    steps = np.abs(np.diff(logs))
    steps = steps[steps > 0]
    if len(steps) >= DIFFERENCES:
        return float(1.4826 * np.median(steps) / math.sqrt(2))
    known = [spread for spread in spreads if spread]
    return float(np.median(known)) if known else None


def without_outliers(values: Array) -> Array:
    """Values (n,) in units of their noise, none farther than ``FAR`` from the median about it: Hampel's rule."""
    padded = np.pad(values, ABOUT, constant_values=np.nan)
    middles = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * ABOUT + 1), axis=1)
    return np.asarray(np.clip(values, middles - FAR, middles + FAR))


def weights(values: Array) -> Array:
    """One for each run of equal values, shared by its members."""
    begins = np.concatenate([[0], 1 + np.flatnonzero(np.diff(values)), [len(values)]])
    lengths = np.diff(begins)
    return np.repeat(1 / lengths, lengths)


def _cost(weight: Array) -> Any:
    """The weighted sum of squares about the weighted mean, as ruptures asks for it."""
    from ruptures.base import BaseCost

    class Cost(BaseCost):  # type: ignore[misc]
        model = "weighted"
        min_size = 1

        def fit(self, signal: Array) -> Cost:
            self.signal = signal
            self.sums = [np.concatenate([[0.0], np.cumsum(weight * signal**power)]) for power in range(3)]
            return self

        def error(self, start: int, end: int) -> float:
            total, linear, square = (float(sums[end] - sums[start]) for sums in self.sums)
            return max(0.0, square - linear**2 / total)

    return Cost()


def _levels(held: Sequence[Line], cuts: Sequence[int]) -> list[tuple[Sequence[Line], Sequence[Line]]]:
    """For each cut the lines from the one before it, and those up to the one after it."""
    parts = [held[begin:end] for begin, end in pairwise([0, *cuts, len(held)])]
    return list(pairwise(parts))


def _factor(old: Sequence[Line], new: Sequence[Line]) -> float:
    """New over old, by medians; infinite from nothing to something."""
    first, second = (float(np.median([line.median for line in part if line.median is not None])) for part in (old, new))
    if new[0].scale == "log":
        return math.exp(min(second - first, 700.0))
    return second / first if first else math.inf
