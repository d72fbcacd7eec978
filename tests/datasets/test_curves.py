"""Spirals and the Swiss roll: the density is the noise's, averaged along the curve as the sampler falls on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.datasets.curves import SwissRoll, TwoSpirals
from ebmbench.datasets.plane import GaussianNodes

Curve = Callable[[Tensor], Tensor]


def spirals(u: Tensor) -> Tensor:
    """Both arms, from u uniform on [0, 1]: angles with density proportional to themselves."""
    t = 3 * math.pi * u.sqrt()
    arm = torch.stack([-t * t.cos(), t * t.sin()], -1) / 3
    return torch.cat([arm, -arm])


def evenly_wound(u: Tensor) -> Tensor:
    """The wrong twin: angles uniform, which crowds the data at the center."""
    return spirals(u.square())


def roll(u: Tensor) -> Tensor:
    """From u uniform on [0, 1]: angles uniform on [1.5 pi, 4.5 pi]."""
    t = 1.5 * math.pi * (1 + 2 * u)
    return torch.stack([t * t.cos(), t * t.sin()], -1) / 5


def averaged(curve: Curve, y: Tensor, sigma: float, n: int = 20_000) -> Tensor:
    """log of the mean of the noise's density over equal steps of u."""
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    nodes = curve(u)
    squared = torch.cdist(y, nodes).square() / (2 * sigma**2)
    return torch.logsumexp(-squared, -1) - math.log(len(nodes)) - math.log(2 * math.pi * sigma**2)


@pytest.mark.long
@pytest.mark.parametrize(
    ("dataset", "curve"),
    [
        (TwoSpirals(), spirals),
        (TwoSpirals(sigma=0.3), spirals),
        (SwissRoll(), roll),
        (SwissRoll(sigma=0.1), roll),
    ],
)
def test_the_density_is_the_noise_averaged_along_the_curve(dataset: GaussianNodes, curve: Curve) -> None:
    y = dataset.sample(60, Generator().manual_seed(0)).y
    torch.testing.assert_close(dataset.log_prob(y), averaged(curve, y, dataset.sigma), atol=1e-5, rtol=0)


def test_arms_with_another_density_along_them_are_told_apart() -> None:
    y = TwoSpirals().sample(60, Generator().manual_seed(0)).y
    assert not torch.allclose(TwoSpirals().log_prob(y), averaged(evenly_wound, y, 0.1), atol=0.1)


@pytest.mark.parametrize("dataset", [TwoSpirals(), SwissRoll()])
def test_nodes_weigh_one_together(dataset: GaussianNodes) -> None:
    nodes, log_weight = dataset.nodes()
    assert float(log_weight.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert bool(dataset.domain.contains(nodes).all())


def test_the_arms_mirror_each_other_and_are_the_modes() -> None:
    dataset = TwoSpirals()
    y = dataset.sample(200, Generator().manual_seed(1)).y
    torch.testing.assert_close(dataset.log_prob(y), dataset.log_prob(-y))
    end = spirals(torch.tensor([1.0, 0.5], dtype=torch.float64))
    assert dataset.assign_mode(end).tolist() == [0, 0, 1, 1]
    assert dataset.modes == 2


def test_a_roll_is_in_one_piece() -> None:
    assert SwissRoll().modes == 1
