"""Smoothing by a normal is exact: the convolution done by quadrature says so, and a wrong width does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.surface import kl, kl_smoothed
from tests.factories import make_evaluation

CATALOG = load_catalog()
EXACT = (
    "8gaussians",
    "25gaussians",
    "moons",
    "rings",
    "circles",
    "checkerboard_s",
    "2spirals",
    "swissroll",
    "olympics",
)


def dataset_of(name: str) -> Dataset:
    entry = CATALOG.datasets[name]
    dataset: Dataset = entry.load()(**entry.spec.params)
    return dataset


def convolved(dataset: Dataset, y: Tensor, sigma: float, n: int = 60) -> Tensor:
    """log E p(y - sigma e), e ~ N(0, I), by Gauss-Hermite quadrature along each axis."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(n))
    log_weight = torch.log(weights / math.sqrt(2 * math.pi))
    shift = torch.cartesian_prod(nodes, nodes) * sigma
    both = (log_weight[:, None] + log_weight).flatten()
    return torch.stack([torch.logsumexp(dataset.log_prob(row - shift) + both, 0) for row in y])


@pytest.mark.long
@pytest.mark.parametrize("name", [*EXACT, "olympics", "pink_spiral"])
def test_a_smoothed_density_is_the_convolution(name: str) -> None:
    dataset = dataset_of(name)
    sigma = 0.03 if name == "pink_spiral" else 0.1
    y = dataset.sample(30, Generator().manual_seed(0)).y
    blurred = dataset.smoothed(sigma)
    assert blurred is not None
    expected = convolved(dataset, y, sigma)
    torch.testing.assert_close(blurred.log_prob(y), expected, atol=2e-4, rtol=0)
    too_wide = dataset.smoothed(math.sqrt(2) * sigma)
    assert too_wide is not None
    assert not torch.allclose(too_wide.log_prob(y), expected, atol=2e-3, rtol=0)


@pytest.mark.long
def test_a_checkerboard_with_edges_becomes_the_smooth_one() -> None:
    """By sampling: the share of blurred points in a strip along an edge."""
    blurred = dataset_of("checkerboard").smoothed(0.3)
    assert blurred is not None
    y = dataset_of("checkerboard").sample(200_000, Generator().manual_seed(1)).y
    y = y + 0.3 * torch.randn(y.shape, generator=Generator().manual_seed(2), dtype=y.dtype)
    support = blurred.domain.support(500)
    mass = torch.exp(blurred.log_prob(support.points) + support.log_weight)
    in_strip = (support.points[:, 0].abs() - 2).abs() < 0.3
    seen = ((y[:, 0].abs() - 2).abs() < 0.3).double().mean()
    assert float(mass[in_strip].sum()) == pytest.approx(float(seen), abs=0.005)


@pytest.mark.parametrize("name", ["banana", "funnel", "cos", "pinwheel", "laplace_ica"])
def test_what_has_no_closed_form_says_so(name: str) -> None:
    assert dataset_of(name).smoothed(0.1) is None


class Blurred(Surface):
    """The energy of the blurred truth."""

    def __init__(self, size: float | None) -> None:
        super().__init__()
        self.size = size
        self.truth = EightGaussians().smoothed(size or 0.0)

    @property
    def smoothing(self) -> float | None:
        return self.size

    def forward(self, y: Tensor) -> Tensor:
        return 5 - self.truth.log_prob(y)


def held(surface: Surface, dataset: Dataset) -> EvalContext:
    return EvalContext(make_evaluation(surface, dataset, cells=200, kind=EnergyKind.SMOOTHED, n=200), "raw")


def test_a_smoothed_energy_is_held_against_what_it_estimates() -> None:
    c = held(Blurred(0.3), EightGaussians())
    assert kl_smoothed(c) == pytest.approx(0, abs=1e-9)
    assert kl(c) > 0.05


def test_without_a_width_or_a_closed_form_it_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="does not say"):
        kl_smoothed(held(Blurred(None), EightGaussians()))
    with pytest.raises(NotApplicable, match="closed form"):
        kl_smoothed(held(Blurred(0.3), dataset_of("banana")))
