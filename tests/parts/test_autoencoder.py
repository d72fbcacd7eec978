"""The reconstruction error, and the cloud that it looks from."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.parts.autoencoder import ROWS_AT_ONCE, ReconstructionMethod, ReconstructionSurface, isotropic_cloud
from ebmbench.training.seeding import initialization
from tests.factories import make_problem
from tests.stand_ins import Scaling, standing_in

SMALL = NetConfig(features=16, scales=(1.0, 4.0), width=24)


def problem() -> Problem:
    cov = torch.tensor([[2.0, 0.3], [0.3, 0.5]])
    return make_problem(square(5), SMALL, mean=torch.tensor([0.5, -1.0]), cov=cov)


def points(n: int) -> Tensor:
    return 2 * torch.randn(n, 2, generator=Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("draws", "dim"), [(6, 2), (5, 2), (8, 4), (6, 3)])
def test_the_cloud_has_the_moments_of_a_standard_normal(draws: int, dim: int) -> None:
    with initialization(0):
        cloud = isotropic_cloud(draws, dim)
    torch.testing.assert_close(cloud.mean(0), torch.zeros(dim), atol=1e-6, rtol=0)
    torch.testing.assert_close(cloud.T @ cloud / draws, torch.eye(dim), atol=1e-5, rtol=0)


def test_a_cloud_that_cannot_be_isotropic_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 6"):
        isotropic_cloud(4, 3)


def test_the_reconstruction_energy_is_the_mean_over_its_cloud() -> None:
    with initialization(1):
        surface = ReconstructionSurface(problem(), 0.3, 6).double()
        plain = ReconstructionSurface(problem(), 0.0, 6).double()
    y = points(1200)  # rows through the map in more than one part
    assert len(y) * 6 > ROWS_AT_ONCE
    u = surface.standardize(y)
    by_hand = torch.stack([(u - surface.map(u + e)).square().sum(-1) for e in surface.cloud]).mean(0)
    torch.testing.assert_close(surface(y), by_hand)
    torch.testing.assert_close(plain(y), (u - plain.map(u)).square().sum(-1))


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_a_cloud_tells_a_stable_fixed_point_from_an_unstable_one(a: float) -> None:
    """G(u) = a u: F = (1 - a)^2 |u|^2 + (a s)^2 d. From the point itself every fixed point is at zero."""
    s, y = 0.3, points(50).float()
    seen = ReconstructionSurface(standing_in(map=Scaling(a)), s, 6)
    plain = ReconstructionSurface(standing_in(map=Scaling(a)), 0.0, 6)
    error = (1 - a) ** 2 * y.square().sum(-1)
    torch.testing.assert_close(seen(y), error + 2 * (a * s) ** 2)
    torch.testing.assert_close(plain(y), error)
    assert torch.equal(plain(torch.zeros(1, 2)), torch.zeros(1))


@pytest.mark.parametrize(("dim", "draws"), [(1, 6), (2, 6), (3, 6), (5, 10), (8, 16)])
def test_the_default_cloud_exists_in_every_dimension(dim: int, draws: int) -> None:
    with initialization(0):
        surface = ReconstructionMethod().build(make_problem(Box((-1.0,) * dim, (1.0,) * dim), SMALL))
    assert isinstance(surface, ReconstructionSurface)
    assert surface.cloud.shape == (draws, dim)
    torch.testing.assert_close(surface.cloud.T @ surface.cloud / draws, 0.01 * torch.eye(dim))


def test_the_cloud_is_kept_with_the_model() -> None:
    """Off the plane it is drawn at random: a model that is rebuilt looks from where the trained one looked."""
    space = make_problem(Box((-1.0,) * 3, (1.0,) * 3), SMALL)
    with initialization(0):
        surface, again = (ReconstructionMethod().build(space) for _ in range(2))
    y = torch.randn(5, 3, generator=Generator().manual_seed(1))
    assert not torch.allclose(surface(y), again(y))
    again.load_state_dict(surface.state_dict())
    assert torch.equal(surface(y), again(y))
