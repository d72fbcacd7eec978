"""What is measured where no truth is known: against the same data with their truth, and closed forms."""

from __future__ import annotations

import math
from functools import cache

import pytest
from torch import Generator

from ebmbench.contracts.records import EnergyKind, flat_name
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.evaluate import evaluate
from ebmbench.store.records import Value
from tests.factories import Bowl, Normal, make_evaluation

pytestmark = pytest.mark.long

NEED_THE_TRUTH = (
    "skill kl kl_reverse tv nll_excess fisher spearman v95_ratio log_density_mse "
    "hellinger jeffreys iou95 spearman_uniform "
    "minima_recall minima_spurious barrier_ratio mode_mass_error antimode auroc_between "
    "conditional_kl conditional_nll conditional_modes best_of_1 best_of_10 "
    "ess_exact fisher_per_dim"
)
DENSITY, MODES = "the true density of these data is not known", "the modes of these data are not known"
NO_LATTICE = "no lattice covers 5 dimensions"


@cache
def values(dim: int, hidden: bool, kind: EnergyKind, shift: float = 0.5, scale: float = 1.0) -> dict[str, Value]:
    """Of a normal of unit variance moved along its first axis, whose energy is multiplied by ``scale``."""
    slow = ("c2st", "wasserstein2", "precision", "recall", "density", "coverage", "refinement")
    specs = [(spec, "ebmbench") for spec in ebmbench_metrics() if spec.name not in slow]
    center = (shift, *[0.0] * (dim - 1))
    surface = Bowl(scale, center, scale * dim / 2 * math.log(2 * math.pi))
    data = Normal(dim=dim, half_width=6, hidden=hidden)
    found = evaluate(make_evaluation(surface, data, cells=200, kind=kind, n=4000, seed=0), specs)
    return {flat_name(value.metric, value.variant): value for value in found}


def number(found: dict[str, Value], name: str) -> float:
    value = found[name].value
    assert value is not None, found[name].note
    return value


# --- beside the same data with their truth ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nll", "nll_beta", "nll_se", "nll_validation", "beta", "mass_outside", "log_z_error"])
def test_what_never_needed_the_truth_is_the_same_number(name: str) -> None:
    known, hidden = (values(2, h, EnergyKind.NORMALIZED) for h in (False, True))
    assert number(hidden, name) == number(known, name)


@pytest.mark.long
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
    assert {value.metric for value in found.values() if value.note == f"n/a: {MODES}"} == {
        "mode_kl",
        "mode_mass_weighted",
        "mode_mass_sampled",
    }
    assert not [value for value in found.values() if value.note.startswith("error")]


def test_a_ranking_energy_is_fitted_to_held_out_points_too() -> None:
    found = values(2, True, EnergyKind.RANKING, scale=8.0)
    plain = values(2, True, EnergyKind.NORMALIZED)
    assert number(found, "nll_beta") == pytest.approx(number(plain, "nll_beta"), abs=1e-6)
    assert number(found, "nll_iso") == pytest.approx(number(plain, "nll_iso"), abs=1e-9)
    assert found["nll"].note == "n/a: the scale of a ranking energy means nothing"


# --- other dimensions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_lattice_integrates_a_normal_to_one(dim: int) -> None:
    found = values(dim, True, EnergyKind.NORMALIZED, shift=0.0)
    assert number(found, "log_z_error") == pytest.approx(0, abs=1e-6)
    assert number(found, "nll") == pytest.approx(dim / 2 * (1 + math.log(2 * math.pi)), abs=0.06)
    assert number(found, "beta") == pytest.approx(1, abs=0.06)


def test_in_five_dimensions_a_claim_is_held_against_chains() -> None:
    found = values(5, True, EnergyKind.NORMALIZED, shift=0.0)
    test = Normal(dim=5).sample(4000, Generator().manual_seed(2)).y
    expected = float((0.5 * test.square().sum(-1) + 2.5 * math.log(2 * math.pi)).mean())
    assert number(found, "nll") == pytest.approx(expected, abs=0.03)
    assert number(found, "log_z_error") == pytest.approx(0, abs=0.03)
    assert number(found, "log_z_gap") < 0.15
    assert number(found, "beta") == pytest.approx(1, abs=0.1)
    assert number(found, "nll_beta") == pytest.approx(expected, abs=0.05)
    assert found["auroc"].note == found["mmd2_common"].note == f"n/a: {NO_LATTICE}"
    assert found["kl"].note == found["fisher_beta"].note == f"n/a: {DENSITY}"


def test_a_ranking_energy_has_a_likelihood_in_five_dimensions_at_the_temperature_that_chains_find() -> None:
    found = values(5, True, EnergyKind.RANKING, shift=0.0, scale=50.0)
    assert number(found, "beta") == pytest.approx(0.02, rel=0.1)
    assert number(found, "nll_beta") == pytest.approx(2.5 * (1 + math.log(2 * math.pi)), abs=0.1)


def test_a_known_density_keeps_what_needs_no_lattice() -> None:
    found = values(5, False, EnergyKind.NORMALIZED, shift=0.5)
    assert number(found, "fisher") == pytest.approx(0.5 * 0.25, abs=1e-9)
    assert number(found, "spearman") > 0.9
    assert number(found, "kl") == pytest.approx(0.125, abs=0.03)
    assert found["tv"].note == f"n/a: {NO_LATTICE}"
