"""What is measured where no truth is known: against the same data with their truth, scikit-learn, and closed forms."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Dataset, EnergyKind
from ebmbench.datasets.domain import Box
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.calibration import Array, held_out_isotonic, level_of
from ebmbench.metrics.context import Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.ruler import Ruler
from ebmbench.metrics.surface import ranking_area, sampled_ranking_area
from ebmbench.parts.surface import Surface
from ebmbench.store.records import Value, flat_name

NEED_THE_TRUTH = (
    "skill kl kl_reverse tv nll_excess fisher spearman v95_ratio log_density_mse "
    "hellinger jeffreys iou95 spearman_uniform "
    "minima_recall minima_spurious barrier_ratio mode_mass_error antimode auroc_between "
    "conditional_kl conditional_nll conditional_modes best_of_1 best_of_10"
)
DENSITY, MODES = "the true density of these data is not known", "the modes of these data are not known"
NO_LATTICE = "no lattice covers 5 dimensions"


class Normal(Dataset):
    """N(0, I) in any dimension, which may keep its density to itself."""

    dim: int = 2
    hidden: bool = True

    @property
    def domain(self) -> Box:
        return Box((-6.0,) * self.dim, (6.0,) * self.dim)

    @property
    def density_known(self) -> bool:
        return not self.hidden

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.randn(n, self.dim, generator=generator, dtype=torch.float64))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert not self.hidden, "nobody may ask"
        return -0.5 * y.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert not self.hidden, "nobody may ask"
        return -y


class Bowl(Surface):
    """F = |y - (shift, 0, ...)|^2 / 2 + constant, scaled."""

    def __init__(self, shift: float = 0.0, constant: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self.shift, self.constant, self.scale = shift, constant, scale

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        centered = torch.cat([y[:, :1] - self.shift, y[:, 1:]], 1)
        return self.scale * (0.5 * centered.square().sum(-1) + self.constant)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    @property
    def samples_natively(self) -> bool:
        return False


def evaluation(data: Dataset, surface: Surface, kind: EnergyKind = EnergyKind.NORMALIZED, n: int = 4000) -> Evaluation:
    validation, test = (data.sample(n, Generator().manual_seed(seed)).y for seed in (1, 2))
    cells = 200
    return Evaluation(surface, Ruler(data, cells), kind, validation, test, 0, torch.zeros((), dtype=torch.float64))


@cache
def values(dim: int, hidden: bool, kind: EnergyKind, shift: float = 0.5, scale: float = 1.0) -> dict[str, Value]:
    slow = ("c2st", "wasserstein2", "precision", "recall", "density", "coverage", "refinement")
    specs = [(spec, "ebmbench") for spec in ebmbench_metrics() if spec.name not in slow]
    surface = Bowl(shift, dim / 2 * math.log(2 * math.pi), scale)
    found = evaluate(evaluation(Normal(dim=dim, hidden=hidden), surface, kind), specs)
    return {flat_name(value.metric, value.variant): value for value in found}


def number(found: dict[str, Value], name: str) -> float:
    value = found[name].value
    assert value is not None, found[name].note
    return value


# --- beside the same data with their truth ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nll", "nll_beta", "nll_se", "nll_validation", "beta", "leak", "log_z_error"])
def test_what_never_needed_the_truth_is_the_same_number(name: str) -> None:
    known, hidden = (values(2, h, EnergyKind.NORMALIZED) for h in (False, True))
    assert number(hidden, name) == number(known, name)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("nll_iso", 0.05), ("auroc", 0.01), ("d_prime", 0.8), ("mass_volume_area", 1.5), ("mmd2_common", 2e-3)],
)
def test_what_was_read_from_the_truth_is_estimated_from_the_test_points(name: str, tolerance: float) -> None:
    known, hidden = (values(2, h, EnergyKind.NORMALIZED) for h in (False, True))
    assert number(hidden, name) == pytest.approx(number(known, name), abs=tolerance)
    assert number(hidden, name) != number(known, name)


def test_every_metric_of_the_truth_says_that_there_is_none() -> None:
    found = values(2, True, EnergyKind.NORMALIZED)
    gaps = {value.metric for value in found.values() if value.note == f"n/a: {DENSITY}"}
    assert gaps == set(NEED_THE_TRUTH.split())
    assert {value.metric for value in found.values() if value.note == f"n/a: {MODES}"} == {"mode_coverage", "mode_kl"}
    assert not [value for value in found.values() if value.note.startswith("error")]


def test_a_ranking_energy_is_fitted_to_held_out_points_too() -> None:
    found = values(2, True, EnergyKind.RANKING, scale=8.0)
    plain = values(2, True, EnergyKind.NORMALIZED)
    assert number(found, "nll_beta") == pytest.approx(number(plain, "nll_beta"), abs=1e-6)
    assert number(found, "nll_iso") == pytest.approx(number(plain, "nll_iso"), abs=1e-9)
    assert found["nll"].note == "n/a: the scale of a ranking energy means nothing"


# --- the isotonic fit ------------------------------------------------------------------------------------------------


def bowl_case(n: int = 5000, sign: float = 1.0) -> tuple[Array, Array, Array, Array]:
    case = evaluation(Normal(), Bowl(scale=sign), n=n)
    return case.energy_validation, case.energy_test, case.energy, case.ruler.log_weight


def test_the_isotonic_density_integrates_to_one_and_falls() -> None:
    held_out, _, energy, log_weight = bowl_case()
    levels, log_density = held_out_isotonic(held_out, energy, log_weight)
    on_lattice = log_density[level_of(energy, levels)]
    assert np.exp(on_lattice + log_weight).sum() == pytest.approx(1, abs=1e-9)
    assert (np.diff(log_density) <= 1e-12).all()


def test_it_agrees_with_scikit_learn() -> None:
    held_out, _, energy, log_weight = bowl_case(500)
    levels, log_density = held_out_isotonic(held_out, energy, log_weight)
    volume = np.array([np.exp(log_weight[energy == level]).sum() for level in levels])
    below = np.concatenate([[-np.inf], levels[:-1]])
    above = np.concatenate([levels[:-1], [np.inf]])
    points = np.array([((held_out > low) & (held_out <= high)).sum() for low, high in zip(below, above, strict=True)])
    mass = (points + volume / volume.sum()) / (len(held_out) + 1)
    rank = np.arange(len(levels))
    expected = IsotonicRegression(increasing=False).fit(rank, mass / volume, volume).predict(rank)
    np.testing.assert_allclose(np.exp(log_density), expected, rtol=1e-9)


def test_the_true_order_comes_close_to_the_entropy_and_the_reverse_does_not() -> None:
    entropy = 1 + math.log(2 * math.pi)
    losses = []
    for sign in (1.0, -1.0):
        held_out, test, energy, log_weight = bowl_case(sign=sign)
        levels, log_density = held_out_isotonic(held_out, energy, log_weight)
        losses.append(float(-log_density[level_of(test, levels)].mean()))
    assert losses[0] == pytest.approx(entropy, abs=0.05)
    assert losses[1] > math.log(144) - 0.05  # upside down it can say no more than the uniform law


def test_a_point_beyond_all_validation_points_has_a_finite_price() -> None:
    levels, log_density = held_out_isotonic(np.array([0.0, 0.5]), np.array([0.0, 1.0, 2.0]), np.zeros(3))
    assert np.isfinite(log_density).all()
    np.testing.assert_array_equal(level_of(np.array([-5.0, 0.5, 2.0, 99.0]), levels), [0, 1, 2, 2])


# --- ranking of points -----------------------------------------------------------------------------------------------


def test_the_sampled_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    data, lattice = rng.integers(0, 8, 300).astype(float), rng.integers(0, 12, 700).astype(float)
    expected = roc_auc_score(np.repeat([0, 1], [300, 700]), np.concatenate([data, lattice]))
    assert sampled_ranking_area(data, lattice, np.zeros(700)) == pytest.approx(expected, abs=1e-12)


def test_the_sampled_area_weighs_cells_by_their_volume() -> None:
    rng = np.random.default_rng(0)
    energy, log_p, log_weight = rng.normal(size=50), rng.normal(size=50), rng.normal(size=50)
    mass = np.exp(log_p + log_weight)
    data = np.repeat(energy, np.round(1e5 * mass / mass.sum()).astype(int))
    assert sampled_ranking_area(data, energy, log_weight) == pytest.approx(
        ranking_area(energy, log_p, log_weight), abs=1e-4
    )


# --- other dimensions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_lattice_integrates_a_normal_to_one(dim: int) -> None:
    ruler = Ruler(Normal(dim=dim), 400)
    assert len(ruler.support.points) <= 160_000
    found = values(dim, True, EnergyKind.NORMALIZED, shift=0.0)
    assert number(found, "log_z_error") == pytest.approx(0, abs=1e-6)
    assert number(found, "nll") == pytest.approx(dim / 2 * (1 + math.log(2 * math.pi)), abs=0.06)
    assert number(found, "beta") == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("dim", "side"), [(1, 400), (2, 400), (3, 54)])
def test_cells_along_an_axis(dim: int, side: int) -> None:
    assert Ruler(Normal(dim=dim), 400).side == side


def test_in_five_dimensions_only_the_claim_is_left_and_it_is_marked() -> None:
    found = values(5, True, EnergyKind.NORMALIZED, shift=0.0)
    test = Normal(dim=5).sample(4000, Generator().manual_seed(2)).y
    expected = 0.5 * test.square().sum(-1) + 2.5 * math.log(2 * math.pi)
    assert number(found, "nll") == pytest.approx(float(expected.mean()), abs=1e-9)
    claim = f"log Z = 0 as the energy claims, not checked: {NO_LATTICE}"
    assert {name for name, value in found.items() if value.note == claim} == {"nll", "nll_se", "nll_validation"}
    assert found["nll_beta"].note == found["auroc"].note == found["mmd2_common"].note == f"n/a: {NO_LATTICE}"
    assert found["kl"].note == found["fisher_beta"].note == f"n/a: {DENSITY}"


def test_an_energy_that_claims_nothing_has_no_likelihood_in_five_dimensions() -> None:
    assert values(5, True, EnergyKind.DENSITY)["nll"].note == f"n/a: {NO_LATTICE}"


def test_a_known_density_keeps_what_needs_no_lattice() -> None:
    found = values(5, False, EnergyKind.NORMALIZED, shift=0.5)
    assert number(found, "fisher") == pytest.approx(0.5 * 0.25, abs=1e-9)
    assert number(found, "spearman") > 0.9
    assert found["kl"].note == f"n/a: {NO_LATTICE}"
