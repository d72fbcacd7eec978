"""The metrics of the set ``all`` against closed forms, other libraries, and definitions written out."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy_distance
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Dataset, EnergyKind
from ebmbench.datasets.domain import Box, square
from ebmbench.datasets.plane import EightGaussians
from ebmbench.metrics import neighbors, samples, surface
from ebmbench.metrics.calibration import Array
from ebmbench.metrics.context import EvalContext, Evaluation
from ebmbench.metrics.ruler import Ruler
from ebmbench.parts.surface import Surface


class Standard(Dataset):
    """N(0, I) on a box that holds it."""

    @property
    def domain(self) -> Box:
        return square(8)

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.randn(n, 2, generator=generator, dtype=torch.float64))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -0.5 * y.square().sum(-1) - math.log(2 * math.pi)


class Shifted(Surface):
    """The energy of N((shift, 0), I), raised to a power that keeps its order."""

    def __init__(self, shift: float, power: float = 1.0) -> None:
        super().__init__()
        self.center, self.power = torch.tensor([shift, 0.0], dtype=torch.float64), power

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        energy: Tensor = 0.5 * (y - self.center).square().sum(-1)
        return energy**self.power


RULER = Ruler(Standard(), 300)


def held(shift: float, power: float = 1.0) -> EvalContext:
    y = Standard().sample(6000, Generator().manual_seed(0)).y
    like = torch.zeros((), dtype=torch.float64)
    evaluation = Evaluation(Shifted(shift, power), RULER, EnergyKind.DENSITY, y[:1000], y[1000:], 1, like)
    return EvalContext(evaluation, "raw")


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_hellinger_and_jeffreys_of_two_normals(shift: float) -> None:
    assert surface.hellinger(held(shift)) ** 2 == pytest.approx(1 - math.exp(-(shift**2) / 8), abs=1e-4)
    assert surface.jeffreys(held(shift)) == pytest.approx(shift**2, abs=1e-3)


def test_area_under_the_mass_volume_curve_of_a_normal() -> None:
    """{F <= t_a} is a disc of area 2 pi log(1 / (1 - a)); its mean over a is 2 pi."""
    assert surface.mass_volume_area(held(0.0)) == pytest.approx(2 * math.pi, rel=1e-3)
    assert surface.mass_volume_area(held(1.0)) > 2 * math.pi * 1.05


def test_overlap_of_level_sets_is_that_of_two_discs() -> None:
    """The 95 % sets are discs; the shifted one must be larger to hold 95 % of the data."""
    c = held(0.0)
    assert surface.iou95(c) == pytest.approx(1)
    moved = held(1e-6)
    radius = math.sqrt(-2 * math.log(0.05))
    assert surface.iou95(moved) == pytest.approx(1, abs=1e-3)
    from scipy.stats import ncx2

    shift = 1.0
    wider = math.sqrt(float(ncx2.ppf(0.95, 2, shift**2)))
    points = RULER.support.points
    first = points.norm(dim=-1) <= radius
    second = (points - torch.tensor([shift, 0.0])).norm(dim=-1) <= wider
    expected = float((first & second).sum() / (first | second).sum())
    assert surface.iou95(held(shift)) == pytest.approx(expected, abs=5e-3)


def test_rank_correlation_over_the_domain_sees_order_alone() -> None:
    assert surface.spearman_uniform(held(0.0, 3.0)) == pytest.approx(1)
    assert surface.spearman_uniform(held(2.0)) < 0.95


def test_d_prime_of_a_normal() -> None:
    """F = |y|^2 / 2: mean 1 and deviation 1 on data, 64 / 3 on the square of half width 8."""
    assert surface.d_prime(held(0.0)) == pytest.approx((64 / 3 - 1) / 1, rel=2e-3)


def draws(n: int, seed: int, shift: float = 0.0) -> Tensor:
    y = torch.randn(n, 2, generator=Generator().manual_seed(seed), dtype=torch.float64)
    return y + torch.tensor([shift, 0.0], dtype=torch.float64)


def test_energy_distance_is_the_definition_and_unbiased() -> None:
    x, y = draws(60, 0), draws(50, 1, 0.7)
    off_x = cdist(x, x)[~np.eye(60, dtype=bool)].mean()
    off_y = cdist(y, y)[~np.eye(50, dtype=bool)].mean()
    assert samples.unbiased_energy_distance(x, y) == pytest.approx(2 * cdist(x, y).mean() - off_x - off_y)
    values = [samples.unbiased_energy_distance(draws(100, 2 * k), draws(100, 2 * k + 1)) for k in range(100)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 10
    biased = [float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()) for a, b in _pairs(100)]
    assert np.mean(biased) > 4 * np.std(biased) / 10


def _pairs(count: int) -> list[tuple[Array, Array]]:
    return [(draws(100, 2 * k).numpy(), draws(100, 2 * k + 1).numpy()) for k in range(count)]


def test_energy_distance_on_a_line_is_the_square_of_scipys() -> None:
    x, y = draws(20_000, 0), draws(20_000, 1, 1.0)
    line_x, line_y = x[:, :1], y[:, :1]
    ours = samples.unbiased_energy_distance(line_x[:3000], line_y[:3000])
    theirs = scipy_energy_distance(line_x[:3000, 0].numpy(), line_y[:3000, 0].numpy()) ** 2
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_exact_transport_is_pots_and_sees_a_shift() -> None:
    x, y = draws(200, 0), draws(200, 1, 0.5)
    weights = np.full(200, 1 / 200)
    theirs = math.sqrt(ot.emd2(weights, weights, ot.dist(x.numpy(), y.numpy())))
    assert samples.exact_w2(x, y) == pytest.approx(theirs, rel=1e-9)
    assert samples.exact_w2(x, x + torch.tensor([3.0, 4.0])) == pytest.approx(5)


def prdc(real: Array, fake: Array, k: int) -> tuple[float, float, float, float]:
    """The four numbers as their paper defines them, from all distances."""

    def radius(points: Array) -> Array:
        return np.asarray(np.sort(cdist(points, points), axis=1)[:, k])

    between = cdist(real, fake)
    in_real, in_fake = between < radius(real)[:, None], between < radius(fake)
    return (
        float(in_real.any(0).mean()),
        float(in_fake.any(1).mean()),
        float(in_real.sum(0).mean() / k),
        float((between.min(1) < radius(real)).mean()),
    )


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_neighborhoods_are_as_defined(shift: float) -> None:
    real, fake = draws(400, 0).numpy(), draws(300, 1, shift).numpy()
    ours = (
        (neighbors.ball_counts(real, fake, 5) > 0).mean(),
        (neighbors.ball_counts(fake, real, 5) > 0).mean(),
        neighbors.ball_counts(real, fake, 5).mean() / 5,
        neighbors.covered(real, fake, 5),
    )
    assert ours == pytest.approx(prdc(real, fake, 5))


def test_truth_against_truth_has_the_known_expectations() -> None:
    real, fake = draws(4000, 0).numpy(), draws(4000, 1).numpy()
    assert neighbors.covered(real, fake, 5) == pytest.approx(1 - 2.0**-5, abs=0.01)
    assert neighbors.ball_counts(real, fake, 5).mean() / 5 == pytest.approx(1, abs=0.03)


def test_a_classifier_is_at_chance_on_the_same_law_and_at_bayes_on_a_shift() -> None:
    """Two normals a distance 2 apart: the best accuracy is Phi(1)."""
    from scipy.stats import norm

    same = neighbors.classifier_accuracy(draws(1000, 0).numpy(), draws(1000, 1).numpy(), 0)
    assert same == pytest.approx(0.5, abs=0.035)
    apart = neighbors.classifier_accuracy(draws(1000, 2).numpy(), draws(1000, 3, 2.0).numpy(), 0)
    assert apart == pytest.approx(norm.cdf(1), abs=0.03)


class Missing(Surface):
    """Eight normals of which ``missing`` are left out."""

    def __init__(self, missing: int) -> None:
        super().__init__()
        self.centers = EightGaussians().nodes()[0][missing:]

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -torch.logsumexp(-(y[:, None] - self.centers).square().sum(-1) / (2 * 0.125), -1)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        noise = torch.randn(n, 2, generator=generator, dtype=torch.float64) * math.sqrt(0.125)
        return self.centers[torch.randint(len(self.centers), (n,), generator=generator)] + noise


@pytest.mark.parametrize("missing", [0, 4])
def test_mode_histogram(missing: int) -> None:
    """Half of the modes missing is a large KL: the definition, written out, with one sample added to each mode."""
    dataset = EightGaussians()
    y = dataset.sample(6000, Generator().manual_seed(0)).y
    like = torch.zeros((), dtype=torch.float64)
    evaluation = Evaluation(Missing(missing), Ruler(dataset, 200), EnergyKind.DENSITY, y[:1000], y[1000:], 1, like)
    found = samples.mode_kl(EvalContext(evaluation, "native"))
    if not missing:
        assert 0 <= found < 0.005
        return
    shares = []
    for points in (y[1000:], evaluation.native_samples):
        distance = cdist(points.numpy(), dataset.nodes()[0].numpy())
        near = distance.min(1) <= 4 * dataset.sigma
        counts = np.bincount(distance.argmin(1)[near], minlength=8) + 1.0
        shares.append(counts / counts.sum())
    assert found == pytest.approx(float((shares[0] * np.log(shares[0] / shares[1])).sum()))
    assert found > 2


class Needle(Surface):
    """A standard normal beside a well of mass 1/2 that is narrower than a cell of the coarse lattice."""

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        wide = -0.5 * y.square().sum(-1) - math.log(2 * math.pi)
        place = torch.tensor([8 / 600, 8 / 600], dtype=y.dtype)  # the middle of a cell of 600, a corner of those of 300
        thin = -0.5 * (y - place).square().sum(-1) / 0.004**2 - math.log(2 * math.pi * 0.004**2)
        return -torch.logaddexp(wide, thin)


def test_refinement_flags_a_lattice_that_is_too_coarse() -> None:
    """The truth changes by nothing; a well between the points is seen only by the finer lattice."""
    assert surface.refinement(held(0.0)) == pytest.approx(0, abs=1e-9)
    c = held(0.0)
    needle = Evaluation(
        Needle(), RULER, EnergyKind.DENSITY, c.evaluation.validation, c.evaluation.test, 0, c.evaluation.like
    )
    assert surface.refinement(EvalContext(needle, "raw")) > 0.5


def test_squared_error_of_the_log_density_of_a_shifted_normal() -> None:
    """log q - log p = s y_1 - s^2 / 2 under N(0, I): its mean square is s^2 + s^4 / 4."""
    found = surface.log_density_mse(held(0.7))
    assert found == pytest.approx(0.7**2 + 0.7**4 / 4, rel=0.06)
    assert surface.log_density_mse(held(0.0)) == pytest.approx(0, abs=1e-6)
