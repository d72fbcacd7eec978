"""The shared networks: hand-written derivatives against autograd, counting, the base measure."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from ebmbench.datasets.domain import Binary, Box, square
from ebmbench.parts.autoencoder import ReconstructionMethod, ReconstructionSurface, isotropic_cloud
from ebmbench.parts.counting import Meter, metered
from ebmbench.parts.gradient import input_gradient
from ebmbench.parts.nets import BASE_VARIANCE, BinaryNet, EnergyNet, MapNet
from ebmbench.parts.problem import Problem
from ebmbench.parts.surface import Surface
from ebmbench.suite.schema import NetConfig


def problem(depth: int = 2) -> Problem:
    cov = torch.tensor([[2.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
    config = NetConfig(features=16, scales=(1.0, 4.0), width=24, depth=depth)
    return Problem(square(5), torch.tensor([0.5, -1.0], dtype=torch.float64), cov, config)


def energy_net(depth: int = 2) -> EnergyNet:
    torch.manual_seed(3)
    return problem(depth).energy_net().double()


def points(n: int = 50) -> Tensor:
    return torch.randn(n, 2, generator=Generator().manual_seed(0), dtype=torch.float64) * 2


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_written_gradient_is_autograds(depth: int) -> None:
    net, y = energy_net(depth), points().requires_grad_()
    energy, gradient = net.with_gradient(y.detach())
    plain = net(y)
    torch.testing.assert_close(energy, plain)
    torch.testing.assert_close(gradient, torch.autograd.grad(plain.sum(), y)[0])


def test_a_loss_on_the_gradient_moves_the_weights_as_a_double_backward_does() -> None:
    net, y = energy_net(), points()
    parameters = list(net.parameters())
    written = torch.autograd.grad(net.with_gradient(y)[1].square().sum(), parameters, allow_unused=True)
    leaf = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf).sum(), leaf, create_graph=True)
    double = torch.autograd.grad(gradient.square().sum(), parameters, allow_unused=True)
    for one, two in zip(written, double, strict=True):
        torch.testing.assert_close(
            torch.zeros(()) if one is None else one, torch.zeros(()) if two is None else two, check_dtype=False
        )


def hessians(net: EnergyNet, y: Tensor) -> Tensor:
    """(B, d, d) by double backward, differentiable once more."""
    leaf = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf).sum(), leaf, create_graph=True)
    rows = [torch.autograd.grad(part.sum(), leaf, create_graph=True)[0] for part in gradient.unbind(-1)]
    return torch.stack(rows, 1)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_written_curvature_is_that_of_a_double_backward(depth: int) -> None:
    net, y = energy_net(depth), points(20)
    directions = torch.randn(20, 3, 2, generator=Generator().manual_seed(1), dtype=torch.float64)
    energy, gradient, second = net.with_curvature(y, directions)
    torch.testing.assert_close((energy, gradient), net.with_gradient(y))
    hessian = hessians(net, y)
    torch.testing.assert_close(second, (directions @ hessian * directions).sum(-1))
    torch.testing.assert_close(net.with_laplacian(y)[2], hessian.diagonal(dim1=1, dim2=2).sum(-1))
    assert not torch.allclose(net.with_laplacian(y)[2], -hessian.diagonal(dim1=1, dim2=2).sum(-1), rtol=0.5)


def test_a_loss_on_the_laplacian_moves_the_weights_as_a_triple_backward_does() -> None:
    net, y = energy_net(), points(20)
    parameters = list(net.parameters())
    losses = net.with_laplacian(y)[2].square().sum(), hessians(net, y).diagonal(dim1=1, dim2=2).sum(-1).square().sum()
    written, triple = (torch.autograd.grad(loss, parameters, allow_unused=True) for loss in losses)
    for one, two in zip(written, triple, strict=True):
        torch.testing.assert_close(
            torch.zeros(()) if one is None else one, torch.zeros(()) if two is None else two, check_dtype=False
        )


@pytest.mark.parametrize("depth", [1, 2])
def test_the_written_jacobian_is_autograds(depth: int) -> None:
    torch.manual_seed(4)
    net: MapNet = problem(depth).map_net().double()
    u = points(20)
    value, jacobian = net.with_jacobian(u)
    torch.testing.assert_close(value, net(u))
    rows = torch.stack([jacobian_of(net, row[None])[0, :, 0].T for row in u])
    torch.testing.assert_close(jacobian, rows)
    directions = torch.randn(20, 3, 2, generator=Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(net.with_tangents(u, directions), (value, directions @ jacobian))


def test_the_base_measure_is_a_gaussian_four_times_as_wide_as_the_data() -> None:
    net, y = energy_net(), points()
    with torch.no_grad():
        net.net.last.weight.zero_()
        net.net.last.bias.zero_()
    u = (y - net.mean) / net.std
    torch.testing.assert_close(net(y), u.square().sum(-1) / (2 * BASE_VARIANCE))
    assert BASE_VARIANCE == 4


def test_features_are_spread_evenly_over_the_scales() -> None:
    torch.manual_seed(0)
    frequencies = Problem.blank(square(1), NetConfig(features=4000, scales=(1.0, 8.0))).energy_net().net.frequencies
    first, second = torch.split(frequencies, 2000, 1)
    assert float(first.std()) == pytest.approx(1, rel=0.05)
    assert float(second.std()) == pytest.approx(8, rel=0.05)


jacobian_of: Any = torch.autograd.functional.jacobian


def passes(work: object) -> Meter:
    with metered(Meter()) as meter:
        work()  # type: ignore[operator]
    return meter


def test_a_pass_is_a_row_and_a_backward_counts_twice_what_it_goes_back_through() -> None:
    net, y = energy_net(), points(10)
    assert passes(lambda: net(y)).passes == 30

    def sample() -> None:
        with torch.no_grad():
            net.with_gradient(y)

    assert passes(sample) == Meter(passes=30, energy_rows=10, gradient_rows=10)
    assert passes(lambda: net.with_gradient(y)).passes == 90
    assert passes(lambda: net.with_laplacian(y)).passes == 150, "two axes: two passes more"

    def evaluate() -> None:
        with torch.no_grad():
            net(y)

    assert passes(evaluate) == Meter(passes=10, energy_rows=10)


class Plain(Surface):
    def __init__(self) -> None:
        super().__init__()
        self.net = energy_net()

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        energy: Tensor = self.net(y)
        return energy


def test_input_gradient_by_autograd_agrees_and_costs_the_same() -> None:
    surface, y = Plain(), points(10)
    energy, gradient = input_gradient(surface, y)
    expected = surface.net.with_gradient(y)
    torch.testing.assert_close((energy, gradient), tuple(part.detach() for part in expected))
    assert passes(lambda: input_gradient(surface, y)) == Meter(passes=30, energy_rows=10, gradient_rows=10)
    assert passes(lambda: input_gradient(surface, y, create_graph=True)).passes == 90
    assert not gradient.requires_grad
    assert input_gradient(surface, y, create_graph=True)[1].requires_grad


@pytest.mark.parametrize(("draws", "dim"), [(6, 2), (5, 2), (8, 4), (6, 3)])
def test_the_cloud_has_the_moments_of_a_standard_normal(draws: int, dim: int) -> None:
    torch.manual_seed(0)
    cloud = isotropic_cloud(draws, dim)
    torch.testing.assert_close(cloud.mean(0), torch.zeros(dim), atol=1e-6, rtol=0)
    torch.testing.assert_close(cloud.T @ cloud / draws, torch.eye(dim), atol=1e-5, rtol=0)


def test_a_cloud_that_cannot_be_isotropic_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 6"):
        isotropic_cloud(4, 3)


def test_the_reconstruction_energy_is_the_mean_over_its_cloud() -> None:
    torch.manual_seed(1)
    surface = ReconstructionSurface(problem(), 0.3, 6).double()
    y = points(4000)
    u = surface.standardize(y)
    by_hand = torch.stack([(u - surface.map(u + e)).square().sum(-1) for e in surface.cloud]).mean(0)
    torch.testing.assert_close(surface(y), by_hand)
    plain = ReconstructionSurface(problem(), 0.0, 6).double()
    torch.testing.assert_close(plain(y), (u - plain.map(u)).square().sum(-1))


@pytest.mark.parametrize(("dim", "draws"), [(1, 6), (2, 6), (3, 6), (5, 10), (8, 16)])
def test_the_default_cloud_exists_in_every_dimension(dim: int, draws: int) -> None:
    problem = Problem(Box((-1.0,) * dim, (1.0,) * dim), torch.zeros(dim), torch.eye(dim))
    surface = ReconstructionMethod().build(problem)
    assert isinstance(surface, ReconstructionSurface)
    assert surface.cloud.shape == (draws, dim)
    torch.testing.assert_close(surface.cloud.T @ surface.cloud / draws, 0.01 * torch.eye(dim))


def test_the_net_of_bits_sees_signs_and_nothing_else() -> None:
    """F(y) = net(2 y - 1), with the layers of the shared net, no features, no base measure; counted a pass a row."""
    problem = Problem.blank(Binary(3), NetConfig(width=16, depth=2))
    net = problem.energy_net()
    assert isinstance(net, BinaryNet)
    assert [parameter.shape for parameter in net.net.hidden.parameters()] == [(16, 3), (16,), (16, 16), (16,)]
    y = problem.domain.support(2).points.float()
    with metered(Meter()) as meter, torch.no_grad():
        energy = net(y)
    assert meter.passes == 8
    h = 2 * y - 1
    for layer in net.net.hidden:
        h = functional.silu(layer(h))
    torch.testing.assert_close(energy, net.net.last(h).squeeze(-1))
