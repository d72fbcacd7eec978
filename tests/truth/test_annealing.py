"""log Z by annealing: brackets of exact normalizers, and twins that leave out what makes them right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.datasets.dimensions import FortyGaussians, TwoModes
from ebmbench.datasets.products import ManyWell
from ebmbench.truth import annealing
from ebmbench.truth.annealing import Anneal, Whitened, backward, forward, log_z_bounds, pilot, weighted_energies
from ebmbench.truth.bounds import Bounds, log_mean
from tests.factories import Normal

CONSTANT = 3.0
"""What energies lie above -log p: log Z is minus that."""
DOUBLE = torch.zeros((), dtype=torch.float64)


@dataclass(frozen=True)
class Energy:
    """-log p + 3 of a dataset, with its gradient."""

    dataset: Dataset

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        wide = y.double()
        return CONSTANT - self.dataset.log_prob(wide).to(y), -self.dataset.score(wide).to(y)


def drawn(dataset: Dataset, n: int, seed: int) -> Tensor:
    return dataset.sample(n, Generator().manual_seed(seed)).y


def white(dataset: Dataset, like: Tensor = DOUBLE, beta: float = 1.0) -> Whitened:
    return Whitened(Energy(dataset), drawn(dataset, 2000, 1), like, beta)


@pytest.fixture(autouse=True)
def few_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the charge a fifth, so that bounds are wider."""
    monkeypatch.setattr(annealing, "CHAINS", 64)
    monkeypatch.setattr(annealing, "TEMPERATURES", 300)


def bounds(dataset: Dataset, exact: bool = True, seed: int = 0, like: Tensor = DOUBLE) -> Bounds:
    return log_z_bounds(white(dataset, like), drawn(dataset, 64, 100 + seed), exact, seed)


@pytest.mark.long
@pytest.mark.parametrize("dataset", [FortyGaussians(dim=16), ManyWell(), TwoModes()], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("exact", [True, False])
def test_the_bounds_bracket_the_exact_normalizer(dataset: Dataset, exact: bool) -> None:
    found = bounds(dataset, exact)
    assert found.lower <= -CONSTANT <= found.upper
    assert found.upper - found.lower < 4
    assert found.middle == pytest.approx(-CONSTANT, abs=0.5)


def test_single_precision_is_enough() -> None:
    found = bounds(TwoModes(dim=16), like=torch.zeros(()))
    assert found.lower <= -CONSTANT <= found.upper
    assert found.upper - found.lower < 1


def test_a_base_whose_normalizer_is_forgotten_is_seen() -> None:
    """The wrong twin: U without its constant, (d / 2) log 2 pi and the volume of the change of variables."""
    dataset = TwoModes(dim=8)
    right, twin = white(dataset), white(dataset)
    twin.log_base = 0.0
    rows, schedule = drawn(dataset, 64, 5), pilot(right, Generator().manual_seed(0), 100)
    for energy, holds in ((right, True), (twin, False)):
        rng = Generator().manual_seed(0)
        found = Bounds.of(forward(energy, schedule, 64, rng), backward(energy, schedule, rows, rng))
        assert (found.lower <= -CONSTANT <= found.upper) is holds


def test_chains_without_the_metropolis_test_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin: at steps that are accepted three times in four, what is never rejected leaves another law."""
    dataset, rng = FortyGaussians(dim=8), Generator().manual_seed(0)
    energy = white(dataset)
    schedule = pilot(energy, rng, 300)
    bold = annealing.Schedule(schedule.temperatures, 1.5 * schedule.steps)
    rows = drawn(dataset, 64, 5)
    right = Bounds.of(forward(energy, bold, 64, rng), backward(energy, bold, rows, rng))
    assert right.lower <= -CONSTANT <= right.upper
    monkeypatch.setattr(annealing, "uniform", lambda shape, like, rng: torch.zeros(shape, dtype=like.dtype))
    twin = Bounds.of(forward(energy, bold, 64, rng), backward(energy, bold, rows, rng))
    assert not twin.lower <= -CONSTANT <= twin.upper


def test_of_a_normal_nothing_is_left_to_do() -> None:
    """The base is the target but for its width."""
    found = bounds(Normal(dim=6))
    assert found.upper - found.lower < 0.2
    assert found.middle == pytest.approx(-CONSTANT, abs=0.05)


@pytest.mark.parametrize("beta", [0.25, 4.0])
def test_a_temperature_scales_a_normal(beta: float) -> None:
    """The integral of (2 pi)^(-beta d / 2) exp(-beta |y|^2 / 2 - beta constant)."""
    dataset = Normal(dim=6)
    exact = 3 * math.log(2 * math.pi / beta) - 3 * beta * math.log(2 * math.pi) - beta * CONSTANT
    found = log_z_bounds(white(dataset, beta=beta), drawn(dataset, 64, 3), exact=False, seed=0)
    assert found.lower <= exact <= found.upper
    assert found.upper - found.lower < 1


def test_chains_move_by_what_leaves_the_law_alone() -> None:
    """From exact draws the moments stay, at a temperature in between too: t = 1 of a quarter of the variance."""
    energy = Whitened(lambda y: (2 * y.square().sum(-1), 4 * y), drawn(Normal(dim=3), 4000, 1), DOUBLE)
    rng = Generator().manual_seed(0)
    start = energy.white(0.5 * torch.randn(4000, 3, generator=rng, dtype=torch.float64))
    chains = Anneal(energy, start, rng)
    for _ in range(20):
        chains.move(1.0, 0.6)
    variance = (energy.mean + chains.z @ energy.root.T).var(0)
    torch.testing.assert_close(variance, torch.full((3,), 0.25, dtype=torch.float64), rtol=0.1, atol=0)
    assert not torch.equal(chains.z, start)


def test_temperatures_lie_closer_where_the_work_varies_more() -> None:
    """A target of far less variance than the base: most of the way is near t = 0."""
    energy = Whitened(lambda y: (50 * y.square().sum(-1), 100 * y), drawn(Normal(dim=4), 500, 1), DOUBLE)
    found = pilot(energy, Generator().manual_seed(0), 100)
    assert (found.temperatures[0], found.temperatures[-1]) == (0.0, 1.0)
    assert bool((np.diff(found.temperatures) >= 0).all())
    assert found.temperatures[50] < 0.2
    assert found.steps[-1] < 0.5 * found.steps[0]


def test_chains_and_their_weights_are_a_sample_of_the_energy() -> None:
    """E F of a normal is d / 2 and the constant, at any temperature."""
    scaled, log_weight = weighted_energies(white(TwoModes(dim=8)), seed=0)
    weight = np.exp(log_weight - log_mean(log_weight))
    entropy = 4 * math.log(2 * math.pi * math.e) - 0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert float((weight * scaled).mean()) == pytest.approx(entropy + CONSTANT, abs=0.6)


def test_energies_that_are_infinite_somewhere_do_no_harm() -> None:
    """A half space of a normal: log Z is less by log 2."""

    def half(y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.where(y[:, 0] > 0, y.square().sum(-1) / 2, math.inf), y

    rows = drawn(Normal(dim=4), 4000, 1)
    rows[:, 0] = rows[:, 0].abs()
    found = log_z_bounds(Whitened(half, rows, DOUBLE), rows, exact=False, seed=0)
    exact = 2 * math.log(2 * math.pi) - math.log(2)
    assert found.lower <= exact <= found.upper
    assert found.upper - found.lower < 1
