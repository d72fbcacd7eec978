"""Distances between samples: against naive implementations, closed forms, POT."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import ot
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy_distance
from torch import Generator, Tensor

from ebmbench.contracts.records import Protocol
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, PinkSpiral, PlaneDataset
from ebmbench.errors import NotApplicable
from ebmbench.metrics import samples as metrics
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.truth.normalizer import Array
from tests.factories import TrueEnergy, make_evaluation

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
    """For N(0, I), N(m, s^2 I) in the plane and a Gaussian kernel of width b.

    E k(Y - Y') with Y - Y' ~ N(m, v I) is b^2 / (b^2 + v) exp(-|m|^2 / 2 (b^2 + v)).
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


@pytest.mark.long
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


# --- energy distance and exact transport ------------------------------------------------------------------------------


def along_first(n: int, seed: int, shift: float = 0.0) -> Tensor:
    """Standard normal draws, moved along the first axis."""
    return draws(n, seed) + torch.tensor([shift, 0.0], dtype=torch.float64)


def test_energy_distance_is_the_definition_and_unbiased() -> None:
    x, y = draws(60, 0), along_first(50, 1, 0.7)
    off_x = cdist(x, x)[~np.eye(60, dtype=bool)].mean()
    off_y = cdist(y, y)[~np.eye(50, dtype=bool)].mean()
    assert metrics.unbiased_energy_distance(x, y) == pytest.approx(2 * cdist(x, y).mean() - off_x - off_y)
    pairs = [(draws(100, 2 * k), draws(100, 2 * k + 1)) for k in range(100)]
    values = [metrics.unbiased_energy_distance(*pair) for pair in pairs]
    assert abs(np.mean(values)) < 4 * np.std(values) / 10
    biased = [float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()) for a, b in pairs]
    assert np.mean(biased) > 4 * np.std(biased) / 10


def test_energy_distance_on_a_line_is_the_square_of_scipys() -> None:
    x, y = draws(20_000, 0)[:3000, :1], along_first(20_000, 1, 1.0)[:3000, :1]
    theirs = scipy_energy_distance(x[:, 0].numpy(), y[:, 0].numpy()) ** 2
    assert metrics.unbiased_energy_distance(x, y) == pytest.approx(theirs, abs=2e-3)


def test_exact_transport_is_pots_and_sees_a_shift() -> None:
    x, y = draws(200, 0), along_first(200, 1, 0.5)
    weights = np.full(200, 1 / 200)
    theirs = math.sqrt(ot.emd2(weights, weights, ot.dist(x.numpy(), y.numpy())))
    assert metrics.exact_w2(x, y) == pytest.approx(theirs, rel=1e-9)
    assert metrics.exact_w2(x, x + torch.tensor([3.0, 4.0])) == pytest.approx(5)


# --- the metrics of the catalog ---------------------------------------------------------------------------------------


SAMPLES = Protocol().samples


class Changed(TrueEnergy):
    """The true energy; samples are the dataset's, passed through ``change``."""

    def __init__(self, dataset: PlaneDataset, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__(dataset)
        self.change = change

    def sample(self, n: int, generator: Generator) -> Tensor:
        return self.change(self.dataset.sample(n, generator).y)


def evaluation(surface: Surface, dataset: PlaneDataset | None = None) -> Evaluation:
    return make_evaluation(surface, dataset or EightGaussians(), cells=200, n=SAMPLES, seed=3)


def half(dataset: PlaneDataset) -> Surface:
    """1/2 the true energy, and no sampler of its own."""
    return TrueEnergy(dataset, 0.5)


def native(change: Callable[[Tensor], Tensor]) -> EvalContext:
    return EvalContext(evaluation(Changed(EightGaussians(), change)), "native")


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


def test_the_shares_of_modes_of_a_distribution_in_one_piece_are_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="one piece"):
        metrics.mode_kl(EvalContext(make_evaluation(half(PinkSpiral()), PinkSpiral(), cells=50, n=10), "common"))


def test_native_samples_need_a_sampler() -> None:
    with pytest.raises(NotApplicable, match="no sampler"):
        metrics.mmd2(EvalContext(evaluation(half(EightGaussians())), "native"))


@pytest.mark.long
def test_distances_of_the_catalog_see_a_shift() -> None:
    """A translation by m costs |m| / sqrt 2 sliced, up to what two samples of one law differ by."""
    still, moved = native(lambda y: y), native(lambda y: y + torch.tensor([1.0, 0.0]).double())
    assert metrics.sliced_wasserstein(still) < 0.1
    assert metrics.sliced_wasserstein(moved) == pytest.approx(math.sqrt(0.5), abs=0.1)
    assert abs(metrics.mmd2(still)) < 1e-3 < metrics.mmd2(moved)


class Missing(Surface):
    """Eight normals of which ``missing`` are left out."""

    def __init__(self, missing: int) -> None:
        super().__init__()
        self.centers = EightGaussians().nodes()[0][missing:]

    def forward(self, y: Tensor) -> Tensor:
        return -torch.logsumexp(-(y[:, None] - self.centers).square().sum(-1) / (2 * 0.125), -1)

    def sample(self, n: int, generator: Generator) -> Tensor:
        noise = torch.randn(n, 2, generator=generator, dtype=torch.float64) * math.sqrt(0.125)
        return self.centers[torch.randint(len(self.centers), (n,), generator=generator)] + noise


@pytest.mark.parametrize("missing", [0, 4])
def test_mode_histogram(missing: int) -> None:
    """Half of the modes missing is a large KL: the definition, written out, with one sample added to each mode."""
    dataset = EightGaussians()
    held = evaluation(Missing(missing))
    found = metrics.mode_kl(EvalContext(held, "native"))
    if not missing:
        assert 0 <= found < 0.005
        return
    shares = []
    for points in (held.test.y, held.native_samples):
        distance = cdist(points.numpy(), dataset.nodes()[0].numpy())
        near = distance.min(1) <= 4 * dataset.sigma
        counts = np.bincount(distance.argmin(1)[near], minlength=8) + 1.0
        shares.append(counts / counts.sum())
    assert found == pytest.approx(float((shares[0] * np.log(shares[0] / shares[1])).sum()))
    assert found > 2
