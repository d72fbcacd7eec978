"""The shared networks: hand-written derivatives against autograd, the base measure, features and layers."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from ebmbench.contracts.domain import Binary, Box
from ebmbench.contracts.problem import Context
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel, MapModel, bound, input_gradient
from ebmbench.parts.nets import (
    BASE_VARIANCE,
    BinaryNet,
    Conditioned,
    EnergyNet,
    FourierNet,
    MapNet,
    conditioned,
    without_features,
)
from ebmbench.training.seeding import initialization

jacobian_of: Any = torch.autograd.functional.jacobian


def config(depth: int = 2) -> NetConfig:
    return NetConfig(features=16, scales=(1.0, 4.0), width=24, depth=depth)


def energy_net(depth: int = 2) -> EnergyNet:
    mean, std = torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.5]).sqrt()
    with initialization(3):
        return EnergyNet(mean, std, config(depth)).double()


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
    with initialization(4):
        net: MapNet = MapNet(2, config(depth)).double()
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
        cast(FourierNet, net.net).last.weight.zero_()
        cast(FourierNet, net.net).last.bias.zero_()
    u = (y - net.mean) / net.std
    torch.testing.assert_close(net(y), u.square().sum(-1) / (2 * BASE_VARIANCE))
    assert BASE_VARIANCE == 4


def test_features_are_spread_evenly_over_the_scales() -> None:
    with initialization(0):
        frequencies = FourierNet(2, 1, NetConfig(features=4000, scales=(1.0, 8.0))).frequencies
    first, second = torch.split(frequencies, 2000, 1)
    assert float(first.std()) == pytest.approx(1, rel=0.05)
    assert float(second.std()) == pytest.approx(8, rel=0.05)


def test_the_net_is_features_silu_layers_and_a_line() -> None:
    with initialization(1):
        net = FourierNet(2, 3, config(depth=3)).double()
    u = points(20)
    h = torch.cat([u, (u @ net.frequencies).sin(), (u @ net.frequencies).cos()], -1)
    for layer in net.hidden:
        a = layer(h)
        h = a / (1 + torch.exp(-a))
    torch.testing.assert_close(net(u), h @ net.last.weight.T + net.last.bias)
    assert [p.shape for p in net.hidden.parameters() if p.ndim == 2] == [(24, 34), (24, 24), (24, 24)]


class DefaultEnergy(EnergyModel):
    """The same energy, whose derivatives are autograd's."""

    def __init__(self, net: EnergyModel) -> None:
        super().__init__()
        self.net = net

    def forward(self, y: Tensor) -> Tensor:
        return self.net(y)


class DefaultMap(MapModel):
    """The same map, whose derivatives are forward differentiation's."""

    def __init__(self, net: MapModel) -> None:
        super().__init__()
        self.net = net

    def forward(self, u: Tensor) -> Tensor:
        return self.net(u)


def test_written_derivatives_are_those_that_a_plugins_net_has_by_default() -> None:
    net, y = energy_net(), points(20)
    default = DefaultEnergy(net)
    directions = torch.randn(20, 3, 2, generator=Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(input_gradient(default, y), input_gradient(net, y))
    torch.testing.assert_close(default.with_curvature(y, directions), net.with_curvature(y, directions))
    torch.testing.assert_close(default.with_laplacian(y), net.with_laplacian(y))
    with initialization(4):
        maps = MapNet(2, config()).double()
    torch.testing.assert_close(DefaultMap(maps).with_tangents(y, directions), maps.with_tangents(y, directions))
    torch.testing.assert_close(DefaultMap(maps).with_jacobian(y), maps.with_jacobian(y))


@pytest.mark.parametrize("net", [energy_net(), DefaultEnergy(energy_net())], ids=["written", "default"])
def test_an_input_gradient_keeps_no_graph_and_one_that_is_trained_does(net: EnergyModel) -> None:
    y = points(10)
    assert not any(part.requires_grad for part in input_gradient(net, y))
    energy, gradient = net.with_gradient(y)
    assert energy.requires_grad
    assert gradient.requires_grad


def test_the_net_of_bits_sees_signs_and_nothing_else() -> None:
    """F(y) = net(2 y - 1), with the layers of the shared net, no features, no base measure."""
    with initialization(0):
        net = BinaryNet(3, NetConfig(width=16, depth=2))
    layers = cast(FourierNet, net.net)
    assert [parameter.shape for parameter in layers.hidden.parameters()] == [(16, 3), (16,), (16, 16), (16,)]
    y = Binary(3).support().points.float()
    h = 2 * y - 1
    for layer in layers.hidden:
        h = functional.silu(layer(h))
    torch.testing.assert_close(net(y), layers.last(h).squeeze(-1))


def test_without_features_the_rest_of_the_size_stays() -> None:
    bare = without_features(config(depth=3))
    assert (bare.features, bare.width, bare.depth) == (0, 24, 3)
    with initialization(0):
        net = FourierNet(2, 1, bare).double()
    u = points(5)
    assert torch.equal(net.features(u), u)


# --- with a context --------------------------------------------------------------------------------------------------


def given_net(outputs: int = 1) -> tuple[Conditioned, Tensor, Tensor]:
    """A net of two coordinates and one of x, bound to x (12, 1), and u (12, 2)."""
    g = Generator().manual_seed(4)
    x, u = torch.randn(12, 1, generator=g, dtype=torch.float64), torch.randn(12, 2, generator=g, dtype=torch.float64)
    context = Context(Box((-4.0,), (4.0,)), torch.tensor([0.7]), torch.tensor([[4.0]]), torch.zeros(1, 2))
    with initialization(0):
        net = conditioned(2, outputs, config(), context).double()
    assert isinstance(net, Conditioned)
    return bound(net, x), u, x


def test_a_conditioned_net_is_one_of_u_and_the_standardized_context() -> None:
    net, u, x = given_net()
    torch.testing.assert_close(net(u), net.net(torch.cat([u, (x - 0.7) / 2], -1)))
    assert not torch.allclose(net(u), net.net(torch.cat([u, x], -1)))


def test_its_derivatives_are_those_in_u_alone() -> None:
    net, u, _ = given_net()
    value, gradient = net.with_adjoint(u)
    hessian = torch.stack([torch.autograd.functional.hessian(lambda v, k=k: only(net, v, k), u[k]) for k in range(12)])  # type: ignore[no-untyped-call]
    slope = torch.stack([torch.autograd.functional.jacobian(lambda v, k=k: only(net, v, k), u[k]) for k in range(12)])  # type: ignore[no-untyped-call]
    torch.testing.assert_close(gradient, slope)
    v = torch.randn(12, 3, 2, generator=Generator().manual_seed(5), dtype=torch.float64)
    again, same, second = net.with_curvature(u, v)
    torch.testing.assert_close((again, same), (value, gradient))
    torch.testing.assert_close(second, torch.einsum("bki,bij,bkj->bk", v, hessian, v))
    torch.testing.assert_close(net.with_tangents(u, v)[1].squeeze(-1), torch.einsum("bki,bi->bk", v, slope))


def only(net: Conditioned, v: Tensor, row: int) -> Tensor:
    """The output at one row, with the context of that row."""
    assert net.context is not None
    return bound(net, net.context[row : row + 1])(v[None])[0, 0]


def test_without_a_context_it_is_the_shared_net() -> None:
    assert type(conditioned(2, 1, config())) is FourierNet
