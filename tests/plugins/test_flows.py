"""Flows against the change of variables by autograd, their volume, and their own samples."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.records import NetConfig
from ebmbench.datasets.plane import EightGaussians, Moons
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a1_bounded_volume.flow import FlowMethod, FlowSurface
from ebmbench_plugins.a1_bounded_volume.nsf import NSF
from ebmbench_plugins.a1_bounded_volume.realnvp import RealNVP
from tests.factories import make_problem

SMALL = NetConfig(features=8, width=32, scales=(1.0,))
FLOWS = [NSF(bins=8, batch=256), RealNVP()]


def trained(method: FlowMethod, steps: int = 60) -> FlowSurface:
    data = Moons()
    y = data.sample(2000, Generator().manual_seed(0)).y.float()
    with initialization(0):
        surface = method.build(make_problem(square(5), SMALL, y))
    stepper, rng = method.stepper(surface), Generator().manual_seed(0)
    for k in range(steps):
        stepper.step(Batch(data.sample(method.batch, rng).y.float()), rng, k / steps)
    reached = stepper.eval_surface()
    assert isinstance(reached, FlowSurface)
    return reached


def jacobian_of(surface: FlowSurface, u: Tensor) -> tuple[Tensor, Tensor]:
    """T(u) (B, d) and dT/du (B, d, d), a row of it for each output, by autograd: rows do not touch each other."""
    u = u.clone().requires_grad_(True)
    z: Tensor = surface._transform()(u)
    gradients = [torch.autograd.grad(z[:, k].sum(), u, retain_graph=True)[0] for k in range(u.shape[1])]
    return z.detach(), torch.stack(gradients, 1)


@pytest.mark.long
@pytest.mark.parametrize("method", FLOWS, ids=lambda m: type(m).__name__)
def test_the_energy_is_the_change_of_variables_by_autograd(method: FlowMethod) -> None:
    surface = trained(method, 20).double()
    y = Moons().sample(20, Generator().manual_seed(3)).y
    z, jacobian = jacobian_of(surface, (y - surface.mean) / surface.std)
    base = 0.5 * z.square().sum(-1) + math.log(2 * math.pi) + surface.std.log().sum()
    log_det = torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(surface(y), base - log_det, atol=1e-8, rtol=0)
    assert not torch.allclose(surface(y), base + log_det, atol=1e-2)


@pytest.mark.long
@pytest.mark.parametrize("method", FLOWS, ids=lambda m: type(m).__name__)
def test_a_flow_integrates_to_one_and_has_learned(method: FlowMethod) -> None:
    surface, data = trained(method, 100), Moons()
    support = square(8).support(300)
    with torch.no_grad():
        energy = surface(support.points.float()).double()
    mass = support.log_weight.exp() * torch.exp(-energy)
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    assert float((support.log_weight.exp() * torch.exp(-1.05 * energy)).sum()) != pytest.approx(1, abs=1e-2)
    log_p = data.log_prob(support.points)
    assert float(((log_p + support.log_weight).exp() * (log_p + energy)).sum()) < 0.8  # a Gaussian: 0.90


@pytest.mark.long
@pytest.mark.parametrize("method", FLOWS, ids=lambda m: type(m).__name__)
def test_samples_have_the_moments_of_the_density(method: FlowMethod) -> None:
    surface = trained(method)
    support = square(8).support(300)
    with torch.no_grad():
        mass = support.log_weight.exp() * torch.exp(-surface(support.points.float()).double())
    mean = (mass[:, None] * support.points).sum(0)
    second = (mass[:, None, None] * support.points[:, :, None] * support.points[:, None]).sum(0)
    drawn = surface.sample(50_000, Generator().manual_seed(1)).double()
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T @ drawn / len(drawn), second, atol=0.1, rtol=0)


@pytest.mark.parametrize("method", FLOWS, ids=lambda m: type(m).__name__)
def test_the_map_is_inverted_in_more_dimensions(method: FlowMethod) -> None:
    box = Box((-4.0,) * 3, (4.0,) * 3)
    with initialization(1):
        surface = method.build(make_problem(box, SMALL))
    assert isinstance(surface, FlowSurface)
    surface.double()
    u = torch.randn(50, 3, generator=Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        transform = surface._transform()
        torch.testing.assert_close(transform.inv(transform(u)), u, atol=1e-6, rtol=0)


def test_a_spline_of_a_coordinate_sees_the_coordinates_before_it_alone() -> None:
    with initialization(1):
        surface = NSF(layers=1, bins=8).build(make_problem(Box((-4.0,) * 3, (4.0,) * 3), SMALL))
    assert isinstance(surface, FlowSurface)
    surface.double()
    u = torch.randn(5, 3, generator=Generator().manual_seed(2), dtype=torch.float64)
    _, jacobian = jacobian_of(surface, u)
    assert torch.equal(jacobian.triu(1), torch.zeros_like(jacobian))
    assert float(jacobian.tril(-1).abs().max()) > 0


@pytest.mark.slow
def test_a_spline_flow_is_within_a_twentieth_of_a_nat_of_separate_modes() -> None:
    data, method = EightGaussians(), NSF()
    y = data.sample(5000, Generator().manual_seed(0)).y.float()
    with initialization(0):
        surface = method.build(make_problem(data.domain, rows=y))
    stepper, rng = method.stepper(surface), Generator().manual_seed(0)
    for k in range(1000):
        stepper.step(Batch(data.sample(method.batch, rng).y.float()), rng, k / 1000)
    support = data.domain.support(300)
    log_p = data.log_prob(support.points)
    with torch.no_grad():
        energy = stepper.eval_surface()(support.points.float()).double()
    assert float(((log_p + support.log_weight).exp() * (log_p + energy)).sum()) < 0.05
