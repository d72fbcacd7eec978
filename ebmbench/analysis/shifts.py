"""How many times what it was a loss or cost is now: over datasets and pairs of seeds, with an interval and a word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.resampling import Array, cube_of, ends, factor, means, medians, resampled, units_of
from ebmbench.analysis.standings import TIE


class Change(StrEnum):
    """What became of a method: little is good."""

    IDENTICAL = "identical"
    TIED = "tied"
    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Shift:
    """A method in one loss or cost, B against A.

    Attributes:
        row: the method.
        word: what became of it.
        ratio: B over A, the geometric mean over datasets of medians over pairs of seeds, with its 95 % interval; ``n``
            is the number of datasets. None: no pair has two numbers.
        datasets: the factor on each dataset.
        pairs: how many pairs it is of.
        failed: pairs that ended well in A alone.
        mended: pairs that ended well in B alone.
        lost: pairs that ended well in both, and have a number in A alone.
        found: those that have one in B alone.
    """

    row: str
    word: Change
    ratio: Estimate | None
    datasets: Mapping[str, float]
    pairs: int = 0
    failed: int = 0
    mended: int = 0
    lost: int = 0
    found: int = 0

    @property
    def most(self) -> str:
        """The dataset on which most has changed; empty where there is no choice."""
        logs = {name: abs(math.log(value)) if value > 0 else math.inf for name, value in self.datasets.items()}
        return max(logs, key=lambda name: logs[name]) if len(logs) > 1 else ""


def shift(row: str, pairs: pd.DataFrame, seed: int = 0) -> Shift | None:
    """What became of a method; None where neither run has anything to say.

    Medians are of the differences of the pairs, and not differences of medians: what the seeds have in common drops
    out. The interval is of other datasets and seeds, of the bootstrap that boards use; with one pair there is none. A
    pair that fails in both tells nothing; one that fails in B alone is never a tie.

    Args:
        row: the method.
        pairs: a row a (dataset, seed): ``a`` and ``b``, the logs of losses or costs (infinite: failed; NaN: no number),
            whether they are of the ``same`` number, and whether the trials ended well, ``ok_a`` and ``ok_b``.
        seed: of the resampling.
    """
    a, b, ok_a, ok_b, same = (pairs[name].to_numpy() for name in ("a", "b", "ok_a", "ok_b", "same"))
    one_sided = [ok_a & np.isposinf(b), ok_b & np.isposinf(a)]
    one_sided += [ok_a & ok_b & np.isnan(x) & ~np.isnan(y) for x, y in ((b, a), (a, b))]
    failed, mended, *_ = counts = [int(which.sum()) for which in one_sided]
    with np.errstate(invalid="ignore"):
        logs = pd.DataFrame({"log": np.where(same, 0.0, b - a)}, pairs.index).dropna()
    if not len(logs):
        word = _with_failures(Change.UNDECIDED, math.nan, failed, mended)
        told = any(counts) or (np.isposinf(a) & np.isposinf(b)).any()
        return Shift(row, word, None, {}, 0, *counts) if told else None
    cube = cube_of(logs)
    levels = dict(zip(dict.fromkeys(logs.index.get_level_values(0).astype(str)), medians(cube)[:, 0], strict=True))
    datasets = {name: factor(level) for name, level in levels.items() if not math.isnan(level)}
    if same.sum() == len(logs) and not any(counts):
        return Shift(row, Change.IDENTICAL, Estimate(1.0, n=len(datasets)), datasets, len(logs), *counts)
    value, low, high = _interval(cube, seed)
    word = _with_failures(_word(low, high), value, failed, mended)
    low, high = (None if end is None else factor(end) for end in (low, high))
    ratio = Estimate(factor(value), low, high, len(datasets))
    return Shift(row, word, None if math.isnan(value) else ratio, datasets, len(logs), *counts)


def _interval(cube: Array, seed: int) -> tuple[float, float | None, float | None]:
    """The mean over datasets of medians, and the ends of its interval.

    A draw in which datasets that newly fail stand against others that no longer do may be anything.
    """
    value, units = float(means(medians(cube))[0]), units_of(cube)
    if math.isnan(value) or units == 1:
        return value, None, None
    drawn = resampled(cube, means, np.random.default_rng(seed))
    low, high = (ends(np.where(np.isnan(drawn), end, drawn), units)[:, 0] for end in (-np.inf, np.inf))
    return value, float(low[0]), float(high[1])


def _word(low: float | None, high: float | None) -> Change:
    if low is None or high is None:
        return Change.UNDECIDED
    if -math.log(TIE) <= low and high <= math.log(TIE):
        return Change.TIED
    return Change.WORSE if low > 0 else Change.BETTER if high < 0 else Change.UNDECIDED


def _with_failures(word: Change, value: float, failed: int, mended: int) -> Change:
    """A new failure is worse, one that is mended better, unless the numbers (a log) say otherwise: then who knows."""
    if failed and mended:
        return Change.UNDECIDED if word is Change.TIED else word
    if failed:
        return Change.UNDECIDED if value < -math.log(TIE) else Change.WORSE
    if mended:
        return Change.UNDECIDED if value > math.log(TIE) else Change.BETTER
    return word
