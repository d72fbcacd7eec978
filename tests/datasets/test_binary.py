"""The datasets on bits: exact tables, entropies in closed form, and each sampler against its density."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Generator, Tensor

from ebmbench.contracts.domain import Binary
from ebmbench.datasets.binary import BarsAndStripes, BinaryDataset, BoltzmannMachine, Ising
from tests.factories import make_truth

DATASETS: dict[str, BinaryDataset] = {
    "bars_and_stripes": BarsAndStripes(),
    "bars_and_stripes_exact": BarsAndStripes(flip=0),
    "ising": Ising(),
    "boltzmann": BoltzmannMachine(),
}
every = pytest.mark.parametrize("name", DATASETS)

MULTIPLICITY = {0: 20524, 4: 13568, 8: 6688, 12: 1728, 16: 424, 20: 64, 24: 32, 32: 2}
"""How many states of the 4 x 4 torus have the bond energy +-E."""
LOG_Z = {0.1: 11.252588, 0.2: 11.771470, 0.4406868: 15.521916}


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def p_value(y: Tensor, dataset: BinaryDataset, log_p: Tensor) -> float:
    """Of the chi-square statistic of the counts of states; rare states are pooled."""
    counts = torch.bincount(dataset.domain.index(y), minlength=len(log_p)).double()
    due = len(y) * log_p.exp()
    often = due >= 10
    found = np.append(counts[often].numpy(), float(counts[~often].sum()))
    expected = np.append(due[often].numpy(), float(due[~often].sum()))
    if expected[-1] < 10:
        assert found[-1] <= 40
        found, expected = found[:-1], expected[:-1] * found[:-1].sum() / expected[:-1].sum()
    return float(chisquare(found, expected).pvalue)


# --- the tables ------------------------------------------------------------------------------------------------------


@every
def test_probabilities_sum_to_one_and_samples_follow_them(name: str) -> None:
    dataset = DATASETS[name]
    log_p = dataset.log_prob(dataset.domain.support(2).points)
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-12)
    y = dataset.sample(40_000, seeded(1)).y
    assert y.dtype == torch.float64
    assert torch.equal(y, dataset.sample(40_000, seeded(1)).y)
    assert p_value(y, dataset, log_p) > 1e-3
    assert p_value(y[:10_000], dataset, log_p) > 1e-3


def test_a_sampler_of_another_law_is_seen() -> None:
    colder = Ising(beta=0.43)
    log_p = Ising().log_prob(Binary(16).support(2).points)
    assert p_value(colder.sample(40_000, seeded(1)).y, colder, log_p) < 1e-3


def test_ising_has_the_known_levels() -> None:
    ising = Ising()
    energy = ising.bond_energy(Binary(16).support(2).points)
    levels, counts = torch.unique(energy, return_counts=True)
    expected = {sign * level: count for level, count in MULTIPLICITY.items() for sign in (-1, 1)}
    assert dict(zip(levels.tolist(), counts.tolist(), strict=True)) == expected


@pytest.mark.parametrize("beta", LOG_Z)
def test_ising_has_the_known_normalizer_and_entropy(beta: float) -> None:
    ising = Ising(beta=beta)
    assert ising.log_z == pytest.approx(LOG_Z[beta], abs=1e-6)
    mean = sum(n * (e * math.exp(-beta * e) - e * math.exp(beta * e)) for e, n in MULTIPLICITY.items())
    mean /= math.exp(ising.log_z)
    assert make_truth(ising).entropy == pytest.approx(ising.log_z + beta * mean, abs=1e-9)


def test_bars_and_stripes_are_the_patterns_as_they_are_drawn() -> None:
    lines = list(itertools.product((0, 1), repeat=3))
    rows = [tuple(bit for bit in line for _ in range(3)) for line in lines]
    drawn = rows + [line * 3 for line in lines]
    assert len(set(drawn)) == 14
    bars, total = BarsAndStripes(flip=0), 0.0
    for pattern in drawn:
        total += float(bars.log_prob(torch.tensor([pattern]).double()))
    assert total == pytest.approx(12 * math.log(1 / 16) + 4 * math.log(2 / 16), abs=1e-9)
    assert total == pytest.approx(-41.5888, abs=1e-4)
    assert make_truth(bars).entropy == pytest.approx(-total / 16, abs=1e-9)
    assert bars.modes == 14
    assert sorted(bars.assign_mode(torch.tensor(sorted(set(drawn))).double()).tolist()) == list(range(14))
    assert bars.assign_mode(torch.tensor([[1, 0, 0, 0, 0, 0, 0, 0, 0]]).double()).tolist() == [-1]


def test_bars_and_stripes_flip_pixels_independently() -> None:
    """The table with flips is the one without, convolved bit by bit."""
    states, flip = Binary(9).support(2).points, 0.05
    clean = BarsAndStripes(flip=0).log_prob(states).exp()
    assert int((clean == 0).sum()) == 512 - 14
    noisy = clean.view([2] * 9)
    for axis in range(9):
        noisy = (1 - flip) * noisy + flip * noisy.flip(axis)
    torch.testing.assert_close(BarsAndStripes(flip=flip).log_prob(states).exp(), noisy.flatten())


def test_the_boltzmann_machine_has_the_conditionals_of_its_couplings() -> None:
    """p(y_i = 1 | rest) = sigmoid(b_i + sum_j W_ij y_j), and other couplings for another seed."""
    machine = BoltzmannMachine()
    bias, weights = machine.parameters
    assert torch.equal(weights, weights.T)
    assert not weights.diagonal().any()
    y = machine.sample(50, seeded(2)).y
    for i in range(12):
        on, off = y.clone(), y.clone()
        on[:, i], off[:, i] = 1, 0
        logit = bias[i] + off @ weights[i]
        torch.testing.assert_close(machine.log_prob(on) - machine.log_prob(off), logit)
    assert not torch.equal(weights, BoltzmannMachine(couplings=1).parameters[1])


def test_there_is_no_score() -> None:
    with pytest.raises(NotImplementedError):
        Ising().score(torch.zeros(1, 16, dtype=torch.float64))
