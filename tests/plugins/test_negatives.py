"""Negatives are constants to the loss: nothing is differentiated through a chain, and no chain moves a parameter.

F = a |y|^2 / 2, so that dL/da is known from the data and the negatives alone. The wrong twin differentiates through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.problem import Problem
from ebmbench.parts.energies import ScaledSurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.samplers import langevin
from ebmbench_plugins.c2_chosen_points.cd_k import CDk
from ebmbench_plugins.c2_chosen_points.cd_kick import CDKick
from ebmbench_plugins.c2_chosen_points.gan_ratio import GANRatio, GANSurface
from ebmbench_plugins.c2_chosen_points.mle_hmc import MLEHMC
from ebmbench_plugins.c2_chosen_points.mle_langevin import LangevinSurface, MLELangevin
from ebmbench_plugins.c2_chosen_points.pcd import PCD
from tests.stand_ins import Quadratic, Scaling, standing_in

A = 0.7
STEPS = (0.2,) * 10


def problem() -> Problem:
    return standing_in(Quadratic(A))


def noise() -> Gaussian:
    return Gaussian(torch.zeros(2), torch.eye(2))


def data() -> Tensor:
    return torch.randn(64, 2, generator=Generator().manual_seed(0))


def rng() -> Generator:
    return Generator().manual_seed(1)


KICK = CDKick(descent_step=0.1, longest=10.0)
CHAINS: dict[str, Any] = {"chains": 64, "noise_scale": 1.0}
LANGEVIN: dict[str, Any] = {"steps": len(STEPS), "first_step": STEPS[0], "last_step": STEPS[-1], "penalty": 0.0}
CASES: dict[str, tuple[GradientMethod, Callable[[Any], Tensor]]] = {
    "pcd": (PCD(first_step=0.2, **CHAINS), lambda s: s.follow(data(), rng())),
    "mle_hmc": (MLEHMC(first_step=0.3, **CHAINS), lambda s: s.follow(data(), rng())),
    "cd_k_local": (CDk(first_step=0.2, langevin_steps=5, jumps=0), lambda s: s.move(data(), rng(), True)),
    "cd_k": (CDk(first_step=0.2, langevin_steps=5, noise_scale=1.0), lambda s: s.move(data(), rng(), True)),
    "mle_langevin": (MLELangevin(**LANGEVIN, **CHAINS), lambda s: s.sample(64, rng())),
}
"""A method, and how its surface draws the negatives."""


def slope(surface: nn.Module) -> float:
    a = surface.get_parameter("net.a")
    assert a.grad is not None
    return float(a.grad)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_with_the_negatives_held_fixed(name: str) -> None:
    method, sample = CASES[name]
    surface, again = method.build(problem()), method.build(problem())
    loss = method.loss(surface, Batch(data()), rng())
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    negatives = sample(again)
    assert not negatives.requires_grad
    expected = (data().square().sum(-1).mean() - negatives.square().sum(-1).mean()) / 2
    assert slope(surface) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_sampling_moves_no_parameter_and_leaves_no_gradient(name: str) -> None:
    method, sample = CASES[name]
    surface = method.build(problem())
    sample(surface)
    for parameter in surface.parameters():
        assert parameter.requires_grad
        assert parameter.grad is None
    assert float(surface.get_parameter("net.a").detach()) == pytest.approx(A)


def test_differentiating_through_a_chain_would_be_seen() -> None:
    """The wrong twin: the same Langevin chain with its graph kept gives another slope."""
    surface = LangevinSurface(problem(), noise(), STEPS)
    through: Callable[..., Tensor] = langevin.__wrapped__  # type: ignore[attr-defined]
    ends = through(surface.net.with_gradient, noise().sample(64, rng()), STEPS, rng(), 1.0)
    (surface(data()).mean() - surface(ends).mean()).backward()  # type: ignore[no-untyped-call]
    held = (data().square().sum(-1).mean() - ends.detach().square().sum(-1).mean()) / 2
    assert slope(surface) != pytest.approx(float(held), rel=0.05)


def kicked(through: bool) -> tuple[float, float]:
    """The slope of the loss, and what it is when the ends are constants."""
    surface = ScaledSurface(problem())
    kick = CDKick.kick.__wrapped__ if through else CDKick.kick  # type: ignore[attr-defined]
    ends = kick(KICK, surface, data(), rng())
    energy, above = surface(data()), surface(ends)
    loss = nn.functional.softplus(energy - above).mean() if through else KICK.loss(surface, Batch(data()), rng())
    loss.backward()  # type: ignore[no-untyped-call]
    gap = (data().square().sum(-1) - ends.detach().square().sum(-1)) / 2
    return slope(surface), float((torch.sigmoid(A * gap) * gap).mean())


def test_a_kicked_point_is_held_fixed_where_it_ends() -> None:
    found, expected = kicked(through=False)
    assert found == pytest.approx(expected, rel=1e-4)
    found, expected = kicked(through=True)
    assert found != pytest.approx(expected, rel=0.05)


def test_a_kick_is_followed_by_descent() -> None:
    """On F = a |y|^2 / 2 each step of size e shrinks y by 1 - e a; ascent would stretch it."""
    surface = ScaledSurface(problem())
    start = CDKick(descent_step=1e-12).kick(surface, data(), rng())
    ends = KICK.kick(surface, data(), rng())
    torch.testing.assert_close(ends, start * (1 - KICK.descent_step * A) ** KICK.descent_steps)
    assert not torch.allclose(ends, start * (1 + KICK.descent_step * A) ** KICK.descent_steps, rtol=0.05)


def test_no_coordinate_rolls_further_than_the_longest_move() -> None:
    surface = ScaledSurface(problem())
    start = CDKick(descent_step=1e-12).kick(surface, data(), rng())
    method = CDKick(descent_step=50.0, longest=0.01, descent_steps=4)
    assert float((method.kick(surface, data(), rng()) - start).abs().max()) <= 0.04 + 1e-6


def test_each_player_of_a_gan_moves_by_its_own_loss() -> None:
    """The net's loss does not reach the generator; the generator rolls down the energy, and its twin up."""
    surface = GANSurface(standing_in(Quadratic(A), Scaling(1.5)))
    spread = surface.get_parameter("generator.a")
    loss = GANRatio().loss(surface, Batch(data()), rng())
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(loss["net"], spread, retain_graph=True)
    (down,) = torch.autograd.grad(loss["generator"], spread)
    z = torch.randn(64, 2, generator=rng()).square().sum(-1)
    s = float(spread.detach())
    expected = (torch.sigmoid(A * s**2 * z / 2) * A * s * z).mean()
    assert float(down) == pytest.approx(float(expected), rel=1e-4)
    GANRatio(warmup=0, lr=0.01).stepper(surface).step(Batch(data()), rng(), 0.0)
    assert float(spread.detach()) < s
