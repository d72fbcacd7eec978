"""What noisy data scatter about, curves of the plane or single points, and the nearest point of it to any other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor

SEGMENTS = 20_000
"""Of each curve: the nearest point is found to within a segment's length, its distance to that squared."""
CANDIDATES = 4
"""Segments, by the distance of their middles, among which the nearest is sought."""


@dataclass(frozen=True)
class Curves:
    """Curves as chains of short segments, with the share of the data that falls on each; all float64 on the CPU.

    Args:
        width: standard deviation of the data's noise about the curves.
        start: (S, 2) one end of each segment.
        end: (S, 2) the other.
        share: (S,) the data on each, up to a factor.
    """

    width: float
    start: Tensor
    end: Tensor
    share: Tensor
    dim: int = field(default=1, init=False)

    @classmethod
    def trace(
        cls,
        width: float,
        curves: Sequence[Callable[[Tensor], Tensor]],
        low: float,
        high: float,
        density: Callable[[Tensor], Tensor] = torch.ones_like,
    ) -> Curves:
        """Curves t -> (n, 2) over [low, high], equally likely, with the data's density along t."""
        t = torch.linspace(low, high, SEGMENTS + 1, dtype=torch.float64)
        points = [curve(t) for curve in curves]
        share = density((t[:-1] + t[1:]) / 2).repeat(len(points))
        return cls(width, torch.cat([p[:-1] for p in points]), torch.cat([p[1:] for p in points]), share)

    def draw(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """``n`` points as the data fall on the curves, and a unit normal at each; two of (n, 2)."""
        index = torch.multinomial(self.share, n, replacement=True, generator=generator)
        along = self.end[index] - self.start[index]
        place = torch.rand(n, 1, generator=generator, dtype=torch.float64)
        normal = torch.stack([-along[:, 1], along[:, 0]], -1) / along.norm(dim=-1, keepdim=True)
        return self.start[index] + place * along, normal

    def closest(self, y: Tensor) -> Tensor:
        """The nearest point of the curves, (B, 2) -> (B, 2) in float64."""
        y = y.double()
        index = torch.from_numpy(self._tree.query(y.numpy(), k=CANDIDATES)[1])
        start, along = self.start[index], (self.end - self.start)[index]
        place = ((y[:, None] - start) * along).sum(-1) / along.square().sum(-1)
        found = start + place.clamp(0, 1)[..., None] * along
        best = (found - y[:, None]).square().sum(-1).argmin(1)
        return found[torch.arange(len(y)), best]

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(((self.start + self.end) / 2).numpy())


@dataclass(frozen=True)
class Points:
    """Single points: every direction is normal to them.

    Args:
        width: standard deviation of the data's noise about each.
        centers: (K, d).
        share: (K,) the data about each, up to a factor; None when they are equally likely.
    """

    width: float
    centers: Tensor
    share: Tensor | None = None
    dim: int = field(default=0, init=False)

    def draw(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """``n`` of the points, and a random unit vector at each; two of (n, d)."""
        if self.share is None:
            index = torch.randint(len(self.centers), (n,), generator=generator)
        else:
            index = torch.multinomial(self.share, n, replacement=True, generator=generator)
        return self.centers[index], _directions(n, self.centers.shape[1], generator)

    def closest(self, y: Tensor) -> Tensor:
        """The nearest of the points, (B, d) -> (B, d)."""
        return self.centers[torch.cdist(y.double(), self.centers).argmin(1)]


def _directions(n: int, dim: int, generator: Generator) -> Tensor:
    """Unit vectors (n, dim), all directions alike; on the line -1 and +1."""
    if dim == 2:
        angle = 2 * math.pi * torch.rand(n, generator=generator, dtype=torch.float64)
        return torch.stack([angle.cos(), angle.sin()], -1)
    drawn = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=-1)
