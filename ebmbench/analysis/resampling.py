"""A hierarchical bootstrap over datasets and, of each, its seeds; intervals that are wide enough for few of either."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebmbench.analysis.intervals import LEVEL

RESAMPLES = 2000
MOST = 4_000_000
"""Numbers that are resampled at a time."""

Array = NDArray[np.float64]


def cube_of(table: pd.DataFrame) -> Array:
    """(datasets, seeds, columns) of a table by (dataset, seed), filled up with NaN where a dataset has fewer seeds."""
    names = table.index.get_level_values(0).astype(str)
    parts = [table[names == name].to_numpy(dtype=np.float64) for name in dict.fromkeys(names)]
    cube = np.full((len(parts), max(map(len, parts)), table.shape[1]), np.nan)
    for place, part in zip(cube, parts, strict=True):
        place[: len(part)] = part
    return cube


def medians(cube: Array) -> Array:
    """Over the last axis but one, of what is there; infinities have their place in the order."""
    ordered = np.sort(cube, axis=-2)
    last = np.maximum((~np.isnan(cube)).sum(-2, keepdims=True) - 1, 0)
    low, high = (np.take_along_axis(ordered, index, -2)[..., 0, :] for index in (last // 2, (last + 1) // 2))
    with np.errstate(invalid="ignore"):  # between the two infinities there is nothing
        return np.where(low == high, low, (low + high) / 2)


def means(levels: Array) -> Array:
    """Over datasets, of those that a column has (..., datasets, columns); NaN where it has none."""
    held = ~np.isnan(levels)
    with np.errstate(invalid="ignore"):
        total = np.where(held, levels, 0).sum(-2)
    return np.where(held.any(-2), total / np.maximum(held.sum(-2), 1), np.nan)


def units_of(cube: Array) -> int:
    """What an interval is of: datasets; with one of them, seeds."""
    n_datasets, n_seeds, _ = cube.shape
    return int(n_datasets if n_datasets > 1 else n_seeds)


def resampled(cube: Array, statistic: Callable[[Array], Array], rng: np.random.Generator) -> Array:
    """A statistic of the medians of ``RESAMPLES`` draws of as many datasets, each with as many of its own seeds.

    Args:
        cube: (datasets, seeds, columns); the columns are drawn together.
        statistic: from medians (n, datasets, columns) to (n, columns).
        rng: of the draws.
    """
    block = max(1, MOST // cube.size)
    sizes = [min(block, RESAMPLES - done) for done in range(0, RESAMPLES, block)]
    return np.concatenate([statistic(_drawn(cube, size, rng)) for size in sizes])


def _drawn(cube: Array, n: int, rng: np.random.Generator) -> Array:
    """The medians (n, datasets, columns) of ``n`` draws."""
    n_datasets, n_seeds, _ = cube.shape
    held = np.maximum((~np.isnan(cube).all(-1)).sum(-1), 1)
    dataset = rng.integers(n_datasets, size=(n, n_datasets))
    place = rng.random((n, n_datasets, n_seeds))
    seeds = (place * held[dataset][..., None]).astype(np.intp)
    drawn = np.where(np.arange(n_seeds) < held[dataset][..., None], seeds, n_seeds)
    padded = np.concatenate([cube, np.full_like(cube[:, :1], np.nan)], axis=1)
    return medians(padded[dataset[..., None], drawn])


def ends(drawn: Array, units: int) -> Array:
    """The ends (2, columns) of 95 % intervals of what was drawn (n, columns); no interpolation to infinity.

    The percentiles are expanded as Student's t is over the normal, for units are few (Hesterberg 2015, section 3.3).
    NaN where no draw has a number.
    """
    from scipy.stats import norm, t

    quantile = math.sqrt(units / (units - 1)) * t.ppf((1 + LEVEL) / 2, units - 1)
    share = float(norm.sf(quantile))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        return np.asarray(np.nanquantile(drawn, [share, 1 - share], axis=0, method="inverted_cdf"))


def factor(log: float) -> float:
    """exp; infinite beyond what a float holds, as hundreds of nats are between likelihoods of many coordinates."""
    with np.errstate(over="ignore"):
        return float(np.exp(log))
