"""Energies of auto-encoders: how badly a point is reconstructed."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor

from ebmbench.contracts.problem import Problem
from ebmbench.contracts.surface import MapModel, Surface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.standardized import StandardizedSurface

ROWS_AT_ONCE = 3072
"""Rows through the map at once: more of them fall out of the processor's cache, and run at half the speed."""


class ReconstructionSurface(StandardizedSurface):
    """F(y) = mean_j |u - G(u + s e_j)|^2 in standardized coordinates u, over a fixed isotropic cloud e_j.

    With s = 0 it is the plain reconstruction error |u - G(u)|^2 of the lecture, whose energy is low wherever G has a
    fixed point, between modes too: at the optimum F is proportional to |grad log p|^2 (Alain & Bengio 2014). Looking
    from a cloud about the point tells a stable fixed point from an unstable one.

    Args:
        problem: gives the net and the standardization.
        noise: s, in units of the data's standard deviation.
        draws: how many e_j, when s > 0.
        net: G on standardized coordinates, (B, d) -> (B, d); by default the shared map.
    """

    cloud: Tensor
    map: MapModel

    def __init__(self, problem: Problem, noise: float, draws: int, net: MapModel | None = None) -> None:
        super().__init__(problem)
        cloud = noise * isotropic_cloud(draws, problem.dim) if noise else torch.zeros(1, problem.dim)
        self.register_buffer("cloud", cloud)
        self.map = problem.map_net() if net is None else net

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        rows = max(1, ROWS_AT_ONCE // len(self.cloud))
        return self.in_parts(y, rows, ReconstructionSurface._errors)

    def _errors(self, y: Tensor) -> Tensor:
        u = self.standardize(y)
        seen = (u + self.cloud[:, None]).flatten(0, 1)
        rebuilt = self.map(seen).view(len(self.cloud), len(u), -1)
        return (u - rebuilt).square().sum(-1).mean(0)


class ReconstructionMethod(GradientMethod):
    """A method that trains a map and reads its energy out as the reconstruction error; authors write the loss."""

    energy_noise: float = Field(0.1, ge=0, description="size of the cloud that the energy looks from (0: none)")
    energy_draws: int = Field(6, ge=3, description="points of that cloud; off the plane at least two for each axis")

    def map_of(self, problem: Problem) -> MapModel:
        """The map that is trained: the shared residual one."""
        return problem.map_net()

    def build(self, problem: Problem) -> Surface:
        """The reconstruction error of the map; off the plane the cloud is whole sets of axes with both signs."""
        both = 2 * problem.dim
        draws = self.energy_draws if problem.dim == 2 else math.ceil(self.energy_draws / both) * both
        return ReconstructionSurface(problem, self.energy_noise, draws, self.map_of(problem))


def isotropic_cloud(draws: int, dim: int) -> Tensor:
    """Points (draws, dim) on the sphere of radius sqrt(dim), with mean 0 and covariance I like a standard normal.

    On the plane a regular polygon; elsewhere random orthogonal axes with both signs (orthogonal Monte Carlo: Yu et al.
    2016), for which ``draws`` must be a multiple of 2 dim.
    """
    if dim == 2:
        angle = torch.arange(draws) * (2 * math.pi / draws)
        return math.sqrt(2) * torch.stack([angle.cos(), angle.sin()], -1)
    if draws % (2 * dim):
        raise ValueError(f"energy_draws must be a multiple of {2 * dim} in {dim} dimensions, got {draws}")
    axes = [torch.linalg.qr(torch.randn(dim, dim)).Q for _ in range(draws // (2 * dim))]
    return math.sqrt(dim) * torch.cat([sign * block for block in axes for sign in (1, -1)])
