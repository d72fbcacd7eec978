"""Surfaces that are an energy network and little else, and how one with a normalizer is trained."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from ebmbench.contracts.problem import Noise, Problem
from ebmbench.contracts.surface import EnergyModel, Surface
from ebmbench.parts.gradient import GradientMethod, ParamGroups


class EnergySurface(Surface):
    """F(y) = net(y) + constant: the free-form energy, with the derivatives of its net."""

    def __init__(self, net: EnergyModel) -> None:
        super().__init__()
        self.net = net

    def constant(self) -> Tensor | None:
        """What is added to the net, such as log Z; None for nothing."""
        return None

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self._raised(self.net(y))

    def _raised(self, energy: Tensor) -> Tensor:
        constant = self.constant()
        return energy if constant is None else energy + constant

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """By the net's own derivatives, unless ``forward`` was written anew."""
        if type(self).forward is not EnergySurface.forward:
            return super().with_gradient(y)
        energy, gradient = self.net.with_gradient(y)
        return self._raised(energy), gradient

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """By the net's own derivatives, unless ``forward`` was written anew."""
        if type(self).forward is not EnergySurface.forward:
            return super().with_curvature(y, directions)
        energy, gradient, second = self.net.with_curvature(y, directions)
        return self._raised(energy), gradient, second


class ScaledSurface(EnergySurface):
    """F(y) = net(y), and the standard deviations (d,) of the data that noise is measured in."""

    std: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.energy_net())
        self.register_buffer("std", problem.std.clone())


class NoiseSurface(ScaledSurface):
    """F(y) = net(y), and the noise of known density that it is held against."""

    def __init__(self, problem: Problem, noise: Noise) -> None:
        super().__init__(problem)
        self.noise = noise

    def log_ratio(self, y: Tensor) -> Tensor:
        """-F(y) - log q(y), (B, d) -> (B,): the log density ratio of model and noise."""
        return -self(y) - self.noise.log_prob(y)


class SelfNormalizedSurface(NoiseSurface):
    """F(y) = net(y) + log Z with log Z a parameter, and the noise that it is learned from."""

    def __init__(self, problem: Problem, noise: Noise) -> None:
        super().__init__(problem, noise)
        self.log_z = nn.Parameter(torch.zeros(()))

    def constant(self) -> Tensor:
        """log Z."""
        return self.log_z


class SelfNormalizedMethod(GradientMethod):
    """A method that learns log Z beside the energy, from Gaussian noise; authors write the loss."""

    noise_scale: float = Field(2.5, gt=0, description="covariance of the noise in units of the data's")
    log_z_rate: float = Field(10.0, gt=0, description="learning rate of log Z in units of the net's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net and its normalizer beside the noise."""
        return SelfNormalizedSurface(problem, problem.gaussian(self.noise_scale))

    def param_groups(self, surface: SelfNormalizedSurface) -> ParamGroups:
        """log Z moves faster than the weights."""
        return [
            {"params": list(surface.net.parameters())},
            {"params": [surface.log_z], "lr_scale": self.log_z_rate},
        ]
