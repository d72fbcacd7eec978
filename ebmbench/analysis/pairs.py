"""How often one method does better than another: probabilities for all pairs, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.resampling import Array, cube_of, ends, units_of

RESAMPLES = 1000
CHUNK = 64
"""Methods whose pairs with all others are resampled at a time."""


@dataclass(frozen=True)
class Pairs:
    """Of all pairs of methods: the first is the row, the second the column.

    Attributes:
        rows: the methods, as they were given.
        probability: (M, M) that a trial of the first has a lower loss than one of the second on the same data, an equal
            loss counting half; the mean over datasets of Mann and Whitney's statistic of the seeds (Agarwal et al.
            2021, "probability of improvement"). NaN where no dataset has numbers of both.
        low: the lower ends of 95 % intervals; NaN where there is one trial a method.
        high: the upper ends.
    """

    rows: tuple[str, ...]
    probability: Array
    low: Array
    high: Array


def pairs(losses: pd.DataFrame, seed: int = 0) -> Pairs:
    """All pairs of methods.

    The intervals are of other datasets and seeds: a hierarchical bootstrap, as that of the standings, draws datasets
    and of each its seeds for all methods together.

    Args:
        losses: a column a method, a row a (dataset, seed); infinite: the trial failed (two failures are equal). NaN:
            it has no number, and counts nowhere.
        seed: of the resampling.
    """
    cube = cube_of(losses)
    n_datasets, n_seeds, n_methods = cube.shape
    weights = np.concatenate(
        [_seed_pairs(np.ones((1, n_datasets, n_seeds))), _drawn(cube, np.random.default_rng(seed))]
    )
    units = units_of(cube)
    found = np.full((3, n_methods, n_methods), np.nan)
    for start in range(0, n_methods, CHUNK):
        part = slice(start, start + CHUNK)
        probabilities = _probabilities(cube, part, weights)
        found[0, part] = probabilities[0]
        if units > 1:
            found[1:, part] = np.clip(ends(probabilities[1:], units), 0, 1)
    return Pairs(tuple(map(str, losses.columns)), *found)


def _probabilities(cube: Array, part: slice, weights: Array) -> Array:
    """(draws, methods of the part, methods): the means over datasets, each pair of seeds at its weight.

    Args:
        cube: the losses (datasets, seeds, methods).
        part: of the methods, the first of each pair.
        weights: (draws, datasets, seeds, seeds), of each draw's pairs of seeds.
    """
    first, second = cube[:, :, None, part, None], cube[:, None, :, None, :]
    wins = np.where(first == second, 0.5, first < second)
    held = ~(np.isnan(first) | np.isnan(second))
    shape = wins.shape[-2:]
    flat = weights.reshape(len(weights), cube.shape[0], -1)
    won, counted = (np.where(held, array, 0.0).reshape(*flat.shape[1:], -1) for array in (wins, 1.0))
    total, datasets = np.zeros((len(weights), won.shape[-1])), np.zeros((len(weights), won.shape[-1]))
    for d in range(cube.shape[0]):
        of_draw, share = flat[:, d], flat[:, d] @ counted[d]
        drawn = of_draw.sum(-1, keepdims=True)  # how often the dataset was drawn
        with np.errstate(invalid="ignore", divide="ignore"):
            total += np.where(share > 0, drawn * (of_draw @ won[d]) / share, 0.0)
        datasets += np.where(share > 0, drawn, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((total / datasets).reshape(-1, *shape))


def _seed_pairs(counts: Array) -> Array:
    """(..., datasets, seeds, seeds): the share of each pair of seeds, each seed as often as it counts."""
    shares = counts / counts.sum(-1, keepdims=True)
    return np.asarray(shares[..., :, None] * shares[..., None, :])


def _drawn(cube: Array, rng: np.random.Generator) -> Array:
    """The weights of draws of as many datasets, each with as many of its own seeds (draws, datasets, seeds, seeds)."""
    n_datasets, n_seeds, _ = cube.shape
    held = np.maximum((~np.isnan(cube).all(-1)).sum(-1), 1)
    dataset = rng.integers(n_datasets, size=(RESAMPLES, n_datasets))
    probabilities = (np.arange(n_seeds) < held[:, None]) / held[:, None]
    counts = rng.multinomial(held[dataset], probabilities[dataset]).astype(np.float64)
    weights = np.zeros((RESAMPLES, n_datasets, n_seeds, n_seeds))
    np.add.at(weights, (np.arange(RESAMPLES)[:, None], dataset), _seed_pairs(counts))
    return weights
