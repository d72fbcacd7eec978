"""Pits between the points of a lattice: found where something leads to them, and integrated to their closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.records import EnergyKind
from ebmbench.metrics import surface as metrics
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.truth.normalizer import log_normalizer
from tests.factories import Normal, TrueEnergy, make_evaluation

DATA = Normal(half_width=8.0)
CELLS = 400
WIDTH = 16 / CELLS
"""Of a cell."""


class Hidden(TrueEnergy):
    """N(0, I) and, of ``mass`` times its mass, a normal of deviation ``sigma`` at a place."""

    def __init__(self, mass: float, sigma: float, place: tuple[float, float]) -> None:
        super().__init__(DATA)
        self.mass, self.sigma, self.place = mass, sigma, torch.tensor(place, dtype=torch.float64)

    def forward(self, y: Tensor) -> Tensor:
        squared = (y.double() - self.place).square().sum(-1) / self.sigma**2
        pit = math.log(self.mass / (2 * math.pi * self.sigma**2)) - squared / 2
        return -torch.logaddexp(DATA.log_prob(y.double()), pit)


class Pit(Hidden):
    """The same with a sampler."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
        pit = torch.rand(n, 1, generator=generator) < self.mass / (1 + self.mass)
        return torch.where(pit, self.place + self.sigma * noise, noise)


def held(surface: TrueEnergy, kind: EnergyKind = EnergyKind.DENSITY) -> Evaluation:
    return make_evaluation(surface, DATA, cells=CELLS, n=(1000, 2000), kind=kind, seed=1)


def raw(evaluation: Evaluation) -> EvalContext:
    return EvalContext(evaluation, "raw")


CORNER, BESIDE = (2 * WIDTH, 2 * WIDTH), (2 * WIDTH + 0.4 * WIDTH, 3 * WIDTH)


@pytest.mark.parametrize("place", [CORNER, BESIDE, (-5 + WIDTH, 6.0)])
@pytest.mark.parametrize("mass", [1.0, 1e6])
@pytest.mark.parametrize("sigma", [0.02, 0.005, 0.001])
def test_a_spike_that_samples_lead_to_has_its_mass(sigma: float, mass: float, place: tuple[float, float]) -> None:
    """From half a cell to a fortieth of one. KL is log(1 + mass) but where the spike is: there q has too much for p."""
    evaluation = held(Pit(mass, sigma, place))
    assert evaluation.log_z(1.0).value == pytest.approx(math.log1p(mass), abs=2e-2)
    radius = np.linspace(0, 8 * sigma, 2001)
    p = math.exp(-(place[0] ** 2 + place[1] ** 2) / 2) / (2 * math.pi)
    pit = mass / (2 * math.pi * sigma**2) * np.exp(-((radius / sigma) ** 2) / 2)
    there = p * np.trapezoid(2 * math.pi * radius * np.log1p(pit / p), radius)
    assert metrics.kl(raw(evaluation)) == pytest.approx(math.log1p(mass) - there, abs=2e-2)
    assert metrics.tv(raw(evaluation)) == pytest.approx(mass / (1 + mass), abs=2e-2)


def test_the_lattice_alone_would_not_see_it() -> None:
    """The twin reads a perfect log Z."""
    evaluation = held(Pit(1e6, 0.001, CORNER))
    twin = log_normalizer(evaluation.energy, evaluation.truth.log_weight)
    assert twin == pytest.approx(0, abs=1e-6)
    assert evaluation.log_z(1.0).value > 13


def test_what_nothing_leads_to_stays_hidden() -> None:
    """A spike without a sampler, where no data are and no lattice point: that is said in the README."""
    evaluation = held(Hidden(1e6, 0.001, (-5.0, 6.0)))
    assert evaluation.log_z(1.0).value == pytest.approx(0, abs=1e-6)


class Funnel(Hidden):
    """A spike of the same mass at the tip of a cone, which is a nat deep for each 1.5 cells and holds a hundredth."""

    def forward(self, y: Tensor) -> Tensor:
        rate = 1 / (1.5 * WIDTH)
        cone = math.log(0.01 * rate**2 / (2 * math.pi)) - rate * (y.double() - self.place).norm(dim=-1)
        return -torch.logaddexp(-super().forward(y), cone)


@pytest.mark.parametrize("sigma", [0.005, 0.002, 0.001])
def test_a_spike_that_the_slope_leads_to_is_found_by_going_down(sigma: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sampler, and no data there: 1 + 1 + 1/100 in all."""
    place = (-5 + 0.3 * WIDTH, 6.0)
    assert held(Funnel(1.0, sigma, place)).log_z(1.0).value == pytest.approx(math.log(2.01), abs=2e-2)
    monkeypatch.setattr(Evaluation, "below_the_lattice", property(lambda self: self.validation.y))
    assert held(Funnel(1.0, sigma, place)).log_z(1.0).value < math.log(1.5), "the wrong twin does not go down"


@pytest.mark.parametrize("seed", range(5))
def test_a_shifted_lattice_integrates_as_well(seed: int) -> None:
    """And its points are others: nothing is between those of all seeds."""
    still, shifted = (make_evaluation(TrueEnergy(DATA), DATA, cells=CELLS, shift=shift) for shift in (None, seed))
    assert shifted.log_z(1.0).value == pytest.approx(0, abs=1e-9)
    assert metrics.kl(raw(shifted)) == pytest.approx(0, abs=1e-9)
    gap = (still.truth.normalizer.domain.points - shifted.truth.normalizer.domain.points).abs().amax(0)
    assert bool((gap > 1e-3 * WIDTH).all())


def test_a_narrow_well_far_outside_is_found_by_the_samples_too() -> None:
    """Thirty widths of the data away, where the panels' points are a fifth of the data's own box apart."""
    evaluation = held(Pit(1.0, 0.05, (31.3, -29.7)))
    assert evaluation.log_z(1.0).value == pytest.approx(math.log(2), abs=2e-2)
    assert metrics.mass_outside(raw(evaluation)) == pytest.approx(0.5, abs=2e-2)


def test_a_smooth_energy_is_not_cut() -> None:
    evaluation = held(TrueEnergy(DATA))
    assert len(evaluation.parts.source) == 0
    assert evaluation.cells.log_weight is evaluation.truth.log_weight


def test_parts_fill_their_cells() -> None:
    """Volumes add up, each part lies in its cell, and no cell is there twice."""
    evaluation = held(Pit(1e3, 0.004, CORNER))
    parts, support = evaluation.parts, evaluation.truth.normalizer.support
    assert len(parts.source) > 0
    for cell in np.unique(parts.source):
        mine = parts.source == cell
        assert np.exp(parts.log_weight[mine]).sum() == pytest.approx(math.exp(support.log_weight[cell]))
        off = (parts.points[mine] - support.points[cell]).abs() + parts.cell[mine] / 2
        assert bool((off <= support.cell[cell] / 2 * (1 + 1e-9)).all())
    assert np.exp(evaluation.cells.log_weight).sum() == pytest.approx(float(support.log_weight.exp().sum()))
    torch.testing.assert_close(parts.cell.prod(-1).log(), torch.from_numpy(parts.log_weight))


def test_samples_are_drawn_from_the_pit_too() -> None:
    """By its mass at the fitted temperature, which makes less of a pit where no data are."""
    evaluation = held(Pit(100.0, 0.001, CORNER))
    parts, beta = evaluation.parts, evaluation.beta
    log_share = log_normalizer(parts.energy, parts.log_weight, beta) - evaluation.log_z(beta).value
    near = (evaluation.common_samples - torch.tensor(CORNER)).norm(dim=-1) < 0.02
    assert float(near.double().mean()) == pytest.approx(math.exp(log_share), abs=0.03)
    assert math.exp(log_share) > 0.02


def test_a_sampler_that_fails_spoils_nothing() -> None:
    class Broken(Pit):
        def sample(self, n: int, generator: Generator) -> Tensor:
            raise RuntimeError("no samples today")

    class Half(Pit):
        def forward(self, y: Tensor) -> Tensor:
            if len(y) and bool((y[0].abs() > 1e6).any()):
                raise RuntimeError("too far away")
            return super().forward(y)

        def sample(self, n: int, generator: Generator) -> Tensor:
            return torch.full((n, 2), 1e7, dtype=torch.float64)

    for surface in (Broken(1.0, 0.001, CORNER), Half(1.0, 0.001, CORNER)):
        assert math.isfinite(metrics.kl(raw(held(surface))))


def test_validation_rows_lead_to_pits_on_themselves() -> None:
    """An energy that has learned its rows by heart."""
    rows = DATA.sample(50, Generator().manual_seed(5)).y

    class ByHeart(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            near = torch.cdist(y.double(), rows).amin(-1)
            return super().forward(y) - 8 * torch.exp(-((near / 1e-3) ** 2) / 2)

    surface, like = ByHeart(DATA), torch.zeros((), dtype=torch.float64)
    known = make_evaluation(surface, DATA, cells=CELLS, validation=Batch(rows), test=Batch(rows), like=like)
    assert len(np.unique(known.parts.source)) >= 40
    assert known.log_z(1.0).value > 1e-3
