"""What denoising methods share: corrupted points, and an energy whose gradient leads back from them."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ebmbench.contracts.surface import EnergyModel
from ebmbench.parts.energies import EnergySurface
from ebmbench.parts.noise import normal


class ScoreSurface(EnergySurface):
    """An energy whose negative gradient is the score, and the size of its noise in the units of y."""

    size: Tensor

    def __init__(self, net: EnergyModel, size: Tensor) -> None:
        super().__init__(net)
        self.register_buffer("size", size.clone())

    @property
    def smoothing(self) -> float:
        """The standard deviation of the noise."""
        return float(self.size)

    def denoise(self, y: Tensor) -> Tensor:
        """G(y) = y - s^2 grad F(y), (B, d) -> (B, d): the mean of the clean point when F is right (Miyasawa 1961)."""
        return y - self.size.square() * self.with_gradient(y)[1]


def corrupted(y: Tensor, size: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """y + s e and y - s e below one another, and e and -e: (B, d) -> (2 B, d), (2 B, d), e ~ N(0, I)."""
    noise = normal(tuple(y.shape), y, rng)
    noise = torch.cat([noise, -noise])
    return torch.cat([y, y]) + size * noise, noise
