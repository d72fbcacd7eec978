"""Surfaces that are the shared energy network and little else, and how one with a normalizer is trained."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ebmbench.parts.gradient import GradientMethod, ParamGroups
from ebmbench.parts.nets import EnergyNet
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.problem import Problem
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


class SelfNormalizedMethod(GradientMethod):
    """A method that learns log Z beside the energy, from Gaussian noise; authors write the loss."""

    noise_scale: float = Field(2.5, gt=0, description="covariance of the noise in units of the data's")
    log_z_rate: float = Field(10.0, gt=0, description="learning rate of log Z in units of the net's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net and its normalizer beside the noise."""
        return SelfNormalizedSurface(problem.energy_net(), problem.gaussian(self.noise_scale))

    def param_groups(self, surface: SelfNormalizedSurface) -> ParamGroups:
        """log Z moves faster than the weights."""
        return [
            {"params": list(surface.net.parameters())},
            {"params": [surface.log_z], "lr_scale": self.log_z_rate},
        ]
