"""Cells of a support that are too coarse for an energy, cut finer: pits narrower than the lattice's spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from torch import Tensor

from ebmbench.contracts.domain import Support
from ebmbench.contracts.exponentials import exp
from ebmbench.truth.normalizer import Array, log_normalizer

MASS = 1e-4
"""The share of the mass that a cell must have, or may be missing, to be worth a cut."""
STEEP, STEEP_PART = 2.0, 0.5
"""Nats between neighbors at which a cell of the lattice, or a part of one, is too coarse for the midpoint rule."""
HIDDEN = 3.0
"""Nats by which a point that was found must lie below the middle of its cell; in one that is resolved it may be two."""
MAX_LOG_Z_ERROR = 0.01
"""Nats: a normalizer that is not known as well as that is remarked upon, and steep cells are cut."""
PARTS = {1: 32, 2: 8, 3: 4}
"""Parts of a cell along each axis, by dimension."""
DEPTH = 4
"""How often a part may be cut again."""
MAX_CELLS = 256
"""Cells that are cut at a time; those with the most mass."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Cuts:
    """Parts of cells (K,), in the place of the cells.

    Attributes:
        points: their middles (K, d).
        cell: their widths (K, d).
        log_weight: log volumes (K,).
        energy: F there (K,).
        source: the cell of the support that each is a part of (K,).
    """

    points: Tensor
    cell: Tensor
    log_weight: Array
    energy: Array
    source: Indices

    def part(self, which: Indices | NDArray[np.bool_]) -> Cuts:
        """Some of them."""
        return Cuts(
            self.points[which], self.cell[which], self.log_weight[which], self.energy[which], self.source[which]
        )


class Cutter:
    """Cuts the cells of a support where an energy is steep, or lower than at the cell's middle.

    Args:
        energy_at: F at points (n, d).
        whole: the cells (M,); those of the domain first.
        domain: the domain's own, a lattice.
        beta: the temperature at which mass is counted.
        resolved: steep cells are left alone, for the midpoint rule is right of the lattice as a whole: its errors in a
            cell are made good in the next, if that is not cut either.
    """

    def __init__(
        self, energy_at: Callable[[Tensor], Array], whole: Cuts, domain: Support, beta: float, resolved: bool
    ) -> None:
        self.energy_at, self.whole, self.domain, self.beta = energy_at, whole, domain, beta
        self.resolved = resolved
        self.log_z = log_normalizer(whole.energy, whole.log_weight, beta)

    def cut(self, found: Tensor, energy: Array) -> Cuts:
        """The parts of all cells that are too coarse.

        Args:
            found: points (n, d) that something led to.
            energy: F there (n,).
        """
        coarse = np.union1d(self._steep_cells(), self._hiding_cells(found, energy)).astype(np.intp)
        active, done = self.whole.part(self._heaviest(self.whole, coarse)), []
        for _ in range(DEPTH):
            if not len(active.source):
                break
            parts, steep = self._parts(active)
            again = self._heaviest(parts, np.flatnonzero(steep & (self._mass(parts) > MASS)))
            done.append(parts.part(np.delete(np.arange(len(steep)), again)))
            active = parts.part(again)
        return joined([*done, active])

    def _mass(self, cells: Cuts) -> Array:
        """The share of the mass in each cell, as the support saw the whole."""
        return exp(np.minimum(-self.beta * cells.energy + cells.log_weight - self.log_z, 700))

    def _heaviest(self, cells: Cuts, which: Indices) -> Indices:
        """Of these, as many as are cut at a time."""
        order = np.argsort(-self._mass(cells)[which], kind="stable")
        return np.sort(which[order[:MAX_CELLS]])

    def _steep_cells(self) -> Indices:
        """Cells of the domain with mass, and with a jump to a neighbor; and those about them."""
        if self.resolved:
            return np.arange(0)
        n = len(self.domain.points)
        jump = _jumps(self.beta * self.whole.energy[:n].reshape(self.domain.shape))
        steep = (jump > STEEP) & (self._mass(self.whole)[:n] > MASS).reshape(self.domain.shape)
        return np.flatnonzero(binary_dilation(steep, iterations=2)) if steep.any() else np.arange(0)

    def _hiding_cells(self, found: Tensor, energy: Array) -> Indices:
        """The cells of points that lie deeper than the middles, and might hold mass; with those that touch them."""
        reach = -self.beta * energy - self.log_z - np.log(MASS)
        low = np.flatnonzero(reach + self.whole.log_weight.max() > 0)
        low = low[np.argsort(energy[low], kind="stable")]
        cells, low = self._cells_of(found[low], low)
        deeper = self.beta * (self.whole.energy[cells] - energy[low]) > HIDDEN
        hides = deeper & (reach[low] + self.whole.log_weight[cells] > 0)
        places, widths = found[low][hides], self.whole.cell[cells[hides]]
        corners = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5], dtype=torch.float64)] * found.shape[1])
        around = (places[:, None] + corners.reshape(-1, found.shape[1]) * widths[:, None]).flatten(0, 1)
        return np.union1d(cells[hides], self._cells_of(around, np.arange(len(around)))[0])

    def _cells_of(self, y: Tensor, label: Indices) -> tuple[Indices, Indices]:
        """The cell that each point lies in, outside the domain the nearest of the first so many; and their labels."""
        axes = zip(self.domain.edges, y.T, strict=True)
        place = torch.stack([torch.searchsorted(edges, one.contiguous(), right=True) - 1 for edges, one in axes], -1)
        shape = torch.tensor(self.domain.shape)
        inside = ((place >= 0) & (place < shape)).all(-1)
        found = np.ravel_multi_index(tuple(place.clamp(min=0).minimum(shape - 1).T.numpy()), self.domain.shape)
        far, n = np.flatnonzero(~inside.numpy())[:MAX_CELLS], len(self.domain.points)
        outer, widths = self.whole.points[n:], self.whole.cell[n:]
        for one in far:
            found[one] = n + int(((outer - y[one]).abs() / widths).amax(-1).argmin())
        kept = np.union1d(np.flatnonzero(inside.numpy()), far)
        return found[kept].astype(np.intp), label[kept]

    def _parts(self, cells: Cuts) -> tuple[Cuts, NDArray[np.bool_]]:
        """The parts of cells, and which of them are steep against others of the same cell."""
        dim = cells.points.shape[1]
        count = PARTS[dim]
        offset = (torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5
        offsets = torch.cartesian_prod(*[offset] * dim).reshape(-1, dim)
        points = (cells.points[:, None] + offsets * cells.cell[:, None]).flatten(0, 1)
        each = len(offsets)
        parts = Cuts(
            points,
            (cells.cell / count).repeat_interleave(each, 0),
            np.repeat(cells.log_weight - dim * np.log(count), each),
            self.energy_at(points),
            np.repeat(cells.source, each),
        )
        jump = [_jumps(grid) for grid in (self.beta * parts.energy).reshape(-1, *[count] * dim)]
        return parts, np.concatenate([one.ravel() for one in jump]) > STEEP_PART


def _jumps(grid: Array) -> Array:
    """The largest difference of each place of a grid to its neighbors along the axes."""
    found = np.zeros_like(grid)
    for axis in range(grid.ndim):
        with np.errstate(invalid="ignore"):
            step = np.nan_to_num(np.abs(np.diff(grid, axis=axis)), nan=0.0, posinf=np.inf)
        before, after = [slice(None)] * grid.ndim, [slice(None)] * grid.ndim
        before[axis], after[axis] = slice(0, -1), slice(1, None)
        np.maximum(found[tuple(before)], step, out=found[tuple(before)])
        np.maximum(found[tuple(after)], step, out=found[tuple(after)])
    return found


def joined(parts: list[Cuts]) -> Cuts:
    """All of them."""
    return Cuts(
        torch.cat([part.points for part in parts]),
        torch.cat([part.cell for part in parts]),
        np.concatenate([part.log_weight for part in parts]),
        np.concatenate([part.energy for part in parts]),
        np.concatenate([part.source for part in parts]),
    )
