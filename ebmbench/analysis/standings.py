"""Who is best, by how much, and how sure that is: losses as factors of the best method's, over datasets and seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.resampling import Array, cube_of, ends, factor, means, medians, resampled, units_of

TIE = 1.1
"""Methods are tied when all of the interval of the factor between them lies within this one."""


class Word(StrEnum):
    """How a method stands to the best."""

    BEST = "best"
    TIED = "tied"
    UNDECIDED = "undecided"
    BEHIND = "behind"
    FAILED = "failed"


@dataclass(frozen=True)
class Standing:
    """A method on a board.

    Attributes:
        row: the method.
        factor: of its loss to the best on each dataset, the geometric mean over datasets, with its 95 % interval;
            infinite where it failed on a whole dataset; ``n`` is the number of datasets.
        ranks: the first and last that the interval allows.
        word: how it stands to the best of the board.
        worst: the dataset on which it is farthest behind.
    """

    row: str
    factor: Estimate
    ranks: tuple[int, int]
    word: Word
    worst: str


def standings(losses: pd.DataFrame, seed: int = 0) -> list[Standing]:
    """The methods, the best first.

    The intervals are of other datasets of the kind and other seeds: a hierarchical bootstrap draws datasets, and of
    each its seeds, for all methods together (they share data and seeds). With one dataset they are of other
    seeds alone; with one trial there are none, and what has not failed is undecided.

    Args:
        losses: logs of losses: a column a method, a row a (dataset, seed). Infinite: the trial failed. NaN: it has no
            number, and counts nowhere. Of a method's seeds on a dataset the median counts.
        seed: of the resampling.
    """
    losses = losses.dropna(axis="columns", how="all")
    if losses.empty:
        return []
    cube = cube_of(losses)
    behind = _behind(medians(cube))
    scores = np.where(np.isnan(found := means(behind)), np.inf, found)
    order = np.argsort(scores, kind="stable")
    spread = _Spread.of(cube, int(order[0]), np.random.default_rng(seed))
    datasets = list(dict.fromkeys(losses.index.get_level_values(0).astype(str)))
    return [_standing(str(losses.columns[k]), k, scores, behind[:, k], spread, datasets) for k in order]


def behind_best(losses: pd.DataFrame) -> pd.DataFrame:
    """Log factors over the best method of each dataset, of medians over seeds: a row a dataset, a column a method.

    NaN where a method has no number, or nobody a finite one.
    """
    names = dict.fromkeys(losses.index.get_level_values(0).astype(str))
    return pd.DataFrame(_behind(medians(cube_of(losses))), index=list(names), columns=losses.columns)


def _behind(levels: Array) -> Array:
    """Log factors over the best of each dataset (..., datasets, methods); NaN where nobody has anything finite."""
    best = np.where(np.isnan(levels), np.inf, levels).min(-1, keepdims=True)
    return np.where(np.isfinite(best), levels, np.nan) - np.where(np.isfinite(best), best, 0)


@dataclass(frozen=True)
class _Spread:
    """What other datasets and seeds would have said: the ends of intervals, for each method.

    Attributes:
        factor: of the log factor over the best of each dataset (2, methods).
        gap: of the difference of its mean to the best method's (2, methods).
        ranks: (2, methods).
    """

    factor: Array
    gap: Array
    ranks: Array

    @classmethod
    def of(cls, cube: Array, best: int, rng: np.random.Generator) -> _Spread | None:
        """By resampling; None where there is one trial a method."""
        units = units_of(cube)
        if units == 1:
            return None
        from scipy.stats import rankdata

        scores = resampled(cube, lambda levels: means(_behind(levels)), rng)
        scores[:, np.isnan(scores).all(0)] = np.inf  # it has failed where all have: there is nothing to be behind
        leader = scores[:, best : best + 1]
        with np.errstate(invalid="ignore"):
            gap = np.where(np.isinf(scores) & np.isinf(leader), 0.0, scores - leader)
        ranks = rankdata(np.where(np.isnan(scores), np.inf, scores), method="min", axis=1)
        return cls(*(ends(drawn, units) for drawn in (scores, gap, ranks)))


def _standing(row: str, k: int, scores: Array, behind: Array, spread: _Spread | None, datasets: list[str]) -> Standing:
    best, n = k == int(np.argmin(scores)), int((~np.isnan(behind)).sum())
    worst = datasets[int(np.argmax(np.where(np.isnan(behind), -np.inf, behind)))] if n else ""
    value = factor(scores[k])
    if spread is None:
        word = Word.FAILED if np.isinf(scores[k]) else Word.BEST if best else Word.UNDECIDED
        return Standing(row, Estimate(value, n=n), (1, len(scores)), word, worst)
    low, high = (factor(end) for end in spread.factor[:, k])
    first, last = (int(end) for end in spread.ranks[:, k])
    word = _word(best, float(scores[k]), *spread.gap[:, k])
    return Standing(row, Estimate(value, low, high, n), (first, last), word, worst)


def _word(best: bool, score: float, low: float, high: float) -> Word:
    if math.isinf(score):
        return Word.FAILED
    if best:
        return Word.BEST
    if -math.log(TIE) <= low and high <= math.log(TIE):
        return Word.TIED
    return Word.BEHIND if low > 0 else Word.UNDECIDED
