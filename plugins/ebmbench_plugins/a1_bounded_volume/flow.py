"""What normalizing flows share: an invertible map to the standard normal, its parts by zuko."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ebmbench.api import Batch, GradientMethod, Problem, StandardizedSurface

ROWS_AT_ONCE = 8192
"""Rows through the map at once: a spline keeps some hundred numbers for each."""


class Layer(nn.Module):
    """One invertible layer: parameters, and the zuko transform that they make."""

    def transform(self) -> Any:
        """u (B, d) -> (B, d), as a ``torch.distributions.Transform`` with ``call_and_ladj``."""
        raise NotImplementedError


class FlowSurface(StandardizedSurface):
    """F(y) = -log N(T(u); 0, I) - log|det dT/du| + sum_i log std_i, u = (y - mean) / std."""

    def __init__(self, problem: Problem, layers: Sequence[Layer]) -> None:
        super().__init__(problem)
        self.layers = nn.ModuleList(layers)

    def _transform(self) -> Any:
        from zuko.transforms import ComposedTransform

        return ComposedTransform(*[layer.transform() for layer in self.layers])  # type: ignore[operator]

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self.in_parts(y, ROWS_AT_ONCE, FlowSurface._energy)

    def _energy(self, y: Tensor) -> Tensor:
        z, log_det = self._transform().call_and_ladj(self.standardize(y))
        base: Tensor = 0.5 * z.square().sum(-1) - log_det
        return base + self.std.log().sum() + 0.5 * y.shape[-1] * math.log(2 * math.pi)

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """A standard normal draw, mapped back."""
        z = torch.randn(n, len(self.mean), generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        u: Tensor = self._transform().inv(z)
        return self.mean + self.std * u


class FlowMethod(GradientMethod):
    """Maximum likelihood of a flow, L = E F(y); authors write ``build``."""

    def loss(self, surface: FlowSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean of -log q(y)."""
        return surface(batch.y).mean()
