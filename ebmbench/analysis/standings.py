"""Who is best, by how much, and how sure that is: losses as factors of the best method's, over datasets and seeds."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebmbench.analysis.intervals import LEVEL, Estimate

TIE = 1.1
"""Methods are tied when all of the interval of the factor between them lies within this one."""
RESAMPLES = 2000
MOST = 4_000_000
"""Numbers that are resampled at a time."""

Array = NDArray[np.float64]


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
    each its seeds, for all methods together (they share data and seeds). Percentiles are expanded as Student's t is
    over the normal (Hesterberg 2015, section 3.3), for datasets are few. With one dataset they are of other seeds
    alone; with one trial there are none, and what has not failed is undecided.

    Args:
        losses: logs of losses: a column a method, a row a (dataset, seed). Infinite: the trial failed. NaN: it has no
            number, and counts nowhere. Of a method's seeds on a dataset the median counts.
        seed: of the resampling.
    """
    losses = losses.dropna(axis="columns", how="all")
    if losses.empty:
        return []
    names = losses.index.get_level_values(0).astype(str)
    cube = cube_of(losses, names)
    behind = _behind(_medians(cube))
    scores = np.where(np.isnan(found := _means(behind)), np.inf, found)
    order = np.argsort(scores, kind="stable")
    spread = _Spread.of(cube, int(order[0]), np.random.default_rng(seed))
    datasets = list(dict.fromkeys(names))
    return [_standing(str(losses.columns[k]), k, scores, behind[:, k], spread, datasets) for k in order]


def behind_best(losses: pd.DataFrame) -> pd.DataFrame:
    """Log factors over the best method of each dataset, of medians over seeds: a row a dataset, a column a method.

    NaN where a method has no number, or nobody a finite one.
    """
    names = losses.index.get_level_values(0).astype(str)
    found = _behind(_medians(cube_of(losses, names)))
    return pd.DataFrame(found, index=list(dict.fromkeys(names)), columns=losses.columns)


def cube_of(losses: pd.DataFrame, names: pd.Index[str]) -> Array:
    """(datasets, seeds, methods), filled up with NaN where a dataset has fewer seeds."""
    parts = [losses[names == name].to_numpy(dtype=np.float64) for name in dict.fromkeys(names)]
    cube = np.full((len(parts), max(map(len, parts)), losses.shape[1]), np.nan)
    for place, part in zip(cube, parts, strict=True):
        place[: len(part)] = part
    return cube


def _medians(cube: Array) -> Array:
    """Over the last axis but one, of what is there; infinities have their place in the order."""
    ordered = np.sort(cube, axis=-2)
    last = np.maximum((~np.isnan(cube)).sum(-2, keepdims=True) - 1, 0)
    low, high = (np.take_along_axis(ordered, index, -2)[..., 0, :] for index in (last // 2, (last + 1) // 2))
    return np.where(low == high, low, (low + high) / 2)


def _behind(levels: Array) -> Array:
    """Log factors over the best of each dataset (..., datasets, methods); NaN where nobody has anything finite."""
    best = np.where(np.isnan(levels), np.inf, levels).min(-1, keepdims=True)
    return np.where(np.isfinite(best), levels, np.nan) - np.where(np.isfinite(best), best, 0)


def _means(behind: Array) -> Array:
    """Over datasets, of those that a method has; NaN where it has none."""
    held = ~np.isnan(behind)
    total = np.where(held, behind, 0).sum(-2)
    return np.where(held.any(-2), total / np.maximum(held.sum(-2), 1), np.nan)


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
        n_datasets, n_seeds, _ = cube.shape
        units = n_datasets if n_datasets > 1 else n_seeds
        if units == 1:
            return None
        from scipy.stats import rankdata

        block = max(1, MOST // cube.size)
        sizes = [min(block, RESAMPLES - done) for done in range(0, RESAMPLES, block)]
        scores = np.concatenate([_resampled(cube, size, rng) for size in sizes])
        scores[:, np.isnan(scores).all(0)] = np.inf  # it has failed where all have: there is nothing to be behind
        leader = scores[:, best : best + 1]
        with np.errstate(invalid="ignore"):
            gap = np.where(np.isinf(scores) & np.isinf(leader), 0.0, scores - leader)
        ranks = rankdata(np.where(np.isnan(scores), np.inf, scores), method="min", axis=1)
        return cls(*(ends(drawn, units) for drawn in (scores, gap, ranks)))


def _resampled(cube: Array, n: int, rng: np.random.Generator) -> Array:
    """The scores (n, methods) of ``n`` draws of as many datasets, each with as many of its own seeds; NaN for none."""
    n_datasets, n_seeds, _ = cube.shape
    held = np.maximum((~np.isnan(cube).all(-1)).sum(-1), 1)
    dataset = rng.integers(n_datasets, size=(n, n_datasets))
    place = rng.random((n, n_datasets, n_seeds))
    seeds = (place * held[dataset][..., None]).astype(np.intp)
    drawn = np.where(np.arange(n_seeds) < held[dataset][..., None], seeds, n_seeds)
    padded = np.concatenate([cube, np.full_like(cube[:, :1], np.nan)], axis=1)
    return _means(_behind(_medians(padded[dataset[..., None], drawn])))


def ends(drawn: Array, units: int) -> Array:
    """The ends of the intervals, at percentiles that are expanded for few units; no interpolation to infinity.

    NaN where no draw has a number.
    """
    from scipy.stats import norm, t

    quantile = math.sqrt(units / (units - 1)) * t.ppf((1 + LEVEL) / 2, units - 1)
    share = float(norm.sf(quantile))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        return np.asarray(np.nanquantile(drawn, [share, 1 - share], axis=0, method="inverted_cdf"))


def _standing(row: str, k: int, scores: Array, behind: Array, spread: _Spread | None, datasets: list[str]) -> Standing:
    best, n = k == int(np.argmin(scores)), int((~np.isnan(behind)).sum())
    worst = datasets[int(np.argmax(np.where(np.isnan(behind), -np.inf, behind)))] if n else ""
    value = _factor(scores[k])
    if spread is None:
        word = Word.FAILED if np.isinf(scores[k]) else Word.BEST if best else Word.UNDECIDED
        return Standing(row, Estimate(value, n=n), (1, len(scores)), word, worst)
    low, high = (_factor(end) for end in spread.factor[:, k])
    first, last = (int(end) for end in spread.ranks[:, k])
    word = _word(best, float(scores[k]), *spread.gap[:, k])
    return Standing(row, Estimate(value, low, high, n), (first, last), word, worst)


def _factor(log: float) -> float:
    """exp; infinite beyond what a float holds, as hundreds of nats are between likelihoods of many coordinates."""
    with np.errstate(over="ignore"):
        return float(np.exp(log))


def _word(best: bool, score: float, low: float, high: float) -> Word:
    if math.isinf(score):
        return Word.FAILED
    if best:
        return Word.BEST
    if -math.log(TIE) <= low and high <= math.log(TIE):
        return Word.TIED
    return Word.BEHIND if low > 0 else Word.UNDECIDED
