"""Simple laws seen through a change of variables, against scipy and against the determinant of the map."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import laplace, norm
from torch import Generator, Tensor

from ebmbench.datasets.plane import PlaneDataset, SmoothCheckerboard
from ebmbench.datasets.warped import (
    Banana,
    Checkerboard,
    Cosine,
    Funnel,
    LaplaceICA,
    Pinwheel,
    normal_log_prob,
)
from ebmbench.truth.normalizer import Array, as_array


def some(dataset: PlaneDataset, n: int = 300) -> tuple[Tensor, Array, Array]:
    """Rows of it, and both of their coordinates."""
    y = dataset.sample(n, Generator().manual_seed(0)).y
    return y, *as_array(y).T


def test_the_normal_of_one_coordinate_is_scipys() -> None:
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    sigma = torch.linspace(0.5, 2, 7, dtype=torch.float64)
    np.testing.assert_allclose(normal_log_prob(x, 0.3, sigma), norm.logpdf(x, 0.3, sigma))
    np.testing.assert_allclose(normal_log_prob(x, 0.3, 1.7), norm.logpdf(x, 0.3, 1.7))


@pytest.mark.parametrize("sigma", [1.5, 0.7])
def test_the_funnel_widens_with_its_first_coordinate(sigma: float) -> None:
    y, first, second = some(Funnel(sigma=sigma))
    expected = norm.logpdf(first, 0, sigma) + norm.logpdf(second, 0, np.exp(first / 2))
    np.testing.assert_allclose(Funnel(sigma=sigma).log_prob(y), expected)
    assert not np.allclose(Funnel(sigma=sigma).log_prob(y), norm.logpdf(first, 0, sigma) + norm.logpdf(second))


@pytest.mark.parametrize("bend", [0.2, -0.5])
def test_the_banana_bends_about_its_parabola(bend: float) -> None:
    y, first, second = some(Banana(bend=bend))
    expected = norm.logpdf(first, 0, 2) + norm.logpdf(second, bend * (first**2 - 4), 1)
    np.testing.assert_allclose(Banana(bend=bend).log_prob(y), expected)


def test_the_wave_lies_in_its_strip_and_nowhere_else() -> None:
    y, first, second = some(Cosine())
    np.testing.assert_allclose(Cosine().log_prob(y), norm.logpdf(second, 3 * np.cos(2 * first), 1) - math.log(8))
    assert np.abs(first).max() <= 4
    beyond = torch.tensor([[4.01, 3 * math.cos(8.02)], [-4.01, 3 * math.cos(8.02)]], dtype=torch.float64)
    assert torch.isneginf(Cosine().log_prob(beyond)).all()


@pytest.mark.parametrize("angle", [math.pi / 6, 1.0])
def test_sources_are_laplace_once_they_are_turned_back(angle: float) -> None:
    y, first, second = some(LaplaceICA(angle=angle))
    cos, sin = math.cos(angle), math.sin(angle)
    scale = 1 / math.sqrt(2)
    expected = laplace.logpdf(cos * first + sin * second, scale=scale)
    expected = expected + laplace.logpdf(cos * second - sin * first, scale=scale)
    np.testing.assert_allclose(LaplaceICA(angle=angle).log_prob(y), expected)
    torch.testing.assert_close(
        torch.cov(LaplaceICA(angle=angle).sample(40_000, Generator().manual_seed(1)).y.T),
        torch.eye(2, dtype=torch.float64),
        atol=0.05,
        rtol=0,
    )


# --- the pinwheel ----------------------------------------------------------------------------------------------------


def wound(f: Tensor, arm: int, wheel: Pinwheel) -> Tensor:
    """2 R(2 pi k / arms + twist e^|f|) f for one point f (2,)."""
    angle = 2 * math.pi * arm / wheel.arms + wheel.twist * torch.exp(f.norm())
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    return 2 * turn @ f


def wound_by_first(f: Tensor, arm: int, wheel: Pinwheel) -> Tensor:
    """The wrong twin, as often written: the angle grows with the first coordinate alone."""
    angle = 2 * math.pi * arm / wheel.arms + wheel.twist * torch.exp(f[0])
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    return 2 * turn @ f


def points_of_an_arm(n: int = 20) -> Tensor:
    f = torch.randn(n, 2, generator=Generator().manual_seed(2), dtype=torch.float64)
    return torch.tensor([1.0, 0.0]) + 0.5 * f * torch.tensor([0.3, 0.1])


def test_the_map_of_the_pinwheel_has_the_determinant_four() -> None:
    wheel = Pinwheel()
    for f in points_of_an_arm():
        jacobian = torch.autograd.functional.jacobian(lambda f: wound(f, 2, wheel), f)  # type: ignore[no-untyped-call]
        assert float(torch.linalg.det(jacobian)) == pytest.approx(4)
    twin = torch.autograd.functional.jacobian(lambda f: wound_by_first(f, 2, wheel), points_of_an_arm()[0])  # type: ignore[no-untyped-call]
    assert float(torch.linalg.det(twin)) != pytest.approx(4, abs=1e-3)


def test_the_pinwheel_has_the_density_of_an_arm_where_no_other_reaches() -> None:
    """log N(f) - log 4 for the map and - log 5 for the arms."""
    wheel, f = Pinwheel(), points_of_an_arm()
    inner = norm.logpdf(f[:, 0], 1, 0.3) + norm.logpdf(f[:, 1], 0, 0.1)
    for arm in range(wheel.arms):
        y = torch.stack([wound(row, arm, wheel) for row in f])
        np.testing.assert_allclose(wheel.log_prob(y), inner - math.log(4 * wheel.arms), atol=1e-3)


# --- the checkerboard ------------------------------------------------------------------------------------------------


def squares() -> Tensor:
    """The middles of all sixteen squares of the board, column by column."""
    axis = torch.tensor([-3.0, -1.0, 1.0, 3.0], dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def test_every_second_square_is_dark_and_equally_likely() -> None:
    log_p = Checkerboard().log_prob(squares()).reshape(4, 4)
    dark = torch.isfinite(log_p)
    assert torch.equal(dark, (torch.arange(4)[:, None] + torch.arange(4)) % 2 == 0)
    torch.testing.assert_close(log_p[dark], torch.full((8,), -math.log(32), dtype=torch.float64), atol=1e-12, rtol=0)
    outside = torch.tensor([[-4.1, -3.0], [4.1, 3.0], [0.0, 4.5]], dtype=torch.float64)
    assert torch.isneginf(Checkerboard().log_prob(outside)).all()


def test_the_dark_squares_are_the_modes() -> None:
    board = Checkerboard()
    index = board.assign_mode(squares())
    assert sorted(index[index >= 0].tolist()) == list(range(board.modes)) == list(range(8))
    assert (index >= 0).tolist() == torch.isfinite(board.log_prob(squares())).tolist()


def test_the_sharp_board_is_the_smooth_one_without_noise() -> None:
    inside = squares() + 0.7  # 0.3 from an edge: thirty deviations
    inside = inside[torch.isfinite(Checkerboard().log_prob(inside))]
    assert len(inside) == 8
    torch.testing.assert_close(SmoothCheckerboard(sigma=0.01).log_prob(inside), Checkerboard().log_prob(inside))
    assert Checkerboard().smoothed(0.01) == SmoothCheckerboard(sigma=0.01)
