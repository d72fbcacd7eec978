"""What may stand in the place of the shared nets: energies and maps of one parameter, whose optimum is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ebmbench.contracts.domain import Domain, square
from ebmbench.contracts.problem import Noise, Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel, MapModel
from ebmbench.parts.shared import SharedParts

SHARED = SharedParts()


@dataclass(frozen=True)
class StandIns:
    """The shared parts, but for those that are given."""

    net: EnergyModel | None = None
    map: MapModel | None = None

    def energy_net(self, problem: Problem) -> EnergyModel:
        """The stand-in."""
        return SHARED.energy_net(problem) if self.net is None else self.net

    def map_net(self, problem: Problem) -> MapModel:
        """The stand-in."""
        return SHARED.map_net(problem) if self.map is None else self.map

    def gaussian(self, problem: Problem, scale: float) -> Noise:
        """The shared one."""
        return SHARED.gaussian(problem, scale)


def standing_in(
    net: EnergyModel | None = None,
    map: MapModel | None = None,
    *,
    domain: Domain | None = None,
    cov: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    """A problem about the origin whose shared nets are those given; of standard normal data on a square of 7."""
    domain = domain or square(7)
    cov = torch.eye(domain.dim, dtype=dtype) if cov is None else cov
    return Problem(domain, cov.new_zeros(domain.dim), cov, NetConfig(), StandIns(net, map))


class Quadratic(EnergyModel):
    """F(y) = a |y|^2 / 2 + offset."""

    def __init__(self, a: float, offset: float = 0.0) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))
        self.offset = offset

    def forward(self, y: Tensor) -> Tensor:
        return self.a * y.square().sum(-1) / 2 + self.offset

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self(y), self.a * y


class Scaling(MapModel):
    """G(u) = a u."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, u: Tensor) -> Tensor:
        return self.a * u

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        return self(u), self.a * directions
