"""Clusters and circles in other places: 25 normals on a square lattice, five rings beside one another."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.manifold import Curves
from ebmbench.datasets.plane import COVERING_RADII, Clusters, NoisyDataset, normal, polar, ring_log_prob, uniform


class TwentyFiveGaussians(Clusters):
    """p = 1/25 sum_k N(m_k, s^2 I), m_k on the lattice {-2, ..., 2}^2 sqrt 2; s is 0.2 / sqrt 2 unless told."""

    sigma: float = Field(0.2 / math.sqrt(2), gt=0, description="standard deviation of each normal")

    half_width: ClassVar[float] = 5

    def nodes(self) -> tuple[Tensor, Tensor]:
        """The 25 centers, equally likely."""
        axis = torch.arange(-2, 3, dtype=torch.float64) * math.sqrt(2)
        return torch.cartesian_prod(axis, axis), torch.full((25,), -math.log(25), dtype=torch.float64)


OLYMPIC_CENTERS = ((-2.2, 0.6), (0.0, 0.6), (2.2, 0.6), (-1.1, -0.6), (1.1, -0.6))


class Olympics(NoisyDataset):
    """y = c_k + (cos t, sin t) + s e, k one of five circles of radius 1 that cross, t uniform, e ~ N(0, I)."""

    sigma: float = Field(0.1, gt=0, description="standard deviation of the noise")

    half_width: ClassVar[float] = 5

    def draw(self, n: int, generator: Generator) -> Tensor:
        """A circle, an angle and noise."""
        centers = torch.tensor(OLYMPIC_CENTERS, dtype=torch.float64)
        center = centers[torch.randint(len(centers), (n,), generator=generator)]
        return center + polar(1.0, 2 * math.pi * uniform(n, generator)) + self.sigma * normal(n, generator)

    def _circles(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets from each center (B, 5, 2) and each circle's log density (B, 5)."""
        offset = y[:, None] - torch.tensor(OLYMPIC_CENTERS, dtype=y.dtype)
        return offset, ring_log_prob(offset.norm(dim=-1), torch.ones(5, dtype=y.dtype), self.sigma)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        return logsumexp(self._circles(y)[1]) - math.log(5)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2)."""
        offset, log_each = self._circles(y)
        distance = offset.norm(dim=-1, keepdim=True)
        z = distance / self.sigma**2
        pull = (torch.special.i1e(z) / torch.special.i0e(z) - distance) / self.sigma**2
        each: Tensor = pull * offset / distance.clamp_min(torch.finfo(y.dtype).tiny)
        return (torch.softmax(log_each, -1)[..., None] * each).sum(-2)

    @property
    def modes(self) -> int:
        """The circles."""
        return 5

    def assign_mode(self, y: Tensor) -> Tensor:
        """The circle that the row is nearest to, or -1 when it is farther than four standard deviations."""
        distance, index = (self._circles(y)[0].norm(dim=-1) - 1).abs().min(-1)
        return torch.where(distance <= COVERING_RADII * self.sigma, index, -1)

    @property
    def manifold(self) -> Curves:
        """The circles."""

        def circle(center: Tensor, angle: Tensor) -> Tensor:
            return center + polar(1.0, angle)

        centers = torch.tensor(OLYMPIC_CENTERS, dtype=torch.float64)
        return Curves.trace(self.sigma, [partial(circle, center) for center in centers], 0, 2 * math.pi)
