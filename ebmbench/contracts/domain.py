"""The spaces that data live in, each with a quadrature of itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from ebmbench.contracts.records import DomainKind

MAX_BITS = 20
"""Beyond so many the states are too many to be visited one by one."""
MAX_AXES = 3
"""Dimensions in which a lattice is laid; beyond, its cells would be wider than anything that data do."""


@dataclass(frozen=True)
class Support:
    """Where a surface is integrated, in float64.

    Attributes:
        points: (M, d).
        log_weight: (M,) the log volume that each stands for.
        shape: the sides of the lattice, whose product is M, the last axis running fastest; (M,) where it is none.
        cell: (M, d) the widths of the cell about each point; zeros where a point has no inside.
    """

    points: Tensor
    log_weight: Tensor
    shape: tuple[int, ...]
    cell: Tensor

    @property
    def edges(self) -> list[Tensor]:
        """Of the cells of a lattice, along each axis: one more than its cells."""
        found = []
        for axis, n in enumerate(self.shape):
            middles, widths = (
                array[:, axis].reshape(self.shape).movedim(axis, 0).reshape(n, -1)[:, 0]
                for array in (self.points, self.cell)
            )
            found.append(torch.cat([middles[:1] - widths[:1] / 2, middles + widths / 2]))
        return found


@dataclass(frozen=True)
class Box:
    """An axis-parallel box; the support is the lattice of the midpoints of its cells.

    Attributes:
        low: its lower corner.
        high: its upper corner.
        shape: how the coordinates are laid out, the last axis running fastest: (frames, rows, columns) of a picture.
            By default one after the other; points stay flat, (B, d), whatever it is.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """The shape has as many places as there are coordinates."""
        if not self.shape:
            object.__setattr__(self, "shape", (len(self.low),))
        if math.prod(self.shape) != len(self.low):
            raise ValueError(f"{len(self.low)} coordinates are not laid out as {self.shape}")

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.low)

    @property
    def is_picture(self) -> bool:
        """Whether the coordinates are pixels: all of one unit."""
        return len(self.shape) > 1

    @property
    def kind(self) -> DomainKind:
        """Real numbers."""
        return "continuous"

    @property
    def log_volume(self) -> float:
        """log of the product of the sides."""
        return sum(math.log(high - low) for low, high in zip(self.low, self.high, strict=True))

    @property
    def middle(self) -> tuple[float, ...]:
        """Its center."""
        return tuple((low + high) / 2 for low, high in zip(self.low, self.high, strict=True))

    def scaled(self, factor: float) -> Box:
        """The box about the same center, ``factor`` times as wide."""
        halves = [factor * (high - low) / 2 for low, high in zip(self.low, self.high, strict=True)]
        pairs = list(zip(self.middle, halves, strict=True))
        return Box(tuple(c - h for c, h in pairs), tuple(c + h for c, h in pairs), self.shape)

    def contains(self, y: Tensor) -> Tensor:
        """Which rows of ``y`` (B, d) lie inside, as a boolean (B,)."""
        low, high = y.new_tensor(self.low), y.new_tensor(self.high)
        return ((y >= low) & (y <= high)).all(-1)

    def support(self, n: int, shift: Sequence[float] = ()) -> Support:
        """The ``n**d`` midpoints of cells, the last coordinate running fastest.

        Args:
            n: cells along each axis.
            shift: of the lattice along each axis, in widths of a cell, between -1/2 and 1/2: the first and last cell
                are as much wider and narrower, all others of one volume.
        """
        middles, widths = [], []
        for low, high, moved in zip(self.low, self.high, shift or (0.0,) * self.dim, strict=True):
            edges = low + (torch.arange(n + 1, dtype=torch.float64) + moved) * ((high - low) / n)
            edges[0], edges[-1] = low, high
            middles.append((edges[1:] + edges[:-1]) / 2)
            widths.append(edges.diff())
        points, cell = (torch.cartesian_prod(*axes).reshape(-1, self.dim) for axes in (middles, widths))
        return Support(points, cell.log().sum(-1), (n,) * self.dim, cell)

    def shell(self, nodes: int) -> Support:
        """What lies in the box twice as wide and not in this one: 4^d - 2^d panels with Gauss-Legendre nodes.

        Args:
            nodes: of a panel along each axis.
        """
        place, weight = (torch.from_numpy(array) for array in leggauss(nodes))
        outer = self.scaled(2)
        axes, widths = [], []
        for low, high in zip(outer.low, outer.high, strict=True):
            half = (high - low) / 8
            middle = low + half * (2 * torch.arange(4, dtype=torch.float64) + 1)
            axes.append((middle[:, None] + half * place).ravel())
            widths.append((half * weight).repeat(4))
        points = torch.cartesian_prod(*axes).reshape(-1, self.dim)
        cell = torch.cartesian_prod(*widths).reshape(-1, self.dim)
        kept = ~self.contains(points)
        return Support(points[kept], cell[kept].log().sum(-1), (int(kept.sum()),), cell[kept])


def square(half_width: float) -> Box:
    """The square of the plane with corners at plus and minus ``half_width``."""
    reach = (float(half_width),) * 2
    return Box(tuple(-side for side in reach), reach)


@dataclass(frozen=True)
class Binary:
    """All strings of ``dim`` bits, as floats 0 and 1; every state weighs the same: densities are probabilities."""

    dim: int

    @property
    def is_picture(self) -> bool:
        """Bits are laid out one after the other."""
        return False

    @property
    def kind(self) -> DomainKind:
        """Bits."""
        return "binary"

    def support(self, n: int = 2) -> Support:
        """All 2^dim states, counting up with the last bit fastest; ``n`` does not matter.

        Raises:
            ValueError: if there are more than 2^20.
        """
        if self.dim > MAX_BITS:
            raise ValueError(f"{self.dim} bits have too many states to be enumerated; expected at most {MAX_BITS}")
        place = 2 ** torch.arange(self.dim - 1, -1, -1)
        states = (torch.arange(2**self.dim)[:, None] & place) > 0
        weight = torch.zeros(len(states), dtype=torch.float64)
        return Support(states.double(), weight, (2,) * self.dim, torch.zeros_like(states, dtype=torch.float64))

    def index(self, y: Tensor) -> Tensor:
        """The place of each row of ``y`` (B, dim) in the support, as (B,).

        Raises:
            ValueError: if an entry is neither 0 nor 1.
        """
        if not bool(((y == 0) | (y == 1)).all()):
            raise ValueError("expected bits, 0 or 1")
        place = 2 ** torch.arange(self.dim - 1, -1, -1, device=y.device)
        return (y.long() * place).sum(-1)


Domain = Box | Binary
"""The space that y (or x) lives in."""
