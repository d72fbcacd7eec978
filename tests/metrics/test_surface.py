"""The surface metrics against closed forms of Gaussians, against scikit-learn, and against the oracle table."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, ncx2, norm, rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import square
from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, Moons, PinkSpiral, PlaneDataset, Rings, SmoothCheckerboard
from ebmbench.errors import NotApplicable
from ebmbench.metrics import surface as metrics
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.truth.normalizer import Array, log_normalizer
from ebmbench.truth.truth import TruthOnSupport
from tests.factories import Normal, Pair, TrueEnergy, make_evaluation, make_truth

HELD_OUT = 4000


class Quadratic(Surface):
    """F = 1/2 (y - mean)' P (y - mean) + offset."""

    def __init__(self, mean: tuple[float, float], precision: Array, offset: float = 0.0) -> None:
        super().__init__()
        self.mean = torch.tensor(mean, dtype=torch.float64)
        self.precision = torch.from_numpy(precision)
        self.offset = offset

    def forward(self, y: Tensor) -> Tensor:
        centered = y - self.mean
        return 0.5 * ((centered @ self.precision) * centered).sum(-1) + self.offset


class Mapped(Surface):
    """A function of another energy."""

    def __init__(self, surface: Surface, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.change = surface, change

    def forward(self, y: Tensor) -> Tensor:
        return self.change(self.inner(y))


def held_against(
    surface: Surface,
    dataset: Dataset,
    kind: EnergyKind = EnergyKind.DENSITY,
    cells: int = 200,
    dtype: torch.dtype = torch.float64,
) -> Evaluation:
    like = torch.empty(0, dtype=dtype)
    return make_evaluation(surface, dataset, cells=cells, kind=kind, n=HELD_OUT, seed=3, like=like)


def raw(evaluation: Evaluation) -> EvalContext:
    return EvalContext(evaluation, "raw")


# --- a Gaussian against a shifted one: everything in closed form ------------------------------------------------------

SCALE, SHIFT = 0.8, (0.5, -0.3)
DISTANCE2 = SHIFT[0] ** 2 + SHIFT[1] ** 2
AREA = 18.0**2
OFFSET = 2.5


@cache
def shifted() -> Evaluation:
    """p = N(0, s^2 I), q = N(m, s^2 I); the energy is -log q, less a constant."""
    offset = math.log(2 * math.pi * SCALE**2) + OFFSET
    energy = Quadratic(SHIFT, np.eye(2) / SCALE**2, offset)
    return held_against(energy, Normal(scale=SCALE), EnergyKind.NORMALIZED)


def test_kl_and_its_reverse() -> None:
    """|m|^2 / 2 s^2 both ways, whatever the constant."""
    expected = DISTANCE2 / (2 * SCALE**2)
    assert metrics.kl(raw(shifted())) == pytest.approx(expected, abs=1e-6)
    assert metrics.kl_reverse(raw(shifted())) == pytest.approx(expected, abs=1e-6)


def test_tv() -> None:
    """2 Phi(|m| / 2 s) - 1."""
    expected = 2 * norm.cdf(math.sqrt(DISTANCE2) / (2 * SCALE)) - 1
    assert metrics.tv(raw(shifted())) == pytest.approx(expected, abs=1e-3)


def test_fisher() -> None:
    """The gradients differ by m / s^2 everywhere."""
    assert metrics.fisher(raw(shifted())) == pytest.approx(0.5 * DISTANCE2 / SCALE**4, rel=1e-9)


def test_nll_is_the_mean_over_the_test_points() -> None:
    q = multivariate_normal(np.array(SHIFT), SCALE**2 * np.eye(2))
    each = -q.logpdf(shifted().test.y.numpy())
    se = each.std(ddof=1) / math.sqrt(HELD_OUT)
    cross_entropy = math.log(2 * math.pi * math.e * SCALE**2) + DISTANCE2 / (2 * SCALE**2)
    assert metrics.nll(raw(shifted())) == pytest.approx(each.mean(), abs=1e-6)
    assert metrics.nll_se(raw(shifted())) == pytest.approx(se, rel=1e-6)
    assert metrics.nll(raw(shifted())) == pytest.approx(cross_entropy, abs=4 * se)
    assert metrics.nll_excess(raw(shifted())) == pytest.approx(
        each.mean() - math.log(2 * math.pi * math.e * SCALE**2), abs=1e-6
    )
    validation = -q.logpdf(shifted().validation.y.numpy())
    assert metrics.nll_validation(raw(shifted())) == pytest.approx(validation.mean(), abs=1e-6)


def test_auroc() -> None:
    """1 - E pi |y - m|^2 / |B|: the disc that ranks below a datum, over the box."""
    expected = 1 - math.pi * (2 * SCALE**2 + DISTANCE2) / AREA
    assert metrics.auroc(raw(shifted())) == pytest.approx(expected, abs=1e-4)


def test_v95() -> None:
    """The level set is a disc about m; |y - m|^2 / s^2 is a noncentral chi-square of two degrees."""
    truth = -2 * math.log(0.05)
    expected = ncx2.ppf(0.95, 2, DISTANCE2 / SCALE**2) / truth
    assert metrics.v95_ratio(raw(shifted())) == pytest.approx(expected, abs=0.01)
    context = raw(held_against(TrueEnergy(Normal()), Normal()))
    assert metrics.v95_ratio(context) == 1
    volume = metrics.level_volume(context.evaluation.energy, context.truth.log_p, context.truth.log_weight)
    assert volume == pytest.approx(math.pi * truth, abs=0.05)


def test_spearman_is_the_correlation_of_ranks() -> None:
    y = shifted().test.y.numpy()
    first, second = (rankdata(np.square(y - center).sum(-1)) for center in (np.zeros(2), np.array(SHIFT)))
    expected = np.corrcoef(first, second)[0, 1]
    assert 0.3 < expected < 0.95
    assert metrics.spearman(raw(shifted())) == pytest.approx(expected, abs=1e-9)


def test_log_z_error() -> None:
    """F = -log q + c integrates to exp(-c)."""
    assert metrics.log_z_error(raw(shifted())) == pytest.approx(-OFFSET, abs=1e-6)


def test_beta() -> None:
    """s^2 / (1/2 mean |y - m|^2) over validation; 2 s^2 / (2 s^2 + |m|^2) within 4 standard errors."""
    half = 0.5 * np.square(shifted().validation.y.numpy() - np.array(SHIFT)).sum(-1)
    assert metrics.beta(raw(shifted())) == pytest.approx(SCALE**2 / half.mean(), rel=1e-5)
    relative_se = half.std() / half.mean() / math.sqrt(HELD_OUT)
    expected = 2 * SCALE**2 / (2 * SCALE**2 + DISTANCE2)
    assert metrics.beta(raw(shifted())) == pytest.approx(expected, rel=4 * relative_se)


def test_the_beta_variant_is_the_density_at_that_temperature() -> None:
    """F = |y - m|^2 / 2 s^2 at beta is N(m, s^2 / beta I): its KL and Fisher divergence in closed form."""
    context = EvalContext(shifted(), "beta")
    beta = shifted().beta
    expected = beta * (1 + DISTANCE2 / (2 * SCALE**2)) - 1 - math.log(beta)
    assert metrics.kl(context) == pytest.approx(expected, abs=1e-6)
    y = shifted().test.y.numpy()
    error = (beta * (y - np.array(SHIFT)) - y) / SCALE**2
    assert metrics.fisher(context) == pytest.approx(0.5 * np.square(error).sum(-1).mean(), rel=1e-9)


def test_the_iso_variant_needs_no_temperature() -> None:
    context = EvalContext(shifted(), "iso")
    assert metrics.nll(context) == pytest.approx(metrics.kl(context) + context.truth.entropy, abs=1e-12)
    assert 0 < metrics.kl(context) < metrics.kl(EvalContext(shifted(), "beta"))
    with pytest.raises(NotApplicable):
        metrics.fisher(context)


def test_kl_and_fisher_of_an_anisotropic_gaussian() -> None:
    """KL = 1/2 (tr P - 2 - log det P) + 1/2 m'Pm with p = N(0, I) and P the precision of q; 4 standard errors."""
    precision, mean = np.array([[1.5, 0.4], [0.4, 0.7]]), np.array([0.4, 0.2])
    evaluation = held_against(Quadratic((0.4, 0.2), precision), Normal())
    bias = precision @ mean
    log_det = math.log(np.linalg.det(precision))
    forward = 0.5 * (np.trace(precision) - 2 - log_det + mean @ bias)
    reverse = 0.5 * (np.trace(np.linalg.inv(precision)) - 2 + log_det + mean @ mean)
    assert metrics.kl(raw(evaluation)) == pytest.approx(forward, abs=1e-6)
    assert metrics.kl_reverse(raw(evaluation)) == pytest.approx(reverse, abs=1e-6)
    each = 0.5 * np.square(evaluation.test.y.numpy() @ (precision - np.eye(2)) - bias).sum(-1)
    expected = 0.5 * (np.square(precision - np.eye(2)).sum() + bias @ bias)
    assert metrics.fisher(raw(evaluation)) == pytest.approx(each.mean(), rel=1e-9)
    assert metrics.fisher(raw(evaluation)) == pytest.approx(expected, abs=4 * each.std() / math.sqrt(HELD_OUT))


# --- the box and the weights ------------------------------------------------------------------------------------------


def test_the_mass_outside_a_box_that_is_too_small() -> None:
    """One less the mass of the box; outside a box of nine standard deviations lies nothing."""
    small, wide = Normal(half_width=1.0), Normal()
    inside = float((norm.cdf(1) - norm.cdf(-1)) ** 2)
    assert metrics.mass_outside(raw(held_against(TrueEnergy(small), small))) == pytest.approx(1 - inside, abs=1e-5)
    assert 0 <= metrics.mass_outside(raw(held_against(TrueEnergy(wide), wide))) < 1e-9


@pytest.mark.parametrize("steepness", [1.0, 60.0])
def test_an_energy_that_falls_without_end_is_no_density(steepness: float) -> None:
    """F = -a |y|^2 / 2: infinitely far from anything, and worse than whatever has an integral."""
    dataset = Normal(half_width=4.0)
    context = raw(held_against(Quadratic((0.0, 0.0), -steepness * np.eye(2)), dataset, cells=40))
    assert metrics.kl(context) == math.inf
    assert metrics.nll(context) == math.inf
    assert metrics.skill(context) == -1
    assert metrics.mass_outside(context) == 1
    assert all(remark.startswith("not normalizable: ") for remark in context.remarks)


class Plateau(TrueEnergy):
    """The true energy on the domain and beside it; farther out a level that never rises."""

    def forward(self, y: Tensor) -> Tensor:
        near = square(10).contains(y)
        return torch.where(near, super().forward(y), 12.0)


def test_a_plateau_beyond_twice_the_box_is_no_density_and_as_an_order_it_is_what_it_is() -> None:
    """On the box, and at twice its width, it is the truth."""
    dataset = Moons()
    density = raw(held_against(Plateau(dataset), dataset))
    assert (metrics.kl(density), metrics.skill(density), metrics.mass_outside(density)) == (math.inf, -1, 1)
    order = raw(held_against(Plateau(dataset), dataset, EnergyKind.RANKING))
    assert metrics.skill(order) == pytest.approx(1, abs=1e-3), "a level above all data costs nothing"
    assert metrics.auroc(order) == pytest.approx(0.9582, abs=1e-3)


def test_a_well_far_away_holds_the_mass_that_it_holds() -> None:
    """A hundredth of the mass, as wide as the data, three widths of the box away; KL is -log 0.99."""
    dataset = Normal(half_width=5.0)

    class Well(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            far = -(y - 30).square().sum(-1) / 2 - math.log(2 * math.pi)
            return -torch.logaddexp(math.log(0.99) + dataset.log_prob(y), math.log(0.01) + far)

    context = raw(held_against(Well(dataset), dataset, cells=400))
    assert metrics.mass_outside(context) == pytest.approx(0.01, abs=1e-3)
    assert metrics.kl(context) == pytest.approx(-math.log(0.99), abs=1e-3)


def stretched() -> tuple[Array, Array]:
    """A quadrature of the line with unequal cells: y = sinh(u), dy = cosh(u) du."""
    u = np.linspace(-3.5, 3.5, 2001)
    return np.sinh(u), np.log(np.cosh(u) * (u[1] - u[0]))


def test_unequal_weights_count() -> None:
    """KL 1/8, TV, AUROC and V95 of N(0, 1) on the line; without the weights each is wrong."""
    y, log_weight = stretched()
    log_p, log_q = norm.logpdf(y), norm.logpdf(y, 0.5)
    length = float(np.exp(log_weight).sum())
    flat = np.zeros_like(log_weight)
    area = 1 - 2 * math.sqrt(2 / math.pi) / length
    expected = [0.125, 2 * norm.cdf(0.25) - 1, area, 2 * norm.ppf(0.975)]

    def found(weight: Array) -> list[float]:
        return [
            metrics.divergence(log_p, log_q, weight),
            metrics.total_variation(log_p, log_q, weight),
            metrics.ranking_area(-log_p, log_p, weight),
            metrics.level_volume(-log_p, log_p, weight),
        ]

    assert (np.abs(np.array(found(log_weight)) - expected) < [1e-6, 1e-5, 1e-5, 0.02]).all()
    assert (np.abs(np.array(found(flat)) - expected) > 0.03).all()


def test_kl_is_infinite_where_the_model_misses_a_cell() -> None:
    log_p, log_q = np.log([0.5, 0.5]), np.array([0.0, -np.inf])
    assert metrics.divergence(log_p, log_q, np.zeros(2)) == math.inf
    assert metrics.divergence(log_q, log_p, np.zeros(2)) == pytest.approx(math.log(2))
    subnormal = np.array([0.0, math.log(1e-320)])
    assert metrics.divergence(subnormal, log_q, np.zeros(2)) == 0, "its density is zero in double precision"


# --- the masses of the modes ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_mode_masses_of_a_wrong_mixture() -> None:
    """Weights (0.8, 0.2) against (0.5, 0.5): a total variation of 0.3."""
    pair = Pair(sigma=0.4)

    class Uneven(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            log_weight = torch.tensor([0.8, 0.2], dtype=torch.float64).log()
            return -torch.logsumexp(log_weight - torch.cdist(y, pair.nodes()[0]).square() / (2 * 0.4**2), -1)

    assert metrics.mode_mass_error(raw(held_against(Uneven(pair), pair))) == pytest.approx(0.3, abs=1e-3)
    assert metrics.mode_mass_error(raw(held_against(TrueEnergy(pair), pair))) == pytest.approx(0, abs=1e-12)


def test_mass_between_the_modes_counts_as_an_error() -> None:
    """Half of the mass spread over the box: masses halve, and the rest of the plane holds the other half."""
    pair = Pair(sigma=0.2)

    class Fog(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            fog = torch.where(pair.domain.contains(y), -math.log(144.0), -math.inf)
            return -torch.logaddexp(pair.log_prob(y), fog)

    in_modes = 2 * math.pi * 0.8**2 / 144  # of the fog, what falls into the two discs of four sigma
    assert metrics.mode_mass_error(raw(held_against(Fog(pair), pair))) == pytest.approx(0.5 * (1 - in_modes), abs=2e-3)


def test_mass_far_away_counts_as_an_error() -> None:
    """A third mode of a fifth of the mass, far outside the box."""
    pair = Pair(sigma=0.4)

    class Leaking(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            far = -(y - 30).square().sum(-1) / 18 - math.log(2 * math.pi * 9)
            return -torch.logaddexp(math.log(0.8) + pair.log_prob(y), math.log(0.2) + far)

    context = raw(held_against(Leaking(pair), pair))
    assert metrics.mode_mass_error(context) == pytest.approx(0.2, abs=2e-3)
    assert metrics.mass_outside(context) == pytest.approx(0.2, abs=2e-3)


def test_the_mass_of_modes_of_a_distribution_in_one_piece_is_not_asked_for() -> None:
    with pytest.raises(NotApplicable, match="one piece"):
        metrics.mode_mass_error(raw(held_against(TrueEnergy(PinkSpiral()), PinkSpiral(), cells=50)))


# --- AUROC and V95 ----------------------------------------------------------------------------------------------------


def test_auroc_agrees_with_scikit_learn_on_samples() -> None:
    """Data and uniform points drawn and ranked by a wrong energy, within 4 standard errors (Hanley & McNeil 1982)."""
    dataset, n = Moons(), 20_000
    energy = Quadratic((0.5, 0.0), np.diag([0.2, 1.0]))
    generator = torch.Generator().manual_seed(11)
    data = dataset.sample(n, generator).y
    elsewhere = 10 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 5
    is_data = np.repeat([1, 0], n)
    sampled = roc_auc_score(is_data, -energy(torch.cat([data, elsewhere])).numpy())
    se = math.sqrt(sampled * (1 - sampled) / n)
    assert metrics.auroc(raw(held_against(energy, dataset))) == pytest.approx(sampled, abs=4 * se)


cells = st.lists(st.tuples(st.integers(-5, 5), st.floats(0.01, 5), st.floats(0.01, 5)), min_size=2, max_size=30)


@pytest.mark.long
@settings(max_examples=100, deadline=None, derandomize=True)
@given(cells)
def test_auroc_of_weighted_ties_is_scikit_learns(rows: list[tuple[int, float, float]]) -> None:
    """Every cell once as data with its mass, once as background with its volume."""
    energy, mass, volume = np.array(rows, dtype=np.float64).T
    expected = roc_auc_score(
        np.repeat([1, 0], len(rows)), -np.tile(energy, 2), sample_weight=np.concatenate([mass, volume])
    )
    found = metrics.ranking_area(energy, np.log(mass / volume), np.log(volume))
    assert found == pytest.approx(expected, abs=1e-9)


def test_auroc_of_a_constant_energy_is_one_half() -> None:
    y, log_weight = stretched()
    assert metrics.ranking_area(np.zeros_like(y), norm.logpdf(y), log_weight) == pytest.approx(0.5)


def test_volume_of_a_constant_energy_is_the_whole_support() -> None:
    log_p = np.log([0.97, 0.01, 0.01, 0.01])
    assert metrics.level_volume(np.zeros(4), log_p, np.zeros(4)) == 4


PLANE: dict[str, tuple[PlaneDataset, float, float]] = {
    "8gaussians": (EightGaussians(), 0.9566, 18.81),
    "moons": (Moons(), 0.9582, 10.59),
    "checkerboard_s": (SmoothCheckerboard(), 0.8342, 34.01),
    "rings": (Rings(), 0.9477, 14.37),
    "pink_spiral": (PinkSpiral(), 0.992, 1.328),
}


@cache
def truth(name: str) -> TruthOnSupport:
    return make_truth(PLANE[name][0], 300)


@pytest.mark.long
@pytest.mark.parametrize("name", PLANE)
def test_auroc_and_v95_of_the_oracle_table(name: str) -> None:
    _, area, volume = PLANE[name]
    log_p, log_weight = (array[truth(name).inside] for array in (truth(name).log_p, truth(name).log_weight))
    assert metrics.ranking_area(-log_p, log_p, log_weight) == pytest.approx(area, abs=1e-3)
    assert metrics.level_volume(-log_p, log_p, log_weight) == pytest.approx(volume, abs=0.1)
    assert metrics.ranking_area(log_p, log_p, log_weight) == pytest.approx(1 - area, abs=1e-3)


# --- points in the place of a density ---------------------------------------------------------------------------------


def test_the_sampled_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    data, lattice = rng.integers(0, 8, 300).astype(float), rng.integers(0, 12, 700).astype(float)
    expected = roc_auc_score(np.repeat([0, 1], [300, 700]), np.concatenate([data, lattice]))
    assert metrics.sampled_ranking_area(data, lattice, np.zeros(700)) == pytest.approx(expected, abs=1e-12)


def test_the_sampled_area_weighs_cells_by_their_volume() -> None:
    rng = np.random.default_rng(0)
    energy, log_p, log_weight = rng.normal(size=50), rng.normal(size=50), rng.normal(size=50)
    mass = np.exp(log_p + log_weight)
    data = np.repeat(energy, np.round(1e5 * mass / mass.sum()).astype(int))
    assert metrics.sampled_ranking_area(data, energy, log_weight) == pytest.approx(
        metrics.ranking_area(energy, log_p, log_weight), abs=1e-4
    )


# --- the set ``all``, on a shifted normal -----------------------------------------------------------------------------


@cache
def moved(shift: float, power: float = 1.0) -> EvalContext:
    """N(0, I) held against the energy of N((shift, 0), I), raised to a power that keeps its order."""
    energy = Mapped(Quadratic((shift, 0.0), np.eye(2)), lambda f: f**power)
    return raw(make_evaluation(energy, Normal(half_width=8), cells=300, n=(1000, 5000)))


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_hellinger_and_jeffreys_of_two_normals(shift: float) -> None:
    assert metrics.hellinger(moved(shift)) ** 2 == pytest.approx(1 - math.exp(-(shift**2) / 8), abs=1e-4)
    assert metrics.jeffreys(moved(shift)) == pytest.approx(shift**2, abs=1e-3)


def test_area_under_the_mass_volume_curve_of_a_normal() -> None:
    """{F <= t_a} is a disc of area 2 pi log(1 / (1 - a)); its mean over a is 2 pi."""
    assert metrics.mass_volume_area(moved(0.0)) == pytest.approx(2 * math.pi, rel=1e-3)
    assert metrics.mass_volume_area(moved(1.0)) > 2 * math.pi * 1.05


def test_overlap_of_level_sets_is_that_of_two_discs() -> None:
    """The 95 % sets are discs; the shifted one must be larger to hold 95 % of the data."""
    assert metrics.iou95(moved(0.0)) == pytest.approx(1)
    assert metrics.iou95(moved(1e-6)) == pytest.approx(1, abs=1e-3)
    radius, shift = math.sqrt(-2 * math.log(0.05)), 1.0
    wider = math.sqrt(float(ncx2.ppf(0.95, 2, shift**2)))
    points = moved(shift).truth.normalizer.support.points
    first = points.norm(dim=-1) <= radius
    second = (points - torch.tensor([shift, 0.0])).norm(dim=-1) <= wider
    expected = float((first & second).sum() / (first | second).sum())
    assert metrics.iou95(moved(shift)) == pytest.approx(expected, abs=5e-3)


def test_rank_correlation_over_the_domain_sees_order_alone() -> None:
    assert metrics.spearman_uniform(moved(0.0, 3.0)) == pytest.approx(1)
    assert metrics.spearman_uniform(moved(2.0)) < 0.95


def test_d_prime_of_a_normal() -> None:
    """F = |y|^2 / 2: mean 1 and deviation 1 on data, 64 / 3 on the square of half width 8."""
    assert metrics.d_prime(moved(0.0)) == pytest.approx((64 / 3 - 1) / 1, rel=2e-3)


def test_squared_error_of_the_log_density_of_a_shifted_normal() -> None:
    """log q - log p = s y_1 - s^2 / 2 under N(0, I): its mean square is s^2 + s^4 / 4."""
    found = metrics.log_density_mse(moved(0.7))
    assert found == pytest.approx(0.7**2 + 0.7**4 / 4, rel=0.06)
    assert metrics.log_density_mse(moved(0.0)) == pytest.approx(0, abs=1e-6)


class Needle(Surface):
    """A standard normal beside a well of mass 1/2 that is narrower than a cell of the coarse lattice."""

    def forward(self, y: Tensor) -> Tensor:
        wide = -0.5 * y.square().sum(-1) - math.log(2 * math.pi)
        place = torch.tensor([8 / 600, 8 / 600], dtype=y.dtype)  # the middle of a cell of 600, a corner of those of 300
        thin = -0.5 * (y - place).square().sum(-1) / 0.004**2 - math.log(2 * math.pi * 0.004**2)
        return -torch.logaddexp(wide, thin)


def test_refinement_flags_a_lattice_that_is_too_coarse() -> None:
    """The truth changes by nothing; a well between the points is seen only by the finer lattice."""
    assert metrics.refinement(moved(0.0)) == pytest.approx(0, abs=1e-9)
    needle = make_evaluation(Needle(), Normal(half_width=8), cells=300, n=1)
    assert metrics.refinement(raw(needle)) > 0.5


# --- the truth, and skill ---------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", PLANE)
def test_the_truth_scores_as_the_truth(name: str) -> None:
    """In float32, as the harness evaluates it."""
    dataset = PLANE[name][0]
    evaluation = held_against(TrueEnergy(dataset), dataset, EnergyKind.NORMALIZED, cells=200, dtype=torch.float32)
    assert metrics.kl(raw(evaluation)) < 1e-6
    assert metrics.tv(raw(evaluation)) < 1e-4
    assert metrics.skill(raw(evaluation)) == pytest.approx(1, abs=1e-5)
    assert metrics.spearman(raw(evaluation)) == pytest.approx(1, abs=1e-6)
    assert metrics.v95_ratio(raw(evaluation)) == pytest.approx(1, abs=5e-3)
    assert metrics.log_z_error(raw(evaluation)) == pytest.approx(0, abs=1e-5)
    assert metrics.mass_outside(raw(evaluation)) < 1e-6


def iso_kl(energy: Array, log_p: Array, log_weight: Array) -> float:
    """KL to the isotonic fit, by scikit-learn."""
    mass = np.exp(log_p + log_weight)
    fitted = IsotonicRegression(increasing=False).fit_transform(energy, np.exp(log_p), sample_weight=np.exp(log_weight))
    held = mass > 0
    return float((mass[held] * (log_p[held] - np.log(fitted[held]))).sum())


def test_skill_against_scikit_learn() -> None:
    """1 - KL of the energy's isotonic fit over that of the Gaussian whose moments are those of the lattice."""
    dataset = Moons()
    energy = Quadratic((0.13, 0.31), np.array([[0.5, 0.21], [0.21, 1.07]]))
    evaluation = held_against(Mapped(energy, torch.square), dataset, EnergyKind.RANKING, cells=60)
    log_p, log_weight = evaluation.truth.log_p, evaluation.truth.log_weight
    points, mass = evaluation.truth.normalizer.support.points.numpy(), np.exp(log_p + log_weight)
    cov = np.cov(points.T, aweights=mass, ddof=0)
    gaussian = -multivariate_normal(mass @ points, cov).logpdf(points)
    expected = 1 - iso_kl(evaluation.energy, log_p, log_weight) / iso_kl(gaussian, log_p, log_weight)
    assert 0.05 < abs(expected) < 0.95
    assert metrics.skill(raw(evaluation)) == pytest.approx(expected, abs=1e-6)


def test_skill_of_the_moment_matched_gaussian_is_zero() -> None:
    """The lattice's own moments, whatever the temperature."""
    mean, cov = make_truth(Moons()).moments
    energy = Quadratic((float(mean[0]), float(mean[1])), np.asarray(7 * np.linalg.inv(cov), dtype=np.float64))
    evaluation = held_against(energy, Moons(), cells=100)
    assert metrics.skill(raw(evaluation)) == pytest.approx(0, abs=1e-6)


def test_skill_of_an_energy_upside_down_is_the_uniform_laws() -> None:
    """1 - (log |B| - H) / KL of the Gaussian, by hand from the oracle table, or worse; never under -1."""
    evaluation = held_against(TrueEnergy(Moons(), -1.0), Moons(), EnergyKind.RANKING, cells=200)
    gaussian = iso_kl(evaluation.truth.floor_energy, evaluation.truth.log_p, evaluation.truth.log_weight)
    assert 1 - (math.log(100) - 2.3939) / gaussian < -1
    assert metrics.skill(raw(evaluation)) == -1


# --- energies that do not depend on y ---------------------------------------------------------------------------------


class Level(Surface):
    """A parameter, whatever y: a sampler's dead start, or a net that collapsed."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        return self.level.expand(len(y))


class Nothing(Surface):
    """No function of anything: there is no graph at all."""

    def forward(self, y: Tensor) -> Tensor:
        return torch.zeros(len(y), dtype=y.dtype)


@pytest.mark.parametrize("surface", [Level(), Nothing()], ids=["a parameter", "no graph"])
def test_fisher_of_a_constant_energy_is_half_of_the_squared_score(surface: Surface) -> None:
    """Its gradient is zero: 1/2 E|grad log p|^2, which is d / 2 s^2 for N(0, s^2 I); 4 standard errors."""
    evaluation = held_against(surface, Normal(scale=SCALE))
    each = 0.5 * np.square(evaluation.test.y.numpy() / SCALE**2).sum(-1)
    assert not evaluation.energy_gradient_test.any()
    assert metrics.fisher(raw(evaluation)) == pytest.approx(each.mean(), rel=1e-12)
    assert metrics.fisher(raw(evaluation)) == pytest.approx(1 / SCALE**2, abs=4 * each.std() / math.sqrt(HELD_OUT))


def test_kl_of_a_constant_energy_is_infinite_and_within_walls_that_of_the_uniform_law() -> None:
    """log |B| - H(p); B is eight times as wide as the box, where p is zero in double precision."""
    data = Normal(scale=SCALE)

    class Walls(Nothing):
        def forward(self, y: Tensor) -> Tensor:
            return torch.where(data.domain.scaled(8).contains(y), 0.0, math.inf).to(y.dtype)

    expected = math.log(64 * AREA) - math.log(2 * math.pi * math.e * SCALE**2)
    assert metrics.kl(raw(held_against(Walls(), data))) == pytest.approx(expected, abs=1e-6)
    assert metrics.kl(raw(held_against(Nothing(), data))) == math.inf


# --- properties -------------------------------------------------------------------------------------------------------

monotone = st.one_of(
    st.floats(0.05, 20).map(lambda a: lambda f: a * f - 3),
    st.floats(1, 5).map(lambda a: lambda f: torch.exp(f / (5 * a))),
    st.floats(0.1, 3).map(lambda a: lambda f: f**3 + a * f),
    st.floats(1, 20).map(lambda a: lambda f: torch.log(f + a)),
)


@cache
def ranked(name: str) -> tuple[Evaluation, dict[str, float]]:
    """An energy with values in [0, 40], and what its order says."""
    energy = Mapped(Quadratic((0.3137, 0.2171), np.diag([0.5231, 1.0])), lambda f: f.sqrt() + 0.2 * torch.sin(3 * f))
    evaluation = held_against(energy, PLANE[name][0], EnergyKind.RANKING, cells=60)
    return evaluation, order_only(evaluation)


def order_only(evaluation: Evaluation) -> dict[str, float]:
    context, iso = raw(evaluation), EvalContext(evaluation, "iso")
    return {
        "auroc": metrics.auroc(context),
        "spearman": metrics.spearman(context),
        "skill": metrics.skill(context),
        "v95_ratio": metrics.v95_ratio(context),
        "kl_iso": metrics.kl(iso),
        "tv_iso": metrics.tv(iso),
        "nll_iso": metrics.nll(iso),
    }


@pytest.mark.long
@settings(max_examples=25, deadline=None, derandomize=True)
@given(monotone)
def test_what_is_said_of_the_order_is_invariant_under_monotone_maps(change: Callable[[Tensor], Tensor]) -> None:
    evaluation, expected = ranked("moons")
    mapped = held_against(Mapped(evaluation.surface, change), PLANE["moons"][0], EnergyKind.RANKING, cells=60)
    assert order_only(mapped) == pytest.approx(expected, abs=1e-7)


def test_a_map_that_is_not_monotone_is_noticed() -> None:
    evaluation, expected = ranked("moons")
    mapped = held_against(Mapped(evaluation.surface, torch.cos), PLANE["moons"][0], EnergyKind.RANKING, cells=60)
    for name, value in order_only(mapped).items():
        assert abs(value - expected[name]) > 1e-3, name


@pytest.mark.long
@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-3, 3)), min_size=1, max_size=20))
def test_divergences_are_not_negative_and_bound_each_other(rows: list[tuple[float, float, float]]) -> None:
    """KL >= 0, 0 <= TV <= 1 and Pinsker's TV <= sqrt(KL / 2)."""
    first, second, log_weight = np.array(rows, dtype=np.float64).T
    log_p = first - log_normalizer(-first, log_weight)
    log_q = second - log_normalizer(-second, log_weight)
    kl, tv = metrics.divergence(log_p, log_q, log_weight), metrics.total_variation(log_p, log_q, log_weight)
    assert kl >= -1e-12
    assert 0 <= tv <= math.sqrt(max(kl, 0) / 2) + 1e-9
    assert tv <= 1 + 1e-12
    assert metrics.divergence(log_p, log_p, log_weight) == 0
