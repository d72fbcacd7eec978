"""Normals on a lattice and crossing circles, against scipy and against averages over the angle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Generator, Tensor

from ebmbench.datasets.clusters import OLYMPIC_CENTERS, Olympics, TwentyFiveGaussians


def rows(*points: tuple[float, float]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64)


def around(n: int = 200, half_width: float = 5.0) -> Tensor:
    return half_width * (2 * torch.rand(n, 2, generator=Generator().manual_seed(0), dtype=torch.float64) - 1)


# --- 25 normals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.2 / math.sqrt(2), 0.6])
def test_25_normals_are_the_mixture_that_scipy_adds_up(sigma: float) -> None:
    dataset, y = TwentyFiveGaussians(sigma=sigma), around()
    centers = [(i * math.sqrt(2), j * math.sqrt(2)) for i in range(-2, 3) for j in range(-2, 3)]
    each = np.stack([multivariate_normal(center, sigma**2 * np.eye(2)).logpdf(y.numpy()) for center in centers])
    expected = np.logaddexp.reduce(each, axis=0) - math.log(25)
    np.testing.assert_allclose(dataset.log_prob(y).numpy(), expected, rtol=1e-9)


def test_each_center_is_a_mode_of_its_own() -> None:
    dataset = TwentyFiveGaussians()
    centers, log_weight = dataset.nodes()
    assert dataset.modes == 25
    assert dataset.assign_mode(centers).tolist() == list(range(25))
    assert float(log_weight.exp().sum()) == pytest.approx(1)
    between = (centers[0] + centers[1]) / 2
    assert dataset.assign_mode(between[None]).tolist() == [-1]
    assert bool(dataset.domain.contains(centers + 4 * dataset.sigma).all())


# --- five circles ----------------------------------------------------------------------------------------------------


def averaged(y: Tensor, sigma: float, centers: tuple[tuple[float, float], ...], n: int = 2000) -> Tensor:
    """log of the noise's density averaged over the circles, by equal steps of the angle (which converge fast)."""
    angle = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
    circle = torch.stack([angle.cos(), angle.sin()], -1)
    nodes = torch.cat([circle + torch.tensor(center, dtype=torch.float64) for center in centers])
    squared = torch.cdist(y, nodes).square() / (2 * sigma**2)
    return torch.logsumexp(-squared, -1) - math.log(len(nodes)) - math.log(2 * math.pi * sigma**2)


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_circles_have_the_density_of_their_noise_averaged_along_them(sigma: float) -> None:
    y = around(100, 3.5)
    torch.testing.assert_close(Olympics(sigma=sigma).log_prob(y), averaged(y, sigma, OLYMPIC_CENTERS))


def test_a_circle_that_is_missing_is_seen() -> None:
    """The wrong twin of the test above."""
    y = Olympics().sample(100, Generator().manual_seed(1)).y
    assert not torch.allclose(Olympics().log_prob(y), averaged(y, 0.1, OLYMPIC_CENTERS[:4]), atol=0.1)


def test_the_score_at_the_center_of_a_circle_is_that_of_the_others() -> None:
    """Its own pull vanishes there by symmetry; the division by the distance must not spoil it."""
    dataset, y = Olympics(sigma=0.3), rows(OLYMPIC_CENTERS[1])
    y.requires_grad_()
    (expected,) = torch.autograd.grad(averaged(y + 1e-9, 0.3, OLYMPIC_CENTERS).sum(), y)
    torch.testing.assert_close(dataset.score(y.detach()), expected, atol=1e-6, rtol=1e-6)


def test_modes_are_the_circles() -> None:
    dataset = Olympics()
    tops = rows(*((x, y + 1) for x, y in OLYMPIC_CENTERS[:3]), *((x, y - 1) for x, y in OLYMPIC_CENTERS[3:]))
    assert dataset.assign_mode(tops).tolist() == [0, 1, 2, 3, 4]
    outward = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert dataset.assign_mode(tops[:3] + 0.39 * outward).tolist() == [0, 1, 2]
    assert dataset.assign_mode(tops[:3] + 0.41 * outward).tolist() == [-1, -1, -1]
