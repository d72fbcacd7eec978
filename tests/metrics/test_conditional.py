"""All metrics on data with a context: what is read row by row has closed forms, what needs a lattice has a reason."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from torch import Tensor

from ebmbench.contracts.dataset import Manifold
from ebmbench.contracts.records import EnergyKind
from ebmbench.datasets.plane import EightGaussians
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import Value
from tests.factories import Regression, RegressionEnergy, make_evaluation

N = 2000
A, LEVEL = 1.7, 0.4
"""Of the energy: F = A |y - m(x)|^2 / 2 + LEVEL."""
NO_LATTICE = "n/a: no lattice is laid for each context x"
ON_A_LATTICE = (
    *("skill", "kl", "kl_reverse", "tv", "nll_excess", "auroc", "v95_ratio", "beta", "hellinger", "jeffreys"),
    *("mass_volume_area", "iou95", "spearman_uniform", "refinement", "d_prime", "mass_outside", "log_z_error"),
    *("minima_recall", "minima_spurious", "barrier_ratio", "mode_mass_error", "antimode"),
    *("conditional_kl", "conditional_nll", "conditional_modes"),
)


def measured(evaluation: Evaluation, *metrics: str) -> dict[tuple[str, str], Value]:
    """These metrics, or all of them."""
    specs = [spec for spec in ebmbench_metrics() if spec.name in metrics or not metrics]
    return {(value.metric, value.variant): value for value in evaluate(evaluation, [(spec, "tests") for spec in specs])}


def held(dataset: Regression, n: int = N) -> Evaluation:
    return make_evaluation(RegressionEnergy(A, LEVEL), dataset, kind=EnergyKind.NORMALIZED, n=n)


@cache
def found() -> tuple[Evaluation, dict[tuple[str, str], Value]]:
    evaluation = held(Regression())
    return evaluation, measured(evaluation, *ON_A_LATTICE, "nll", "fisher", "spearman", "mmd2")


class Scattered(Regression):
    """The same with what many metrics ask for: modes, and points that the data scatter about."""

    @property
    def modes(self) -> int:
        return 2

    def assign_mode(self, y: Tensor) -> Tensor:
        return (y[:, 0] > 0).long()

    @property
    def manifold(self) -> Manifold:
        return EightGaussians().manifold


@pytest.mark.parametrize("dataset", [Regression(), Scattered()], ids=["plain", "with a manifold"])
def test_no_metric_raises(dataset: Regression) -> None:
    values = measured(held(dataset, n=50))
    assert {name: value.note for name, value in values.items() if value.note.startswith("error")} == {}


@pytest.mark.long
@pytest.mark.parametrize("metric", ON_A_LATTICE)
def test_what_needs_a_lattice_says_that_there_is_none(metric: str) -> None:
    values = {name: value for name, value in found()[1].items() if name[0] == metric}
    assert values
    assert {value.note for value in values.values()} == {NO_LATTICE}


@pytest.mark.long
def test_likelihoods_at_fitted_temperatures_need_one_too() -> None:
    for metric, variant in (("nll", "beta"), ("nll", "iso"), ("fisher", "beta"), ("mmd2", "common")):
        assert found()[1][metric, variant].note == NO_LATTICE


@pytest.mark.long
def test_the_claimed_likelihood_is_that_of_each_row_given_its_context() -> None:
    """E F = A + LEVEL, since y - m(x) is standard normal; 4 standard errors. The claim is marked as one."""
    evaluation, values = found()
    assert evaluation.test.x is not None
    each = A * (evaluation.test.y - Regression.mean(evaluation.test.x)).square().sum(-1) / 2 + LEVEL
    assert values["nll", "raw"].value == pytest.approx(float(each.mean()), abs=1e-9)
    assert values["nll", "raw"].value == pytest.approx(A + LEVEL, abs=4 * A / math.sqrt(N))
    assert values["nll", "raw"].note.startswith("log Z = 0 as the energy claims, not checked")


def test_fisher_is_that_of_each_row_given_its_context() -> None:
    """1/2 E|(A - 1)(y - m(x))|^2 = (A - 1)^2; 4 standard errors."""
    evaluation, values = found()
    assert evaluation.test.x is not None
    off = (A - 1) * (evaluation.test.y - Regression.mean(evaluation.test.x)).numpy()
    each = 0.5 * np.square(off).sum(-1)
    assert values["fisher", "raw"].value == pytest.approx(each.mean(), abs=1e-9)
    assert values["fisher", "raw"].value == pytest.approx((A - 1) ** 2, abs=4 * each.std() / math.sqrt(N))


def test_the_order_of_the_rows_is_that_of_the_truth() -> None:
    assert found()[1]["spearman", ""].value == pytest.approx(1)


@pytest.mark.long
def test_samples_are_held_against_the_rows() -> None:
    """Given the same contexts the right energy is at chance, and a sharper one is told from the data."""
    right = measured(make_evaluation(RegressionEnergy(), Regression(), n=N), "c2st", "mmd2")
    sharp = measured(make_evaluation(RegressionEnergy(4.0), Regression(), n=N), "c2st", "mmd2")
    assert right["c2st", "native"].value == pytest.approx(0.5, abs=0.04)
    assert right["mmd2", "native"].value == pytest.approx(0, abs=1e-3)
    for name in (("c2st", "native"), ("mmd2", "native")):
        value, chance = sharp[name].value, right[name].value
        assert value is not None
        assert chance is not None
        assert value > chance + 0.01
