"""The energy as a landscape: its minima, the saddles between them, and what lies between the modes of the truth.

A minimum counts when its depth, the height of the lowest saddle out of it above its bottom, is at least ``MIN_DEPTH``
nats at the temperature of the calibration: minima and saddles of the lattice come together from one sweep in the order
of energy (the persistence of sublevel sets: Edelsbrunner, Letscher & Zomorodian 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.manifold import pairwise_auroc
from ebmbench.metrics.surface import level_set
from ebmbench.truth.normalizer import Array

MIN_DEPTH = 1.0
"""Nats: a dent of the energy that is shallower is none."""
PAIRS = 4000
"""Pairs of test points between which the truth's deepest gap is sought."""
PLACES = 33
"""Points of a segment that are looked at."""
GAP_SHARE = 0.99
"""A gap lies outside the set that holds this share of the data."""
NO_BARRIERS = "the truth's modes are not parted by barriers"

Grid = NDArray[np.float64]
"""Energies of a lattice, with its own shape."""


@dataclass(frozen=True)
class Minima:
    """Minima of a lattice: the cells of their bottoms and their depths, both (W,); the deepest has no rim."""

    bottom: NDArray[np.int64]
    depth: Array


def sweep(energy: Grid, marks: NDArray[np.int64]) -> tuple[Minima, Array]:
    """The minima, and the lowest saddle between each two of the marked cells.

    Cells are flooded in the order of energy and joined to their flooded neighbors (the eight of the plane); where two
    pools meet, the one with the higher bottom ends.

    Args:
        energy: (n, m).
        marks: (K,) different cells, by their place in the flattened lattice.

    Returns:
        the minima, and the (K, K) energies of the lowest saddles (on the diagonal, the marks' own energies).
    """
    rows, columns = energy.shape
    flat = energy.ravel()
    order = np.argsort(flat, kind="stable")
    parent = np.full(len(flat), -1)
    saddles = np.full((len(marks), len(marks)), np.inf)
    pools: dict[int, list[int]] = {}
    for index, mark in enumerate(marks.tolist()):
        pools[mark] = [index]
        saddles[index, index] = flat[mark]
    bottoms: list[int] = []
    depths: list[float] = []
    parents, values = parent.tolist(), flat.tolist()

    def root(cell: int) -> int:
        while parents[cell] != cell:
            parents[cell] = parents[parents[cell]]
            cell = parents[cell]
        return cell

    for cell in order.tolist():
        parents[cell] = cell
        level = values[cell]
        row, column = divmod(cell, columns)
        for r in range(max(row - 1, 0), min(row + 2, rows)):
            for s in range(max(column - 1, 0), min(column + 2, columns)):
                other = r * columns + s
                if parents[other] < 0 or other == cell:
                    continue
                mine, theirs = root(cell), root(other)
                if mine == theirs:
                    continue
                high, low = (mine, theirs) if values[mine] > values[theirs] else (theirs, mine)
                if level > values[high]:
                    bottoms.append(high)
                    depths.append(level - values[high])
                _join(pools, saddles, low, high, level)
                parents[high] = low
    bottoms.append(root(int(order[0])))
    depths.append(np.inf)
    return Minima(np.asarray(bottoms), np.asarray(depths)), saddles


def _join(pools: dict[int, list[int]], saddles: Array, low: int, high: int, level: float) -> None:
    """The marks of the pool that ends move to the other; the saddle between them is where they met."""
    moved = pools.pop(high, [])
    if not moved:
        return
    held = pools.setdefault(low, [])
    for one in moved:
        for other in held:
            saddles[one, other] = saddles[other, one] = level
    held += moved


@dataclass(frozen=True)
class Relief:
    """One calibrated energy on the lattice, with its minima and the saddles between the truth's modes."""

    minima: Minima
    saddles: Array
    bottoms: Array


def relief(energy: Array, shape: tuple[int, ...], marks: NDArray[np.int64]) -> Relief:
    """The relief of an energy (M,) on a lattice of that shape; infinite energies are as high as the highest finite."""
    finite = np.minimum(energy, energy[np.isfinite(energy)].max())
    minima, saddles = sweep(finite.reshape(shape), marks)
    return Relief(minima, saddles, finite[marks])


@dataclass(frozen=True)
class Terrain:
    """The truth's modes on the lattice: who owns each cell (-1: nobody), the best cell of each, the truth's relief."""

    owner: NDArray[np.int64]
    marks: NDArray[np.int64]
    truth: Relief
    shape: tuple[int, ...]


def terrain(evaluation: Evaluation) -> Terrain:
    """The modes of the truth, where there are several on a plane.

    Raises:
        NotApplicable: if there are not.
    """
    truth, owner = evaluation.truth, evaluation.truth.owner[evaluation.truth.inside]
    truth.normalizer.plane("minima are sought on the plane only")
    support, log_p = truth.normalizer.domain, truth.log_p[truth.inside]
    marks = [int(np.flatnonzero(owner == mode)[log_p[owner == mode].argmax()]) for mode in range(truth.modes)]
    return Terrain(owner, np.asarray(marks), relief(-log_p, support.shape, np.asarray(marks)), support.shape)


def relief_at_beta(evaluation: Evaluation) -> Relief:
    """The relief of the energy at its best temperature."""
    ground = evaluation.once(terrain)
    return relief(evaluation.beta * evaluation.energy_inside, ground.shape, ground.marks)


def relief_of_order(evaluation: Evaluation) -> Relief:
    """The relief of the energy recalibrated by its order alone."""
    ground = evaluation.once(terrain)
    return relief(-evaluation.iso_log_density_inside, ground.shape, ground.marks)


def _relief(c: EvalContext) -> Relief:
    return c.evaluation.once(relief_of_order if c.variant == "iso" else relief_at_beta)


def gaps(evaluation: Evaluation) -> Tensor:
    """Points (n, d) between the data: on segments between pairs of test points, where the true density is lowest.

    Kept when they lie outside the set that holds 99 % of the data, half of the pairs at least.

    Raises:
        NotApplicable: if hardly any two data points have a gap between them.
    """
    evaluation.truth.require_continuous("there is nothing between two states")
    evaluation.truth.require_unconditional()
    level = float(np.quantile(evaluation.log_p_test, 1 - GAP_SHARE))
    test = evaluation.test.y.double()
    generator = Generator().manual_seed(evaluation.seed)
    first, second = (test[torch.randint(len(test), (PAIRS,), generator=generator)] for _ in range(2))
    place = torch.linspace(0, 1, PLACES, dtype=torch.float64)[None, :, None]
    points = first[:, None] + place * (second - first)[:, None]
    log_p = torch.from_numpy(evaluation.truth.log_p_at(Batch(points.flatten(0, 1)))).reshape(PAIRS, PLACES)
    lowest, index = log_p.min(1)
    kept = lowest < level
    if float(kept.double().mean()) < 0.5:
        raise NotApplicable("between most data points there is no gap")
    return points[torch.arange(PAIRS), index][kept]


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def minima_recall(c: EvalContext) -> float:
    """R = the share of the truth's modes that hold a minimum of the energy; modes that are no minima are not due.

    Needs the exact density and modes on the plane.
    """
    ground = c.evaluation.once(terrain)
    due = np.unique(_owners(ground, ground.truth))
    if len(due[due >= 0]) < 2:
        raise NotApplicable(NO_BARRIERS)
    return float(np.isin(due[due >= 0], _owners(ground, _relief(c))).mean())


def minima_spurious(c: EvalContext) -> float:
    """n = the number of minima that lie in no mode of the truth. Needs the exact density and modes on the plane."""
    return float((_owners(c.evaluation.once(terrain), _relief(c)) < 0).sum())


def _owners(ground: Terrain, found: Relief) -> NDArray[np.int64]:
    """The mode that each minimum lies in."""
    return ground.owner[found.minima.bottom[found.minima.depth >= MIN_DEPTH]]


def barrier_ratio(c: EvalContext) -> float:
    """median over pairs of modes of h / h', h = the height of the lowest saddle between them, h' = the truth's.

    A height is counted from the higher of the two modes' own energies.
    Needs the exact density and modes on the plane.
    """
    ours, truth = (_heights(r) for r in (_relief(c), c.evaluation.once(terrain).truth))
    held = truth >= MIN_DEPTH
    if not held.any():
        raise NotApplicable(NO_BARRIERS)
    return float(np.median(ours[held] / truth[held]))


def _heights(found: Relief) -> Array:
    upper = np.triu_indices(len(found.bottoms), 1)
    higher = np.maximum.outer(found.bottoms, found.bottoms)
    return np.asarray((found.saddles - higher)[upper], dtype=np.float64)


def antimode(c: EvalContext) -> float:
    """P(F(g) <= t), g = a point between data, t = the level of F below which 95 % of the data lie: 0 for the truth.

    Needs the exact density on the plane, and gaps between data.
    """
    inside = c.evaluation.energy[level_set(c.evaluation.energy, c.truth.log_p, c.truth.log_weight)].max()
    return float((c.evaluation.energy_at(c.evaluation.once(gaps)) <= inside).mean())


def auroc_between(c: EvalContext) -> float:
    """AUROC = P(F(y) < F(g)), y of the data, g = the deepest point of a gap between two of them.

    Needs the exact density on the plane, and gaps between data.
    """
    return pairwise_auroc(c.evaluation.energy_test, c.evaluation.energy_at(c.evaluation.once(gaps)))
