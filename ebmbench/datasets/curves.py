"""More curves of the plane with Gaussian noise: two spirals and the Swiss roll."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.datasets.manifold import Curves
from ebmbench.datasets.plane import GaussianNodes, legendre, node_count, normal, polar, uniform


class TwoSpirals(GaussianNodes):
    """y = +-(t / 3)(-cos t, sin t) + s e, two arms, t in [0, 3 pi] of density ∝ t, e ~ N(0, I); no box noise."""

    sigma: float = Field(0.1, gt=0, description="standard deviation of the noise")

    half_width: ClassVar[float] = 5

    @staticmethod
    def _arm(t: Tensor) -> Tensor:
        return torch.stack([-t / 3 * torch.cos(t), t / 3 * torch.sin(t)], -1)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Quadrature nodes of both arms, weighted by t."""
        end = 3 * math.pi
        t, weight = legendre(0, end, node_count(15.9, self.sigma))
        log_weight = torch.log(weight * t / end**2)
        return torch.cat([self._arm(t), -self._arm(t)]), log_weight.repeat(2)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """An arm, an angle with density proportional to itself, and noise."""
        t = 3 * math.pi * uniform(n, generator).sqrt()
        sign = torch.where(uniform(n, generator) < 0.5, 1.0, -1.0)[:, None]
        return sign * self._arm(t) + self.sigma * normal(n, generator)

    @property
    def modes(self) -> int:
        """Two arms."""
        return 2

    @property
    def manifold(self) -> Curves:
        """The arms."""
        return Curves.trace(self.sigma, [self._arm, lambda t: -self._arm(t)], 0, 3 * math.pi, lambda t: t)


class SwissRoll(GaussianNodes):
    """y = (t / 5)(cos t, sin t) + s e, t uniform in [1.5 pi, 4.5 pi], e ~ N(0, I)."""

    sigma: float = Field(0.2, gt=0, description="standard deviation of the noise")

    half_width: ClassVar[float] = 5

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Quadrature nodes, uniform in t."""
        low, high = 1.5 * math.pi, 4.5 * math.pi
        t, weight = legendre(low, high, node_count(18.0, self.sigma))
        return polar(t / 5, t), torch.log(weight / (high - low))

    def draw(self, n: int, generator: Generator) -> Tensor:
        """An angle and noise."""
        t = 1.5 * math.pi + 3 * math.pi * uniform(n, generator)
        return polar(t / 5, t) + self.sigma * normal(n, generator)

    @property
    def manifold(self) -> Curves:
        """The roll."""
        return Curves.trace(self.sigma, [lambda t: polar(t / 5, t)], 1.5 * math.pi, 4.5 * math.pi)
