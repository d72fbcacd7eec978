"""Which way a domain is integrated over, and what is known of a dataset."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary, Box, Domain
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.truth.conditional import ConditionalLattice, ConditionalTruth
from ebmbench.truth.knowledge import normalizer_of, truth_of
from ebmbench.truth.normalizer import AllStates, Annealed, Lattice, Normalizer, as_array
from tests.factories import Normal, Regression


class On(Dataset):
    """Of which nothing is asked but its spaces."""

    width: int
    bits: bool = False
    conditional: bool = False

    @property
    def domain(self) -> Domain:
        return Binary(self.width) if self.bits else Box((0.0,) * self.width, (1.0,) * self.width)

    @property
    def context(self) -> Domain | None:
        return Binary(1) if self.conditional else None

    def sample(self, n: int, generator: Generator) -> Batch:
        raise AssertionError


@pytest.mark.parametrize(
    ("dataset", "kind", "reason"),
    [
        (On(width=1), Lattice, ""),
        (On(width=3), Lattice, ""),
        (On(width=4), Annealed, "no lattice covers 4 dimensions"),
        (On(width=20, bits=True), AllStates, ""),
        (On(width=21, bits=True), Normalizer, "21 bits have too many states to be visited one by one"),
        (On(width=2, conditional=True), Normalizer, "no lattice is laid for each context x"),
        (On(width=4, bits=True, conditional=True), Normalizer, "states are not counted for each context x"),
    ],
)
def test_how_a_domain_is_integrated_over(dataset: On, kind: type[Normalizer], reason: str) -> None:
    found = normalizer_of(dataset, 10)
    assert type(found) is kind
    assert found.reason == reason


def test_the_support_begins_with_the_domain() -> None:
    found = normalizer_of(Normal(), 10)
    assert torch.equal(found.support.points[:100], found.domain.points)
    assert torch.equal(found.domain.points, Normal().domain.support(10).points)
    machine = BoltzmannMachine(units=4)
    assert torch.equal(normalizer_of(machine, 10).support.points, machine.domain.support().points)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sigma", [0.15, 1.0, 30.0])
def test_a_shifted_lattice_knows_its_error_as_well(seed: int, sigma: float) -> None:
    """A Gaussian narrower than two cells, one within the box, one that is far wider: each integrates to 1."""
    found = normalizer_of(Normal(), 60, seed)
    points = as_array(found.support.points - 0.11)
    energy = np.square(points / sigma).sum(-1) / 2 + math.log(2 * math.pi * sigma**2)
    log_z = found.log_z(energy)
    assert abs(log_z.value) < 1e-4 or abs(log_z.value) < log_z.error
    assert log_z.error < 1e-3 or sigma < 0.2


def test_the_shift_is_of_the_seed() -> None:
    """Within half a cell, of each axis its own; without a seed there is none."""
    shifts = np.array([normalizer_of(Normal(), 10, seed).shift for seed in range(200)])
    assert np.abs(shifts).max() <= 0.5
    assert np.abs(shifts.mean(0)).max() < 0.1
    assert np.abs(np.corrcoef(shifts.T)[0, 1]) < 0.2
    assert normalizer_of(Normal(), 10, 7).shift == normalizer_of(Normal(), 10, 7).shift
    assert list(normalizer_of(Normal(), 10).shift) == []


def test_contexts_have_a_lattice_each() -> None:
    """As many points in all as on the plane: of two coordinates 25 contexts, of one half as many as cells."""
    x = Regression().sample_context(50, Generator().manual_seed(0))
    found = truth_of(Regression(), 100, 3, x)
    assert isinstance(found, ConditionalTruth)
    assert isinstance(found.normalizer, ConditionalLattice)
    assert torch.equal(found.normalizer.contexts, x[:25])
    assert found.normalizer.each.side == 20
    assert list(found.normalizer.each.shift) == list(normalizer_of(Normal(), 100, 3).shift)
    one = normalizer_of(On(width=1, conditional=True), 100, contexts=torch.zeros(99, 1))
    assert isinstance(one, ConditionalLattice)
    assert (len(one), one.each.side) == (50, 200)
    three = normalizer_of(On(width=3, conditional=True), 100, contexts=x)
    assert three.reason == "no lattice of y in 3 dimensions is laid for each context x"


@pytest.mark.parametrize(("dim", "side"), [(1, 400), (2, 400), (3, 54)])
def test_cells_along_an_axis(dim: int, side: int) -> None:
    """In three dimensions as many cells in all as in the plane, or fewer."""
    found = normalizer_of(On(width=dim), 400)
    assert isinstance(found, Lattice)
    assert found.side == side
    assert found.domain.shape == (side,) * dim
    assert len(found.domain.points) <= 160_000
