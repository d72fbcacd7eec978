"""What exact draws say without a lattice: against closed forms of normals and of mixtures, and wrong twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.dimensions import Mixture, TwoModes
from ebmbench.errors import NotApplicable
from ebmbench.metrics import dimensions
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.dimensions import ess_exact, fisher_per_dim, kish, mode_mass_sampled, mode_mass_weighted
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.surface import kl, log_density_mse
from ebmbench.truth import annealing
from tests.factories import Bowl, Normal, Oracle, TrueEnergy, make_evaluation


@pytest.fixture(autouse=True)
def few_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the charge."""
    monkeypatch.setattr(annealing, "CHAINS", 64)
    monkeypatch.setattr(annealing, "TEMPERATURES", 200)


class Weighted(TwoModes):
    """The same two modes with another mass of the smaller one."""

    mass: float = 0.25

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        centers, _, sigma = super().components()
        return centers, torch.tensor([self.mass, 1 - self.mass]).double().log(), sigma


def seen(surface: Surface, dataset: Mixture | Normal, variant: str = "raw", n: int = 4000) -> EvalContext:
    return EvalContext(make_evaluation(surface, dataset, n=n), variant)


def normal(a: float, dim: int = 6, shift: float = 0.0) -> EvalContext:
    """F = a |y - shift e_1|^2 / 2 against N(0, I)."""
    return seen(Bowl(a, (shift, *[0.0] * (dim - 1)), constant=2.0), Normal(dim=dim))


@pytest.mark.parametrize("a", [0.8, 1.25])
def test_the_effective_size_of_weights_between_normals(a: float) -> None:
    """w = exp(-(a - 1) |y|^2 / 2): (E w)^2 / E w^2 = ((2 a - 1) / a^2)^(d / 2), the constant no matter."""
    assert ess_exact(normal(a)) == pytest.approx(((2 * a - 1) / a**2) ** 3, abs=0.03)


def test_the_truth_loses_nothing() -> None:
    context = seen(Oracle(TwoModes(), constant=5.0), TwoModes())
    assert ess_exact(context) == pytest.approx(1)
    assert fisher_per_dim(context) == pytest.approx(0, abs=1e-20)
    assert mode_mass_weighted(context) == pytest.approx(0, abs=1e-12)


def test_kish_of_few_weights() -> None:
    assert kish(np.log([1.0, 1.0, 2.0])) == pytest.approx(16 / 18)
    assert kish(np.array([700.0, 0.0])) == pytest.approx(0.5)
    assert kish(np.full(3, -np.inf)) == 0
    assert kish(np.log([1.0, 1.0, 2.0])) != pytest.approx(4 / 3 / 6**0.5), "the wrong twin: not squared"


@pytest.mark.parametrize("dim", [4, 16])
def test_fisher_divergence_per_dimension(dim: int) -> None:
    """J of N(0, I / a) is d (a - 1)^2 / 2: over d the same in every dimension."""
    assert fisher_per_dim(normal(1.5, dim)) == pytest.approx(0.125, rel=0.05)


@pytest.mark.parametrize("dim", [2, 50])
@pytest.mark.parametrize("mass", [0.1, 0.5])
def test_the_error_of_the_mass_of_a_mode(dim: int, mass: float) -> None:
    """Energies with the right modes and the wrong masses: q(k) - 1/4, to which the score is blind."""
    context = seen(TrueEnergy(Weighted(dim=dim, mass=mass)), TwoModes(dim=dim), n=8000)
    assert mode_mass_weighted(context) == pytest.approx(abs(mass - 0.25), abs=0.015)
    assert fisher_per_dim(context) < 1e-3


def test_masses_that_are_not_weighted_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin: the shares of the draws themselves."""
    context = seen(TrueEnergy(Weighted(dim=8, mass=0.5)), TwoModes(dim=8))
    monkeypatch.setattr(dimensions, "_log_weight", lambda c: np.zeros(len(c.evaluation.test)))
    assert mode_mass_weighted(context) == 0


def test_the_masses_of_samples() -> None:
    surface = Oracle(Weighted(dim=8, mass=0.5))
    context = seen(surface, TwoModes(dim=8), "native")
    assert mode_mass_sampled(context) == pytest.approx(0.25, abs=0.03)
    assert mode_mass_sampled(seen(Oracle(TwoModes(dim=8)), TwoModes(dim=8), "native")) < 0.03


def test_one_piece_has_no_masses() -> None:
    for metric in (mode_mass_weighted, mode_mass_sampled):
        with pytest.raises(NotApplicable, match="in one piece"):
            metric(normal(1.0))


def test_kl_by_exact_draws_is_the_closed_form() -> None:
    """d / 2 (a - 1 - log a) + a |shift|^2 / 2, with log Z by chains and weights; it is not told the constant."""
    for a, shift in ((1.3, 0.0), (1.0, 0.5)):
        known = 3 * (a - 1 - math.log(a)) + a * shift**2 / 2
        assert kl(normal(a, shift=shift)) == pytest.approx(known, abs=0.03)
    assert log_density_mse(normal(1.0, shift=0.5)) == pytest.approx(0.25 + 0.125**2, abs=0.02)


def test_kl_of_the_truth_is_zero_and_of_a_leak_the_log_of_what_is_left() -> None:
    """Half of the mass of q lies in a mode where p has none: log 2, which draws of p alone cannot see."""
    data = Normal(dim=4)

    class Leaking(Surface):
        def forward(self, y: Tensor) -> Tensor:
            far = y - torch.tensor([5.0, 0, 0, 0], dtype=y.dtype)
            return -torch.logaddexp(-y.square().sum(-1) / 2, -far.square().sum(-1) / 2)

    assert kl(seen(Oracle(data), data)) == pytest.approx(0, abs=1e-9)
    evaluation: Evaluation = make_evaluation(Leaking(), data, kind=EnergyKind.DENSITY, n=4000)
    assert kl(EvalContext(evaluation, "raw")) == pytest.approx(math.log(2), abs=0.3)


def test_the_temperature_is_fitted_at_exact_draws() -> None:
    context = seen(TrueEnergy(TwoModes(dim=16), scale=4.0), TwoModes(dim=16), "beta")
    assert context.beta_used == pytest.approx(0.25, rel=1e-4)
    assert ess_exact(context) == pytest.approx(1, abs=1e-3)
