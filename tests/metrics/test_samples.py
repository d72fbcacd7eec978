"""Distances between samples: against naive implementations, closed forms, POT; and the common sampler itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import ot
import pytest
import torch
from scipy.stats import chisquare
from torch import Generator, Tensor

from ebmbench.contracts import EnergyKind
from ebmbench.datasets.plane import EightGaussians, PinkSpiral, PlaneDataset
from ebmbench.metrics import samples as metrics
from ebmbench.metrics.calibration import Array
from ebmbench.metrics.context import SAMPLES, EvalContext, Evaluation
from ebmbench.metrics.ruler import NotApplicable, Ruler
from ebmbench.parts.surface import Surface

torch.set_num_threads(1)

Mmd = Callable[[Tensor, Tensor, Tensor], float]
BANDWIDTHS = torch.tensor([0.3, 1.0, 2.5], dtype=torch.float64)


def draws(n: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(n, 2, generator=generator, dtype=torch.float64)


# --- MMD --------------------------------------------------------------------------------------------------------------


def naive_mmd2(x: Array, y: Array, bandwidths: Array) -> float:
    """Pair by pair, leaving out i = j."""

    def kernel(a: Array, b: Array) -> float:
        squared = float(((a - b) ** 2).sum())
        return float(np.mean([math.exp(-squared / (2 * width**2)) for width in bandwidths]))

    def within(points: Array) -> float:
        n = len(points)
        total = sum(kernel(points[i], points[j]) for i in range(n) for j in range(n) if i != j)
        return total / (n * (n - 1))

    return within(x) + within(y) - 2 * float(np.mean([[kernel(a, b) for b in y] for a in x]))


def v_statistic(x: Tensor, y: Tensor, bandwidths: Tensor) -> float:
    """Wrong: the biased estimate, which keeps the pairs i = i."""

    def mean(a: Tensor, b: Tensor) -> float:
        squared = (a[:, None] - b[None]).square().sum(-1)
        return float(torch.stack([torch.exp(squared / (-2 * width**2)).mean() for width in bandwidths]).mean())

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def check_unbiased(mmd: Mmd) -> None:
    """Over replicates of two samples of one law the mean is 0 within 4 standard errors."""
    values = np.array([mmd(draws(60, 2 * seed), draws(40, 2 * seed + 1), BANDWIDTHS) for seed in range(200)])
    assert abs(values.mean()) < 4 * values.std(ddof=1) / math.sqrt(len(values))


def test_mmd_agrees_with_a_naive_one() -> None:
    x, y = draws(17, 1), draws(29, 2, shift=0.7)
    assert metrics.unbiased_mmd2(x, y, BANDWIDTHS) == pytest.approx(
        naive_mmd2(x.numpy(), y.numpy(), BANDWIDTHS.numpy()), abs=1e-12
    )


def test_mmd_is_unbiased() -> None:
    check_unbiased(metrics.unbiased_mmd2)


def test_the_biased_mmd_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_unbiased(v_statistic)


def test_mmd_of_two_gaussians() -> None:
    """For N(0, I), N(m, s^2 I) in the plane and a Gaussian kernel of width b, E k(Y - Y') with Y - Y' ~ N(m, v I) is
    b^2 / (b^2 + v) exp(-|m|^2 / 2 (b^2 + v)).
    """
    width, shift, scale = 0.8, 0.6, 1.3

    def expected_kernel(variance: float, distance2: float) -> float:
        total = width**2 + variance
        return width**2 / total * math.exp(-distance2 / (2 * total))

    expected = (
        expected_kernel(2, 0) + expected_kernel(2 * scale**2, 0) - 2 * expected_kernel(1 + scale**2, 2 * shift**2)
    )
    widths = torch.tensor([width], dtype=torch.float64)
    values = np.array(
        [
            metrics.unbiased_mmd2(draws(100, 2 * seed), draws(100, 2 * seed + 1, shift, scale), widths)
            for seed in range(200)
        ]
    )
    se = values.std(ddof=1) / math.sqrt(len(values))
    assert se < 0.1 * expected
    assert abs(values.mean() - expected) < 4 * se


def test_mmd_in_float32_is_good_to_1e6() -> None:
    """The catalog's metric computes it in float32, to halve the cost; even for the narrowest kernel of a wide law."""
    dataset = EightGaussians()
    x, y = (dataset.sample(2000, torch.Generator().manual_seed(seed)).y for seed in (1, 2))
    widths = 2 * torch.tensor(metrics.BANDWIDTHS, dtype=torch.float64)
    exact = metrics.unbiased_mmd2(x, y, widths)
    assert metrics.unbiased_mmd2(x.float(), y.float(), widths.float()) == pytest.approx(exact, abs=2e-6)


# --- sliced Wasserstein -----------------------------------------------------------------------------------------------


def test_sliced_wasserstein_agrees_with_pot() -> None:
    x, y, directions = draws(200, 1), draws(200, 2, 0.4, 1.7), metrics.half_circle(16)
    expected = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy().T, p=2)
    assert metrics.sliced_w2(x, y, directions) == pytest.approx(float(expected), rel=1e-9)


def test_sliced_wasserstein_of_a_translation() -> None:
    """Every projection moves by <m, direction>; the mean square over the half circle is |m|^2 / 2."""
    x = draws(300, 3)
    moved = x + torch.tensor([0.9, -0.4], dtype=torch.float64)
    expected = math.sqrt((0.9**2 + 0.4**2) / 2)
    assert metrics.sliced_w2(x, moved, metrics.half_circle(64)) == pytest.approx(expected, rel=1e-9)


def test_sliced_wasserstein_does_not_see_the_order_of_rows() -> None:
    x = draws(300, 4)
    assert metrics.sliced_w2(x, x.flip(0), metrics.half_circle(64)) == pytest.approx(0, abs=1e-12)


def test_the_half_circle_is_a_quadrature_of_directions() -> None:
    directions = metrics.half_circle(9)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(9).double())
    torch.testing.assert_close(directions.T @ directions / 9, 0.5 * torch.eye(2).double())


# --- the metrics of the catalog ---------------------------------------------------------------------------------------


class Sampled(Surface):
    """The true energy; samples are the dataset's, passed through ``change``."""

    def __init__(self, dataset: PlaneDataset, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.dataset, self.change = dataset, change

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -self.dataset.log_prob(y.double())

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        return self.change(self.dataset.sample(n, generator).y)


class EnergyAlone(Surface):
    """1/2 the true energy, and no sampler of its own."""

    def __init__(self, dataset: PlaneDataset) -> None:
        super().__init__()
        self.dataset = dataset

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -0.5 * self.dataset.log_prob(y.double())


@cache
def ruler() -> Ruler:
    return Ruler(EightGaussians(), 200)


def evaluation(surface: Surface, held: Ruler | None = None) -> Evaluation:
    held = held or ruler()
    points = [held.dataset.sample(SAMPLES, torch.Generator().manual_seed(seed)).y for seed in (1, 2)]
    return Evaluation(surface, held, EnergyKind.DENSITY, points[0], points[1], 3, torch.empty(0, dtype=torch.float64))


def native(change: Callable[[Tensor], Tensor]) -> EvalContext:
    return EvalContext(evaluation(Sampled(EightGaussians(), change)), "native")


def without_modes(*missing: int) -> Callable[[Tensor], Tensor]:
    """Samples of the missing modes are moved to mode 0."""

    def change(y: Tensor) -> Tensor:
        dataset = EightGaussians()
        centers, _ = dataset.nodes()
        index = dataset.assign_mode(y)
        for mode in missing:
            y = torch.where((index == mode)[:, None], y - centers[mode] + centers[0], y)
        return y

    return change


def test_a_missing_mode_counts() -> None:
    assert metrics.mode_coverage(native(lambda y: y)) == 1
    assert metrics.mode_coverage(native(without_modes(3))) == 7 / 8
    assert metrics.mode_coverage(native(without_modes(1, 4, 6))) == 5 / 8


def test_samples_that_are_near_no_mode_cover_none() -> None:
    assert metrics.mode_coverage(native(lambda y: 0.3 * y)) == 0


def test_a_mode_with_less_than_a_tenth_of_its_due_is_not_covered() -> None:
    def keep_one_in(part: int) -> Callable[[Tensor], Tensor]:
        return lambda y: torch.where((torch.arange(len(y)) % part > 0)[:, None], without_modes(5)(y), y)

    assert metrics.mode_coverage(native(keep_one_in(20))) == 7 / 8
    assert metrics.mode_coverage(native(keep_one_in(5))) == 1


def test_coverage_of_a_distribution_in_one_piece_is_not_applicable() -> None:
    held = Ruler(PinkSpiral(), 50)
    with pytest.raises(NotApplicable, match="one piece"):
        metrics.mode_coverage(EvalContext(evaluation(EnergyAlone(PinkSpiral()), held), "common"))


def test_native_samples_need_a_sampler() -> None:
    with pytest.raises(NotApplicable, match="no sampler"):
        metrics.mmd2(EvalContext(evaluation(EnergyAlone(EightGaussians())), "native"))


def test_distances_of_the_catalog_see_a_shift() -> None:
    """A translation by m costs |m| / sqrt 2 sliced, up to what two samples of one law differ by."""
    still, moved = native(lambda y: y), native(lambda y: y + torch.tensor([1.0, 0.0]).double())
    assert metrics.sliced_wasserstein(still) < 0.1
    assert metrics.sliced_wasserstein(moved) == pytest.approx(math.sqrt(0.5), abs=0.1)
    assert abs(metrics.mmd2(still)) < 1e-3 < metrics.mmd2(moved)


def test_the_common_sampler_draws_from_the_fitted_density() -> None:
    """Half of the true energy has beta near 2; counts in cells of width 0.6 against their mass."""
    held = evaluation(EnergyAlone(EightGaussians()))
    assert held.beta == pytest.approx(2, rel=0.05)
    points = EvalContext(held, "common").samples(SAMPLES)
    support = EightGaussians().domain.support(200)
    log_mass = -held.beta * held.energy + support.log_weight.numpy()
    mass = np.exp(log_mass - log_mass.max()).reshape(20, 10, 20, 10).sum((1, 3)).ravel()
    expected = SAMPLES * mass / mass.sum()
    place = ((points + 6) / 0.6).long()
    counts = torch.bincount(place[:, 0] * 20 + place[:, 1], minlength=400).numpy()
    full = expected >= 10
    found = np.append(counts[full], counts[~full].sum())
    due = np.append(expected[full], expected[~full].sum())
    assert chisquare(found, due).pvalue > 1e-3


class Flat(Surface):
    """The same energy everywhere."""

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return torch.zeros(len(y), dtype=y.dtype)


def test_the_common_sampler_of_a_constant_energy_has_no_favorite_place() -> None:
    """It has no temperature: uniform draws, or not applicable."""
    try:
        points = EvalContext(evaluation(Flat()), "common").samples(SAMPLES)
    except NotApplicable:
        return
    assert float(points.mean(0).abs().max()) < 4 * math.sqrt(12 / SAMPLES)


def test_the_common_sampler_fills_its_cells() -> None:
    """Places within a cell are uniform: mean 1/2 and variance 1/12 within 4 standard errors."""
    points = EvalContext(evaluation(EnergyAlone(EightGaussians())), "common").samples(SAMPLES)
    inner = ((points + 6) / (12 / 200)) % 1
    assert float((inner.mean(0) - 0.5).abs().max()) < 4 * math.sqrt(1 / 12 / SAMPLES)
    assert float((inner.var(0) - 1 / 12).abs().max()) < 4 * math.sqrt(1 / 180 / SAMPLES)
