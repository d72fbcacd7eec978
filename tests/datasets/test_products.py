"""Wells, Laplace sources and embedded curves in many dimensions: against printed numbers, lattices and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest, laplace
from torch import Generator, Tensor

from ebmbench.cards.measured import entropy
from ebmbench.datasets.dimensions import SpaceDataset
from ebmbench.datasets.products import CURVES, EmbeddedCurve, LaplaceSources, ManyWell, rotation
from ebmbench.truth.normalizer import Lattice, as_array

ALL = [ManyWell(dim=4), ManyWell(), LaplaceSources(dim=3), LaplaceSources(), EmbeddedCurve(dim=2), EmbeddedCurve()]
every = pytest.mark.parametrize("dataset", ALL, ids=lambda d: f"{type(d).__name__}-{d.domain.dim}")


def drawn(dataset: SpaceDataset, n: int, seed: int = 0) -> Tensor:
    return dataset.sample(n, Generator().manual_seed(seed)).y


@every
def test_the_score_is_the_gradient_of_the_density(dataset: SpaceDataset) -> None:
    y = drawn(dataset, 40).requires_grad_()
    (expected,) = torch.autograd.grad(dataset.log_prob(y).sum(), y)
    torch.testing.assert_close(dataset.score(y.detach()), expected, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("dataset", [ManyWell(dim=2), LaplaceSources(dim=2), EmbeddedCurve(dim=2)])
def test_in_the_plane_the_density_integrates_to_one(dataset: SpaceDataset) -> None:
    domain = dataset.domain
    lattice = Lattice(domain, 300)  # type: ignore[arg-type]
    log_z = lattice.log_z(-as_array(dataset.log_prob(lattice.support.points))).value
    assert log_z == pytest.approx(0, abs=2e-3)  # Laplace's kinks cost a thousandth


@every
def test_the_box_holds_the_data(dataset: SpaceDataset) -> None:
    assert bool(dataset.domain.contains(drawn(dataset, 5000)).all())  # type: ignore[union-attr]
    assert dataset.track == "dimensions"


# --- wells -----------------------------------------------------------------------------------------------------------


def test_many_wells_have_the_printed_normalizer() -> None:
    """11784.50927 for a double well, 164.69568 for sixteen pairs (Midgley et al. 2023)."""
    assert math.exp(ManyWell(dim=2).log_z - 0.5 * math.log(2 * math.pi)) == pytest.approx(11784.50927, abs=1e-4)
    assert ManyWell().log_z == pytest.approx(164.69568, abs=1e-5)


def test_the_left_well_holds_its_share() -> None:
    owner = ManyWell(dim=2).assign_mode(drawn(ManyWell(dim=2), 200_000))
    assert float((owner == 0).double().mean()) == pytest.approx(0.15569, abs=4e-3)


def test_a_well_is_drawn_as_its_density_says() -> None:
    """Against the cumulative law by scipy; the wrong twin draws a place in a piece uniformly, from few pieces."""

    def mass(x: float) -> float:
        return math.exp(-(x**4) + 6 * x**2 + x / 2)

    grid = np.linspace(-4, 4, 801)
    steps = [quad(mass, a, b)[0] for a, b in pairwise(grid)]
    law = np.concatenate([[0], np.cumsum(steps)]) / np.sum(steps)

    def cumulative(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(x, grid, law))

    y = drawn(ManyWell(), 2000)[:, ::2].flatten().numpy()
    assert kstest(y, cumulative).pvalue > 1e-4
    width = 8 / 24
    assert kstest(np.floor(y / width) * width + width * np.linspace(0, 1, len(y)), cumulative).pvalue < 1e-4


def test_pairs_are_even() -> None:
    with pytest.raises(ValueError, match="multiple of 2"):
        ManyWell(dim=5)


# --- Laplace sources -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [2, 10, 64])
def test_the_entropy_of_laplace_sources(dim: int) -> None:
    dataset = LaplaceSources(dim=dim)
    values = -dataset.log_prob(drawn(dataset, 10_000))
    known = dim * (1 + math.log(math.sqrt(2)))
    assert float(values.mean()) == pytest.approx(known, abs=4 * float(values.std()) / math.sqrt(10_000))


def test_the_sources_are_laplace_once_they_are_turned_back() -> None:
    sources = (drawn(LaplaceSources(dim=4), 5000) @ rotation(4, 0)).numpy()
    law = laplace(scale=1 / math.sqrt(2)).cdf
    assert kstest(sources.ravel(), law).pvalue > 1e-4
    mixed = drawn(LaplaceSources(dim=4), 5000).numpy()
    assert kstest(mixed.ravel(), law).pvalue < 1e-4, "the wrong twin: not turned back"


@pytest.mark.parametrize("dim", [2, 7])
def test_a_rotation_is_orthogonal(dim: int) -> None:
    found = rotation(dim, 3)
    torch.testing.assert_close(found @ found.T, torch.eye(dim, dtype=torch.float64))
    assert not torch.equal(found, rotation(dim, 4))


# --- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("curve", "sigma"), [("moons", 0.2), ("swissroll", 0.2)])
@pytest.mark.parametrize("dim", [2, 32])
def test_the_entropy_of_a_curve_is_its_own_and_that_of_the_noise_beside_it(curve: str, sigma: float, dim: int) -> None:
    dataset = EmbeddedCurve(dim=dim, curve=curve, sigma=sigma)
    values = -dataset.log_prob(drawn(dataset, 10_000))
    known = entropy(curve)
    assert known is not None
    known += (dim - 2) / 2 * math.log(2 * math.pi * math.e * sigma**2)
    assert float(values.mean()) == pytest.approx(known, abs=4 * float(values.std()) / math.sqrt(10_000))


def test_smoothing_a_curve_adds_the_squares_of_the_noise_in_all_directions() -> None:
    """Against the mean of the noise's density over exact draws; noise in the plane alone is the wrong twin."""
    dataset, sigma = EmbeddedCurve(dim=4), 0.5
    y, centers = drawn(dataset, 10), drawn(dataset, 100_000, 1)
    kernel = torch.exp(-0.5 * torch.cdist(y, centers).square() / sigma**2) / (2 * math.pi * sigma**2) ** 2
    error = kernel.std(1) / math.sqrt(kernel.shape[1])

    def fits(found: Tensor) -> bool:
        return bool(((found.exp() - kernel.mean(1)).abs() < 5 * error).all())

    assert fits(dataset.smoothed(sigma).log_prob(y))
    u = y @ rotation(4, 0)
    beside = -0.5 * u[:, 2:].square().sum(-1) / 0.04 - math.log(2 * math.pi * 0.04)
    assert not fits(CURVES["moons"](sigma=math.hypot(0.2, sigma)).log_prob(u[:, :2]) + beside)


def test_the_arcs_are_the_modes() -> None:
    dataset = EmbeddedCurve()
    owner = dataset.assign_mode(drawn(dataset, 4000))
    assert dataset.modes == 2
    assert float((owner == 0).double().mean()) == pytest.approx(0.5, abs=0.04)
