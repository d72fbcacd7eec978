"""All metrics on data with a context: normals about m(x) have closed forms, whatever is added to F for each x."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from ebmbench.contracts.dataset import Dataset, Manifold
from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.datasets.plane import EightGaussians
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.calibration import fit_conditional_beta
from ebmbench.metrics.conditional import ConditionalEvaluation, prediction_error
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import Value
from ebmbench.truth.conditional import ConditionalTruth
from tests.factories import Regression, RegressionEnergy, make_evaluation

N = 2000
A, LEVEL = 1.7, 0.4
"""Of the energy: F = A |y - m(x)|^2 / 2 + LEVEL."""
ROWS = (*("spearman", "iou95", "spearman_uniform", "d_prime"),)
"""What compares energies of different rows."""


def measured(evaluation: Evaluation, *metrics: str) -> dict[tuple[str, str], Value]:
    """These metrics, or all of them."""
    specs = [spec for spec in ebmbench_metrics() if spec.name in metrics or not metrics]
    return {(value.metric, value.variant): value for value in evaluate(evaluation, [(spec, "tests") for spec in specs])}


class Lifted(Surface):
    """An energy plus g(x) = 5 x1: the same density of y given x."""

    def __init__(self, surface: Surface) -> None:
        super().__init__()
        self.surface = surface

    def forward(self, y: Tensor) -> Tensor:
        energy: Tensor = self.surface(y)
        return energy + 5 * self.context_of(len(y))[:, 0]


def held(dataset: Dataset, surface: Surface | None = None, n: int = N, cells: int = 100) -> ConditionalEvaluation:
    surface = RegressionEnergy(A, LEVEL) if surface is None else surface
    found = make_evaluation(surface, dataset, kind=EnergyKind.NORMALIZED, n=n, cells=cells)
    assert isinstance(found, ConditionalEvaluation)
    return found


@cache
def found(lifted: bool = False) -> tuple[ConditionalEvaluation, dict[tuple[str, str], Value]]:
    energy = RegressionEnergy(A, LEVEL)
    evaluation = held(Regression(), Lifted(energy) if lifted else energy)
    return evaluation, measured(evaluation)


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


LOG_A = math.log(A)
CLOSED = {
    ("kl", ""): A - 1 - LOG_A,
    ("kl", "raw"): A - 1 - LOG_A,
    ("kl", "beta"): 0.0,
    ("kl_reverse", "raw"): 1 / A - 1 + LOG_A,
    ("nll_excess", "iso"): 0.0,
    ("log_z_error", "raw"): math.log(2 * math.pi) - LOG_A - LEVEL,
    ("hellinger", "raw"): math.sqrt(1 - 2 * math.sqrt(A) / (1 + A)),
    ("jeffreys", "raw"): (A - 1) ** 2 / A,
    ("v95_ratio", ""): 1.0,
    ("mass_outside", "raw"): 0.0,
}
"""Between N(m, I) and N(m, I / A) on the plane."""


@pytest.mark.parametrize("name", [name for name in CLOSED if name != ("kl", "")], ids=str)
def test_means_over_contexts_have_the_closed_form(name: tuple[str, str]) -> None:
    tolerance = 0.02 if name[1] in ("beta", "iso") else 1e-4
    assert found()[1][name].value == pytest.approx(CLOSED[name], abs=tolerance)


def test_the_temperature_is_one_for_all_contexts() -> None:
    """1 / A, from 25 validation points: a standard error of 1 / sqrt(25) of it."""
    assert found()[1]["beta", ""].value == pytest.approx(1 / A, rel=4 / 5)
    many = held(Regression(), cells=400)
    assert many.beta == pytest.approx(found()[0].beta, rel=1e-3)  # the same validation points, on a finer lattice


def test_fitted_temperature_of_a_known_order() -> None:
    """F = y^2 / 2 + g(x) on a line, held out at y_i: 1 / beta is their mean square."""
    y = np.linspace(-9, 9, 2001)
    lift = np.array([0.0, 7.0, -30.0])
    out = np.array([0.3, -1.0, 2.0])
    energy = y**2 / 2 + lift[:, None]
    log_weight = np.full(len(y), math.log(y[1] - y[0]))
    assert fit_conditional_beta(energy, log_weight, out**2 / 2 + lift) == pytest.approx(
        1 / np.square(out).mean(), rel=1e-4
    )


@pytest.mark.parametrize(
    "name", [("kl", "raw"), ("kl", "beta"), ("kl", "iso"), ("nll", "raw"), ("auroc", ""), ("tv", "raw"), ("beta", "")]
)
def test_what_is_added_for_each_context_changes_nothing(name: tuple[str, str]) -> None:
    """The wrong twin: one log Z for all contexts is off by the spread of 5 x1."""
    (evaluation, values), (_, lifted) = found(), found(lifted=True)
    assert lifted[name].value == pytest.approx(values[name].value, abs=1e-5)
    each = found(lifted=True)[0].log_z_of("test", 1.0)
    assert np.std(each) > 1
    assert np.std(evaluation.log_z_of("test", 1.0)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("metric", ROWS)
def test_energies_of_different_contexts_are_not_compared(metric: str) -> None:
    assert found()[1][metric, ""].note == "n/a: energies given different contexts x are not compared with one another"


def test_the_likelihood_is_that_of_each_row_given_its_context() -> None:
    evaluation, values = found()
    assert evaluation.test.x is not None
    assert len(evaluation.test) == 25
    each = A * (evaluation.test.y - Regression.mean(evaluation.test.x)).square().sum(-1) / 2
    exact = float(each.mean()) + math.log(2 * math.pi) - LOG_A
    assert values["nll", "raw"].value == pytest.approx(exact, abs=1e-5)


def test_fisher_is_that_of_each_row_given_its_context() -> None:
    """1/2 |(A - 1)(y - m(x))|^2."""
    evaluation, values = found()
    assert evaluation.test.x is not None
    off = (A - 1) * (evaluation.test.y - Regression.mean(evaluation.test.x)).numpy()
    assert values["fisher", "raw"].value == pytest.approx(0.5 * np.square(off).sum(-1).mean(), abs=1e-9)


def test_samples_are_held_against_the_rows() -> None:
    """Given the same contexts the right energy is at chance, and a sharper one is told from the data."""
    right = measured(make_evaluation(RegressionEnergy(), Regression(), n=N), "mmd2")["mmd2", "native"].value
    sharp = measured(make_evaluation(RegressionEnergy(4.0), Regression(), n=N), "mmd2")["mmd2", "native"].value
    assert right == pytest.approx(0, abs=1e-3)
    assert sharp is not None
    assert right is not None
    assert sharp > right + 0.01


# --- two branches ----------------------------------------------------------------------------------------------------

BRANCHES = TwoBranches(sigma=0.1)


class True2(Surface):
    """F = -log p(y | x) of the two branches, or of the upper one alone."""

    def __init__(self, weight: float = 0.5) -> None:
        super().__init__()
        self.truth = TwoBranches(sigma=0.1, weight=weight)

    def forward(self, y: Tensor) -> Tensor:
        return -self.truth.log_prob(y, self.context_of(len(y)))


@cache
def branches(weight: float = 0.5) -> dict[tuple[str, str], Value]:
    names = ("kl", "skill", "auroc", "conditional_modes", "best_of_1", "best_of_10", "nll_excess", "mean_gap")
    return measured(held(BRANCHES, True2(weight), cells=200), *names)


def test_the_truth_is_at_its_best() -> None:
    found = branches()
    assert found["kl", "raw"].value == pytest.approx(0, abs=1e-9)
    assert found["skill", ""].value == pytest.approx(1, abs=1e-9)
    assert found["conditional_modes", "raw"].value == 1


def test_a_branch_that_is_not_there_is_not_found() -> None:
    found = branches(1 - 1e-9)
    assert found["conditional_modes", "raw"].value == 0.5
    assert found["kl", "raw"].value == pytest.approx(math.log(0.5) - 0.5 * math.log(1e-9), rel=1e-3)


def test_weights_of_branches_in_closed_form() -> None:
    """KL between Bernoullis, the branches being apart."""
    expected = -0.5 * math.log(0.8) - 0.5 * math.log(0.2) + math.log(0.5)
    assert branches(0.8)["kl", "raw"].value == pytest.approx(expected, abs=1e-6)


def test_the_best_of_ten_draws_beats_the_conditional_mean() -> None:
    """One draw of the truth errs by sqrt 2 of the mean, which lies between the branches; the best of ten is on one."""
    found = branches()
    assert found["best_of_1", "raw"].value == pytest.approx(math.sqrt(2), rel=0.15)
    value = found["best_of_10", "raw"].value
    assert value is not None
    assert value < 0.15


def test_draws_follow_the_density() -> None:
    """Given each context: half of the draws on each branch, within 4 standard errors; the spread of the noise."""
    evaluation = held(BRANCHES, True2(), cells=200)
    log_p = evaluation.truth.log_p
    drawn = evaluation.draws(log_p, 400).squeeze(-1)
    assert evaluation.test.x is not None
    upper = BRANCHES.upper(evaluation.test.x[:, 0])[:, None]
    share = (drawn > 0).double().mean(1)
    assert float((share - 0.5).abs().max()) < 4.5 * math.sqrt(0.25 / 400)
    assert float((drawn.abs() - upper).std()) == pytest.approx(0.1, rel=0.03)
    assert norm.ppf(0.84) * float((drawn.abs() - upper).std()) < 0.11


def test_prediction_error_is_a_ratio_to_the_conditional_mean() -> None:
    """Guessing the mean is 1; guessing both branches leaves the noise alone."""
    evaluation = held(BRANCHES, True2(), cells=200)
    mean = torch.from_numpy(evaluation.truth.mean_given)[:, None]
    assert prediction_error(evaluation, mean) == pytest.approx(1)
    assert evaluation.test.x is not None
    upper = BRANCHES.upper(evaluation.test.x)[:, None]
    both = prediction_error(evaluation, torch.cat([upper, -upper], 1))
    assert both == pytest.approx(0.1 / float(upper.square().mean().sqrt()), rel=0.2)


def test_moments_given_each_context() -> None:
    evaluation = held(BRANCHES, True2(), cells=200)
    truth = evaluation.truth
    assert isinstance(truth, ConditionalTruth)
    mean, cov = truth.moments_each
    assert evaluation.test.x is not None
    upper = BRANCHES.upper(evaluation.test.x[:, 0]).numpy()
    np.testing.assert_allclose(mean[:, 0], 0, atol=1e-9)
    np.testing.assert_allclose(cov[:, 0, 0], upper**2 + 0.01, rtol=1e-6)
    assert truth.spread == pytest.approx(math.sqrt((upper**2).mean() + 0.01), rel=1e-6)
