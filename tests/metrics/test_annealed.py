"""An evaluation whose log Z is annealed: where chains begin, and the temperature that they find."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.records import EnergyKind
from ebmbench.errors import NotApplicable
from ebmbench.metrics.annealed import AnnealedEvaluation
from ebmbench.truth import annealing
from tests.factories import Bowl, Normal, make_evaluation


@pytest.fixture(autouse=True)
def few_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the charge."""
    monkeypatch.setattr(annealing, "CHAINS", 64)
    monkeypatch.setattr(annealing, "TEMPERATURES", 200)


def held(surface: Bowl, kind: EnergyKind = EnergyKind.DENSITY, hidden: bool = False) -> AnnealedEvaluation:
    found = make_evaluation(surface, Normal(dim=5, hidden=hidden), kind=kind, n=1000)
    assert isinstance(found, AnnealedEvaluation)
    return found


def bowl(a: float = 1.0) -> Bowl:
    return Bowl(a, (0.0,) * 5, constant=1.0)


@pytest.mark.parametrize("hidden", [False, True])
def test_log_z_lies_between_its_bounds(hidden: bool) -> None:
    """2.5 log(2 pi) - 1; by draws of p where it is known, else by chains alone."""
    evaluation = held(bowl(), hidden=hidden)
    found, bounds, exact = evaluation.log_z(1.0), evaluation.bounds(1.0), 2.5 * math.log(2 * math.pi) - 1
    assert bounds.lower <= exact <= bounds.upper
    assert found.value == pytest.approx(exact, abs=1e-9 if not hidden else 0.1)
    assert found.error == pytest.approx(max(bounds.upper - found.value, found.value - bounds.lower))


def test_chains_come_back_from_draws_of_a_normalized_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[bool, float]] = []

    class Sampled(Bowl):
        def sample(self, n: int, generator: Generator) -> Tensor:
            return torch.full((n, 5), 7.0, dtype=torch.float64)

    def seen(energy: object, start: Tensor, exact: bool, seed: int) -> None:
        begun.append((exact, float(start[0, 0])))

    monkeypatch.setattr("ebmbench.metrics.annealed.log_z_bounds", seen)
    for kind in (EnergyKind.NORMALIZED, EnergyKind.DENSITY):
        held(Sampled(1.0, (0.0,) * 5), kind).bounds(1.0)
    assert begun[0] == (True, 7.0)
    assert begun[1][0] is False
    assert begun[1][1] != 7.0


@pytest.mark.parametrize("a", [0.02, 50.0])
@pytest.mark.parametrize("hidden", [False, True])
def test_the_temperature_of_a_normal(a: float, hidden: bool) -> None:
    """1 / (a v), v the mean variance of the validation points: by draws of p, and by chains that are told nothing."""
    evaluation = held(bowl(a), EnergyKind.RANKING, hidden)
    assert evaluation.beta * a == pytest.approx(1, rel=0.06 if not hidden else 0.2)


def test_on_the_way_nothing_is_annealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for a temperature; by draws of p there is one."""

    def forbidden(*args: object) -> None:
        raise AssertionError

    for name in ("log_z_bounds", "weighted_energies"):
        monkeypatch.setattr(f"ebmbench.metrics.annealed.{name}", forbidden)
    for hidden in (True, False):
        evaluation = held(bowl(), hidden=hidden)
        evaluation.thorough = False
        with pytest.raises(NotApplicable, match="when training has ended"):
            evaluation.log_z(1.0)
    assert evaluation.beta == pytest.approx(1, abs=0.1)
    evaluation = held(bowl(), hidden=True)
    evaluation.thorough = False
    with pytest.raises(NotApplicable, match="when training has ended"):
        _ = evaluation.beta


def test_a_constant_energy_has_no_temperature() -> None:
    with pytest.raises(NotApplicable, match="the energy is constant"):
        _ = held(Bowl(0.0, (0.0,) * 5)).beta
