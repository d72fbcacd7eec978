"""Saturating auto-encoder."""

from __future__ import annotations

from typing import cast

from pydantic import Field
from torch import Generator, Tensor, nn

from ebmbench.api import Batch, MapModel, Problem, ReconstructionMethod, ReconstructionSurface


class ClippedLinear(MapModel):
    """G(u) = V clip(W u + b, -1, 1) + c, (B, d) -> (B, d): constant wherever all units are saturated."""

    def __init__(self, dim: int, units: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(dim, units)
        self.decoder = nn.Linear(units, dim)

    def forward(self, u: Tensor) -> Tensor:
        """G(u)."""
        return self.with_margin(u)[0]

    def with_margin(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """G(u) (B, d), and how far the units are from saturation, sum_j (1 - |a_j|)_+ (B,)."""
        a = self.encoder(u)
        rebuilt: Tensor = self.decoder(a.clamp(-1, 1))
        return rebuilt, (1 - a.abs()).relu().sum(-1)


class SaturatingAE(ReconstructionMethod):
    """An auto-encoder whose units are pushed to where they are flat, so that G hardly moves with u.

    L = E |u - G(u)|^2 + h sum_j (1 - |a_j|)_+,  a = W u + b,  G(u) = V clip(a, -1, 1) + c: the distance of each
    pre-activation to the saturated zones of a clipped line (Goroshin & LeCun 2013). What is not near the data cannot
    be reconstructed by units that are all flat there. The layer sees u itself, no Fourier features. Shapes: u (B, d),
    a (B, units).
    It fails as a density, and where the data fill more of the plane than the few units that stay linear can cut out: G
    is piecewise affine, and each piece on which enough units are linear reconstructs all of itself.
    """

    units: int = Field(256, ge=1, description="clipped lines of the code")
    lr: float = Field(0.01, gt=0, description="peak learning rate of Adam")
    saturation: float = Field(0.1, ge=0, description="h, weight of the distance to saturation")

    def map_of(self, problem: Problem) -> MapModel:
        """One layer of clipped lines."""
        return ClippedLinear(problem.dim, self.units)

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """Reconstruction error, and h times the distance to saturation."""
        layer = cast(ClippedLinear, surface.map)
        u = surface.standardize(batch.y)
        rebuilt, margin = layer.with_margin(u)
        return ((rebuilt - u).square().sum(-1) + self.saturation * margin).mean()
