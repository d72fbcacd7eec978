"""Energies, normalizers and samples of an evaluation, against closed forms; row by row where there are contexts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Generator, Tensor

from ebmbench.contracts.records import EnergyKind, Protocol
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import CHUNK, DESCENT_STEPS, Evaluation
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import Array
from tests.factories import Bowl, Normal, Oracle, Regression, RegressionEnergy, TrueEnergy, make_evaluation

SAMPLES = Protocol().samples


# --- energies, each computed once ------------------------------------------------------------------------------------


class Counting(Bowl):
    """Counts the rows that it is asked for, and the largest batch."""

    rows = largest = 0

    def forward(self, y: Tensor) -> Tensor:
        self.rows, self.largest = self.rows + len(y), max(self.largest, len(y))
        return super().forward(y)


def test_what_many_metrics_share_is_computed_once() -> None:
    surface = Counting()
    evaluation = make_evaluation(surface, Normal(), cells=50, n=(20, 30))
    for _ in range(3):
        _ = (evaluation.energy, evaluation.energy_validation, evaluation.energy_test, evaluation.beta)
        _ = [EvalContext(evaluation, variant).log_q for variant in ("raw", "beta", "iso")]
        _ = (evaluation.common_samples, evaluation.energy_gradient_test)
    assert surface.rows == len(evaluation.truth.normalizer.support.points) + 20 + 30 + 30 + 4 * (DESCENT_STEPS + 2)


def test_what_is_asked_for_by_a_function_is_computed_once_too() -> None:
    evaluation, asked = make_evaluation(Bowl(), Normal(), cells=10, n=10), []

    def number(held: Evaluation) -> int:
        asked.append(held)
        return 7

    assert [evaluation.once(number) for _ in range(3)] == [7, 7, 7]
    assert asked == [evaluation]


def test_a_large_set_is_seen_in_pieces_and_in_order() -> None:
    surface = Counting()
    evaluation = make_evaluation(surface, Normal(), cells=10, n=(1, 2 * CHUNK + 5))
    expected = 0.5 * evaluation.test.y.square().sum(-1)
    np.testing.assert_allclose(evaluation.energy_test, expected)
    np.testing.assert_allclose(evaluation.energy_gradient_test, evaluation.test.y)
    assert surface.largest == CHUNK


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_surface_is_asked_in_its_own_dtype_and_answers_in_doubles(dtype: torch.dtype) -> None:
    seen = set()

    class Curious(Bowl):
        def forward(self, y: Tensor) -> Tensor:
            seen.add(y.dtype)
            return super().forward(y)

    evaluation = make_evaluation(Curious(), Normal(), cells=10, n=10, like=torch.zeros((), dtype=dtype))
    for found in (evaluation.energy, evaluation.energy_test, evaluation.energy_gradient_test):
        assert found.dtype == np.float64
    assert seen == {dtype}
    assert evaluation.score_test.dtype == evaluation.log_p_test.dtype == np.float64


# --- samples ---------------------------------------------------------------------------------------------------------


def half() -> Evaluation:
    """1/2 the true energy of eight normals, which has no sampler of its own."""
    return make_evaluation(TrueEnergy(EightGaussians(), 0.5), EightGaussians(), cells=200, n=SAMPLES, seed=3)


def test_the_common_sampler_draws_from_the_fitted_density() -> None:
    """Half of the true energy has beta near 2; counts in cells of width 0.6 against their mass."""
    held = half()
    assert held.beta == pytest.approx(2, rel=0.05)
    points = EvalContext(held, "common").samples(SAMPLES)
    support = EightGaussians().domain.support(200)
    log_mass = -held.beta * held.energy_inside + support.log_weight.numpy()
    mass = np.exp(log_mass - log_mass.max()).reshape(20, 10, 20, 10).sum((1, 3)).ravel()
    expected = SAMPLES * mass / mass.sum()
    place = ((points + 6) / 0.6).long()
    counts = torch.bincount(place[:, 0] * 20 + place[:, 1], minlength=400).numpy()
    full = expected >= 10
    found = np.append(counts[full], counts[~full].sum())
    due = np.append(expected[full], expected[~full].sum())
    assert chisquare(found, due).pvalue > 1e-3


def test_the_common_sampler_of_a_constant_energy_has_nothing_to_draw_from() -> None:
    """It has no temperature, and the plane no uniform law."""
    with pytest.raises(NotApplicable, match="no temperature fits: the energy is constant"):
        EvalContext(make_evaluation(Bowl(0.0), EightGaussians(), cells=200, n=10), "common").samples(SAMPLES)


def test_the_common_sampler_draws_outside_the_domain_too() -> None:
    """N(0, I) in a box of one deviation: 53 % of its mass lie outside, and as many of its samples."""
    dataset = Normal(half_width=1.0)
    points = make_evaluation(TrueEnergy(dataset), dataset, cells=200, n=SAMPLES, seed=3).common_samples
    outside = float((points.abs() > 1).any(-1).double().mean())
    assert outside == pytest.approx(1 - 0.6826895**2, abs=4 * 0.5 / math.sqrt(SAMPLES))
    assert float(points.var()) == pytest.approx(1, abs=4 * math.sqrt(1 / SAMPLES))


def test_the_common_sampler_fills_its_cells() -> None:
    """Places within a cell are uniform: mean 1/2 and variance 1/12 within 4 standard errors."""
    points = EvalContext(half(), "common").samples(SAMPLES)
    inner = ((points + 6) / (12 / 200)) % 1
    assert float((inner.mean(0) - 0.5).abs().max()) < 4 * math.sqrt(1 / 12 / SAMPLES)
    assert float((inner.var(0) - 1 / 12).abs().max()) < 4 * math.sqrt(1 / 180 / SAMPLES)


def test_the_common_sampler_draws_states_by_their_mass() -> None:
    machine = BoltzmannMachine(units=8)
    samples = make_evaluation(TrueEnergy(machine), machine, n=3000, seed=3).common_samples
    assert samples.shape == (5000, 8)
    counts = np.bincount(machine.domain.index(samples).numpy(), minlength=256)
    due = 5000 * machine.log_prob(machine.domain.support(2).points).exp().numpy()
    often = due >= 10
    found, expected = np.append(counts[often], counts[~often].sum()), np.append(due[often], due[~often].sum())
    assert chisquare(found, expected).pvalue > 1e-3


def test_native_samples_are_the_methods_own_and_a_function_of_the_seed() -> None:
    held = [make_evaluation(Oracle(Normal()), Normal(), cells=10, n=10, seed=seed) for seed in (4, 4, 5)]
    first, again, other = (evaluation.native_samples for evaluation in held)
    assert torch.equal(first, Normal().sample(SAMPLES, Generator().manual_seed(4)).y)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    context = EvalContext(held[0], "native")
    assert torch.equal(context.samples(7), first[:7])
    assert torch.equal(context.reference(7), held[0].test.y[:7])


def test_the_protocol_says_how_many_samples_are_drawn() -> None:
    data = Normal().sample(10, Generator().manual_seed(0))
    like = torch.zeros((), dtype=torch.float64)
    evaluation = Evaluation(
        Oracle(Normal()), truth_of(Normal(), 10), EnergyKind.DENSITY, data, data, 0, like, Protocol(samples=17)
    )
    assert evaluation.native_samples.shape == evaluation.common_samples.shape == (17, 2)


def test_the_spread_is_the_true_one_or_else_that_of_the_test_points() -> None:
    known, hidden = (make_evaluation(Bowl(), Normal(scale=2, hidden=h), cells=100, n=50) for h in (False, True))
    assert known.spread == pytest.approx(2, abs=1e-3)
    assert hidden.spread == pytest.approx(float(hidden.test.y.var(0).mean().sqrt()))
    assert hidden.spread != pytest.approx(2, abs=1e-3)


# --- smoothed energies -----------------------------------------------------------------------------------------------


class Blurry(Bowl):
    """N(0, s^2 I) blurred by 0.75: says so, if it is asked to."""

    def __init__(self, said: float | None) -> None:
        super().__init__(1 / 1.25**2)
        self.said = said

    @property
    def smoothing(self) -> float | None:
        return self.said


def test_the_truth_is_blurred_by_what_the_surface_says() -> None:
    evaluation = make_evaluation(Blurry(0.75), Normal(), cells=200, n=10)
    np.testing.assert_allclose(evaluation.smoothed_log_p, EvalContext(evaluation, "raw").log_q, atol=1e-6)
    with pytest.raises(NotApplicable, match="does not say what noise blurs it"):
        _ = make_evaluation(Blurry(None), Normal(), cells=10, n=10).smoothed_log_p


# --- contexts --------------------------------------------------------------------------------------------------------


def conditional(a: float, n: int = 3 * CHUNK // 2) -> Evaluation:
    """More rows than are seen at once, so that pieces must keep their contexts."""
    return make_evaluation(RegressionEnergy(a), Regression(), kind=EnergyKind.NORMALIZED, n=n)


FORMS: dict[str, tuple[Callable[[Evaluation], Array], Callable[[Tensor], Tensor]]] = {
    "energy": (lambda e: e.energy_test, lambda off: 3 * off.square().sum(-1) / 2),
    "gradient": (lambda e: e.energy_gradient_test, lambda off: 3 * off),
    "log_p": (lambda e: e.log_p_test, lambda off: -off.square().sum(-1) / 2 - math.log(2 * math.pi)),
    "score": (lambda e: e.score_test, lambda off: -off),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_test_point_is_seen_with_its_own_context(name: str) -> None:
    evaluation, (ask, closed_form) = conditional(3.0), FORMS[name]
    y, x = evaluation.test.y, evaluation.test.x
    assert x is not None
    np.testing.assert_allclose(ask(evaluation), closed_form(y - Regression.mean(x)), atol=1e-9)
    assert not np.allclose(ask(evaluation), closed_form(y - Regression.mean(x.flip(0))), atol=0.1)  # the wrong twin


def test_validation_points_are_seen_with_their_own_contexts() -> None:
    evaluation = conditional(3.0)
    assert evaluation.validation.x is not None
    off = evaluation.validation.y - Regression.mean(evaluation.validation.x)
    np.testing.assert_allclose(evaluation.energy_validation, 1.5 * off.square().sum(-1))


def test_native_samples_are_one_draw_for_each_test_context() -> None:
    """As many as there are contexts; about their means, with the energy's own variance."""
    evaluation = conditional(4.0)
    samples, x = evaluation.native_samples, evaluation.reference.x
    assert x is not None
    assert len(samples) == len(x)
    off = samples - Regression.mean(x)
    assert float(off.var(0).mean()) == pytest.approx(1 / 4, rel=0.1)
    assert float((samples - Regression.mean(x.flip(0))).var(0).mean()) > 0.3
