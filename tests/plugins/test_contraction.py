"""A3: the penalties against Jacobians by autograd, what they push for, and that the wrong sign pushes elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.records import NetConfig
from ebmbench.parts.autoencoder import ReconstructionMethod, ReconstructionSurface
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a3_contraction.cae import CAE
from ebmbench_plugins.a3_contraction.cae_encoder import CAEEncoder, TiedSigmoid
from ebmbench_plugins.a3_contraction.saturating_ae import ClippedLinear, SaturatingAE
from tests.factories import make_problem

PROBLEM = make_problem(
    square(5),
    NetConfig(features=16, scales=(0.5, 1.0), width=24, depth=2),
    mean=torch.tensor([0.5, -1.0], dtype=torch.float64),
    cov=torch.tensor([[2.0, 0.3], [0.3, 0.5]], dtype=torch.float64),
)
jacobian_of: Any = torch.func.jacrev


def rng(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def points(n: int = 40) -> Tensor:
    return torch.randn(n, 2, generator=rng(0), dtype=torch.float64)


def built(method: ReconstructionMethod) -> ReconstructionSurface:
    with initialization(3):
        surface = method.build(PROBLEM).double()
    assert isinstance(surface, ReconstructionSurface)
    return surface


def layer_of(surface: ReconstructionSurface) -> TiedSigmoid:
    layer = surface.map
    assert isinstance(layer, TiedSigmoid)
    return layer


def jacobian_norms(layer: TiedSigmoid, u: Tensor) -> Tensor:
    """|dh/du|_F^2 of each row, by autograd."""
    norms: Tensor = torch.func.vmap(jacobian_of(layer.encode))(u).square().sum((-2, -1))
    return norms


def test_the_penalty_of_a_sigmoid_layer_is_its_jacobians_norm() -> None:
    layer, u = layer_of(built(CAEEncoder(units=16))), points()
    h = layer.encode(u)
    torch.testing.assert_close(layer.contraction(h), jacobian_norms(layer, u))
    without_square = (h * (1 - h)) @ layer.encoder.weight.square().sum(-1)
    assert not torch.allclose(without_square, jacobian_norms(layer, u), rtol=0.1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_loss_of_the_sigmoid_layer_and_its_slope_are_those_of_the_formula(sign: float) -> None:
    method = CAEEncoder(units=16, contraction=0.3)
    surface, y = built(method), points()
    layer, u = layer_of(surface), surface.standardize(y)
    weight, bias, offset = layer.encoder.weight, layer.encoder.bias, layer.offset
    rebuilt = torch.sigmoid(u @ weight.T + bias) @ weight + offset
    formula = ((u - rebuilt).square().sum(-1) + sign * 0.3 * jacobian_norms(layer, u)).mean()
    found = torch.autograd.grad(method.loss(surface, Batch(y), rng(0)), [weight, bias, offset])
    expected = torch.autograd.grad(formula, [weight, bias, offset])
    same = all(torch.allclose(one, two, rtol=1e-5) for one, two in zip(found, expected, strict=True))
    assert same == (sign > 0)


def trained(method: ReconstructionMethod, flip: bool = False, steps: int = 150) -> ReconstructionSurface:
    class Flipped(type(method)):  # type: ignore[misc]
        def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
            loss: Tensor = -super().loss(surface, batch, rng)
            return loss

    chosen: ReconstructionMethod = Flipped(**method.model_dump()) if flip else method
    surface = built(method)
    stepper, data = chosen.stepper(surface), rng(5)
    for step in range(steps):
        y = (
            PROBLEM.mean
            + torch.randn(256, 2, generator=data, dtype=torch.float64) @ torch.linalg.cholesky(PROBLEM.cov).T
        )
        stepper.step(Batch(y), rng(step), step / steps)
    reached = stepper.eval_surface()
    assert isinstance(reached, ReconstructionSurface)
    return reached


def mean_norm(surface: ReconstructionSurface) -> float:
    with torch.no_grad():
        return float(jacobian_norms(layer_of(surface), points(200)).mean())


@pytest.mark.long
def test_the_penalty_contracts_and_its_flipped_twin_does_not() -> None:
    fast = {"units": 32, "lr": 0.02}
    free, held = (mean_norm(trained(CAEEncoder(contraction=weight, **fast))) for weight in (0.0, 10.0))
    assert held < 0.5 * free
    assert not mean_norm(trained(CAEEncoder(contraction=10.0, **fast), flip=True, steps=30)) < free


@pytest.mark.parametrize("slices", [1, 3])
def test_random_directions_estimate_the_norm_of_the_whole_jacobian(slices: int) -> None:
    surface, y = built(CAE()), points(50).repeat(400, 1)
    with torch.no_grad():
        exact = float(CAE().loss(surface, Batch(y[:50]), rng(0)))
        found = float(CAE(slices=slices).loss(surface, Batch(y), rng(1)))
        wrong = float(CAE(slices=slices, contraction=0.06).loss(surface, Batch(y), rng(1)))
    assert found == pytest.approx(exact, rel=0.005)
    assert wrong != pytest.approx(exact, rel=0.02)


# --- saturation ------------------------------------------------------------------------------------------------------


def clipped(surface: ReconstructionSurface) -> ClippedLinear:
    layer = surface.map
    assert isinstance(layer, ClippedLinear)
    return layer


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_loss_of_the_saturating_layer_is_that_of_the_formula(sign: float) -> None:
    """The distance of a to the set |a| >= 1, written as a minimum over the set's two ends."""
    method = SaturatingAE(units=16, saturation=0.3)
    surface, y = built(method), 3 * points()
    layer, u = clipped(surface), surface.standardize(y)
    with torch.no_grad():
        a = u @ layer.encoder.weight.T + layer.encoder.bias
        ends = torch.minimum((a - 1).abs(), (a + 1).abs())
        distance = torch.where(a.abs() >= 1, torch.zeros_like(a), ends).sum(-1)
        h = torch.minimum(torch.maximum(a, -torch.ones_like(a)), torch.ones_like(a))
        rebuilt = h @ layer.decoder.weight.T + layer.decoder.bias
        formula = ((u - rebuilt).square().sum(-1) + sign * 0.3 * distance).mean()
        found = method.loss(surface, Batch(y), rng(0))
    assert torch.allclose(found, formula) == (sign > 0)


def test_where_all_units_are_saturated_nothing_moves() -> None:
    layer = clipped(built(SaturatingAE(units=8)))
    with torch.no_grad():
        layer.encoder.bias.fill_(5.0)
        u = points(10)
        rebuilt, margin = layer.with_margin(u)
        torch.testing.assert_close(rebuilt, layer(-u))
        assert float(margin.abs().max()) == 0
        layer.encoder.bias.zero_()
        assert not torch.allclose(layer(u), layer(-u))


def linear_units(surface: ReconstructionSurface) -> float:
    """The share of units that are not saturated."""
    layer = clipped(surface)
    with torch.no_grad():
        return float((layer.encoder(points(500)).abs() < 1).double().mean())


@pytest.mark.long
def test_the_penalty_saturates_and_its_flipped_twin_does_not() -> None:
    fast = {"units": 32, "lr": 0.02}
    free, held = (linear_units(trained(SaturatingAE(saturation=h, **fast))) for h in (0.0, 0.1))
    assert held < 0.7 * free
    assert not linear_units(trained(SaturatingAE(saturation=0.1, **fast), flip=True, steps=30)) < 0.7 * free
