"""Surfaces that are the shared energy network, and little else."""

from __future__ import annotations

import torch
from torch import Tensor

from ebmbench.parts.nets import EnergyNet
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.surface import Surface


class EnergySurface(Surface):
    """F(y) = net(y): the free-form energy."""

    def __init__(self, net: EnergyNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        energy: Tensor = self.net(y)
        return energy


class NoiseSurface(EnergySurface):
    """F(y) = net(y), and the noise of known density that it is held against."""

    def __init__(self, net: EnergyNet, noise: Gaussian) -> None:
        super().__init__(net)
        self.noise = noise

    def log_ratio(self, y: Tensor) -> Tensor:
        """-F(y) - log q(y), (B, d) -> (B,): the log density ratio of model and noise."""
        return -self(y) - self.noise.log_prob(y)


class SelfNormalizedSurface(NoiseSurface):
    """F(y) = net(y) + log Z with log Z a parameter, and the noise that it is learned from."""

    def __init__(self, net: EnergyNet, noise: Gaussian) -> None:
        super().__init__(net, noise)
        self.log_z = torch.nn.Parameter(torch.zeros(()))

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        return super().forward(y) + self.log_z
