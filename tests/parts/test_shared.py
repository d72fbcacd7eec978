"""The parts that every method shares: fresh each time, of the suite's size, about the training data."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.domain import Binary, Box, square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.parts.nets import BinaryNet, EnergyNet, FourierNet, MapNet
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.shared import shared_problem
from ebmbench.training.seeding import initialization
from tests.factories import Normal

SIZE = NetConfig(features=8, scales=(1.0, 2.0), width=16, depth=3)
MEAN, COV = torch.tensor([0.5, -1.0]), torch.tensor([[2.0, 0.3], [0.3, 0.5]])


def problem() -> Problem:
    return shared_problem(square(5), SIZE, MEAN, COV)


def test_the_energy_net_standardizes_by_the_data_and_has_the_suites_size() -> None:
    net = problem().energy_net()
    assert type(net) is EnergyNet
    layers = cast(FourierNet, net.net)
    assert torch.equal(net.mean, MEAN)
    torch.testing.assert_close(net.std, COV.diagonal().sqrt())
    assert [p.shape for p in layers.hidden.parameters() if p.ndim == 2] == [(16, 18), (16, 16), (16, 16)]
    assert layers.frequencies.shape == (2, 8)


def test_on_bits_it_is_the_net_without_features() -> None:
    net = shared_problem(Binary(6), SIZE).energy_net()
    assert type(net) is BinaryNet
    layers = cast(FourierNet, net.net)
    assert layers.frequencies.shape == (6, 0)
    assert [p.shape for p in layers.hidden.parameters() if p.ndim == 2] == [(16, 6), (16, 16), (16, 16)]


def test_the_map_goes_from_as_many_coordinates_to_as_many() -> None:
    net = shared_problem(Box((-1.0,) * 3, (1.0,) * 3), SIZE).map_net()
    assert type(net) is MapNet
    assert net(torch.zeros(4, 3)).shape == (4, 3)
    with torch.no_grad():
        cast(FourierNet, net.net).last.weight.zero_()
        cast(FourierNet, net.net).last.bias.zero_()
    u = torch.randn(4, 3, generator=Generator().manual_seed(0))
    torch.testing.assert_close(net(u), u)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_gaussian_has_the_moments_of_the_data_and_its_covariance_is_scaled(scale: float) -> None:
    noise = problem().gaussian(scale)
    assert isinstance(noise, Gaussian)
    torch.testing.assert_close(noise.cholesky @ noise.cholesky.T, scale * COV)
    torch.testing.assert_close(noise.mean, MEAN)


def weights(one: Problem, seed: int) -> Tensor:
    with initialization(seed):
        net = one.energy_net()
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_nets_are_made_afresh_and_the_seed_alone_decides_their_weights() -> None:
    here = problem()
    first, second = here.energy_net(), here.energy_net()
    assert not set(first.parameters()) & set(second.parameters())
    assert torch.equal(weights(here, 0), weights(problem(), 0))
    assert not torch.equal(weights(here, 0), weights(here, 1))


def test_a_problem_without_moments_is_that_of_standard_data() -> None:
    """What a stored model is rebuilt on: its own moments are buffers of its state."""
    blank = shared_problem(Box((-1.0,) * 3, (1.0,) * 3), SIZE)
    assert torch.equal(blank.mean, torch.zeros(3))
    assert torch.equal(blank.cov, torch.eye(3))
    blank_net, net = shared_problem(square(5), SIZE).energy_net(), problem().energy_net()
    blank_net.load_state_dict(net.state_dict())
    y = torch.randn(5, 2, generator=Generator().manual_seed(0))
    assert torch.equal(blank_net(y), net(y))


def test_it_carries_the_context_and_the_truth_that_it_is_given() -> None:
    truth, context = Normal(), square(1)
    given = shared_problem(square(5), SIZE, context=context, truth=truth)
    assert given.context is not None
    assert (given.context.domain, given.truth) == (context, truth)
    assert torch.equal(given.context.cross, torch.zeros(2, 2))
    assert problem().context is None
    assert problem().truth is None
