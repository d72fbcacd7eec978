"""Surfaces that are an energy net and little else: its derivatives, what is added to it, the noise beside it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel
from ebmbench.parts.energies import (
    EnergySurface,
    NoiseSurface,
    ScaledSurface,
    SelfNormalizedMethod,
    SelfNormalizedSurface,
)
from ebmbench.parts.gradient import GradientStepper
from ebmbench.parts.noise import Gaussian
from tests.factories import make_problem
from tests.stand_ins import Quadratic, standing_in


class Watched(Quadratic):
    """Knows which of its members were asked."""

    def __init__(self, a: float) -> None:
        super().__init__(a)
        self.asked: list[str] = []

    def forward(self, y: Tensor) -> Tensor:
        self.asked.append("forward")
        return super().forward(y)

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append("with_gradient")
        return self.a * y.square().sum(-1) / 2, self.a * y

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.asked.append("with_curvature")
        return self.a * y.square().sum(-1) / 2, self.a * y, self.a * directions.square().sum(-1)


class Raised(EnergySurface):
    """F(y) = net(y) + 3."""

    def constant(self) -> Tensor:
        return torch.tensor(3.0)


class Doubled(EnergySurface):
    """F(y) = 2 net(y): forward is written anew."""

    def forward(self, y: Tensor) -> Tensor:
        return 2 * self.net(y)


def points(n: int = 20) -> Tensor:
    return torch.randn(n, 2, generator=Generator().manual_seed(0))


DIRECTIONS = torch.randn(20, 3, 2, generator=Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("surface_type", "scale", "constant"), [(EnergySurface, 1, 0), (Raised, 1, 3), (Doubled, 2, 0)]
)
def test_energy_and_derivatives_are_of_one_function(surface_type: Any, scale: float, constant: float) -> None:
    """F = scale a |y|^2 / 2 + constant, also where forward is written anew and the net's derivatives are not F's."""
    surface, y, a = surface_type(Watched(0.7)), points(), 0.7 * scale
    energy = a * y.square().sum(-1) / 2 + constant
    torch.testing.assert_close(surface(y), energy)
    torch.testing.assert_close(surface.with_gradient(y), (energy, a * y))
    curved = a * DIRECTIONS.square().sum(-1)
    torch.testing.assert_close(surface.with_curvature(y, DIRECTIONS), (energy, a * y, curved))
    torch.testing.assert_close(surface.with_laplacian(y), (energy, a * y, torch.full((20,), 2 * a)))


def test_the_nets_own_derivatives_are_asked_where_they_are_those_of_the_energy() -> None:
    plain, doubled = Watched(0.7), Watched(0.7)
    for surface in (Raised(plain), Doubled(doubled)):
        surface.with_gradient(points())
        surface.with_curvature(points(), DIRECTIONS)
    assert plain.asked == ["with_gradient", "with_curvature"]
    assert doubled.asked == ["forward", "forward"]


def test_a_surface_of_two_spreads_knows_them() -> None:
    cov = torch.diag(torch.tensor([4.0, 0.25]))
    surface = ScaledSurface(make_problem(square(5), NetConfig(width=8), cov=cov))
    assert surface.std.tolist() == [2.0, 0.5]
    assert "std" in surface.state_dict()


def wide() -> Gaussian:
    return Gaussian(torch.zeros(2), 2.5 * torch.eye(2))


def test_the_log_ratio_of_a_model_that_is_the_noise_is_a_constant() -> None:
    """F = |y|^2 / (2 * 2.5) is -log q but for its normalizer, log(2 pi 2.5); at another scale it is not."""
    same, other = (NoiseSurface(standing_in(Quadratic(a)), wide()) for a in (1 / 2.5, 1.0))
    expected = torch.full((20,), 2 * torch.pi * 2.5).log()
    torch.testing.assert_close(same.log_ratio(points()), expected)
    torch.testing.assert_close(other.log_ratio(points()), -other(points()) - wide().log_prob(points()))
    assert float(other.log_ratio(points()).detach().std()) > 0.1


def test_log_z_is_a_parameter_that_is_added_to_the_energy() -> None:
    surface, y = SelfNormalizedSurface(standing_in(Quadratic(0.7)), wide()), points()
    assert float(surface.log_z.detach()) == 0
    nn.init.constant_(surface.log_z, 1.5)
    torch.testing.assert_close(surface(y), surface.net(y) + 1.5)
    (slope,) = torch.autograd.grad(surface(y).sum(), surface.log_z)
    assert float(slope) == len(y)
    torch.testing.assert_close(surface.with_gradient(y), (surface(y), 0.7 * y))


class Pull(SelfNormalizedMethod):
    """Moves log Z and the net's parameter with the same force."""

    def loss(self, surface: SelfNormalizedSurface, batch: Batch, rng: Generator) -> Tensor:
        return surface.log_z + surface.get_parameter("net.a")


def test_log_z_moves_faster_than_the_net() -> None:
    method = Pull(lr=0.01, warmup=0, log_z_rate=7.0, noise_scale=1.5)
    surface = method.build(standing_in(Quadratic(1.0)))
    assert isinstance(surface, SelfNormalizedSurface)
    assert isinstance(surface.noise, Gaussian)
    torch.testing.assert_close(surface.noise.cholesky.square(), 1.5 * torch.eye(2))
    GradientStepper(method, surface).step(Batch(points()), Generator(), 0.0)
    assert float(surface.log_z.detach()) == pytest.approx(-0.07, rel=1e-3)
    assert float(surface.get_parameter("net.a").detach()) == pytest.approx(0.99, rel=1e-3)


@pytest.mark.parametrize("make", [ScaledSurface, lambda p: NoiseSurface(p, wide())])
def test_the_net_is_the_shared_one(make: Any) -> None:
    problem: Problem = standing_in(Watched(0.7))
    surface = make(problem)
    assert isinstance(surface.net, EnergyModel)
    assert surface.net is problem.energy_net()
