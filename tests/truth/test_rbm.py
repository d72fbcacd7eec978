"""A restricted Boltzmann machine: its normalizer against all visible states, its draws, and its annealing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.domain import Binary
from ebmbench.truth.rbm import Rbm, rbm_bounds


def machine(visible: int, hidden: int, scale: float = 0.5, seed: int = 0) -> Rbm:
    generator = Generator().manual_seed(seed)
    shapes = (visible, hidden), (visible,), (hidden,)
    return Rbm(*(scale * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))


def bounds(rbm: Rbm, base: Tensor, seed: int = 0, temperatures: int = 200) -> tuple[float, float]:
    generator = Generator().manual_seed(seed)
    found = rbm_bounds(rbm, base, rbm.sample(200, generator), temperatures, generator)
    return found.lower, found.upper


@pytest.mark.parametrize(("visible", "hidden"), [(8, 3), (5, 7)])
def test_the_normalizer_is_the_sum_over_all_visible_states(visible: int, hidden: int) -> None:
    rbm, states = machine(visible, hidden), Binary(visible).support().points
    assert rbm.log_z() == pytest.approx(float(torch.logsumexp(-rbm.free_energy(states), 0)), abs=1e-10)


def test_draws_and_gibbs_steps_have_the_law_of_the_free_energy() -> None:
    rbm, states, generator = machine(4, 3, scale=1.0), Binary(4).support().points, Generator().manual_seed(1)
    expected = 40_000 * torch.exp(-rbm.free_energy(states) - rbm.log_z())
    drawn = rbm.sample(40_000, generator)
    for rows in (drawn, rbm.step(drawn, generator)):
        counts = torch.bincount(Binary(4).index(rows), minlength=16)
        assert float(((counts - expected) ** 2 / expected).sum()) < 50  # 15 degrees of freedom
    uniform = torch.randint(2, (40_000, 4), generator=generator).double()
    counts = torch.bincount(Binary(4).index(uniform), minlength=16)
    assert float(((counts - expected) ** 2 / expected).sum()) > 1000, "the wrong twin"


@pytest.mark.parametrize("seed", range(3))
def test_annealing_brackets_the_exact_normalizer(seed: int) -> None:
    """Of 16 hidden units and 64 bits, from bits that are on half of the time."""
    rbm = machine(64, 16, scale=0.3, seed=seed)
    low, high = bounds(rbm, torch.zeros(64, dtype=torch.float64), seed)
    assert low <= rbm.log_z() <= high
    assert high - low < 1


def test_a_base_whose_normalizer_is_forgotten_is_seen() -> None:
    """The wrong twin: annealing from a machine that is not normalized is off by log 2 for each unit."""
    rbm, base = machine(64, 16, scale=0.3), torch.zeros(64, dtype=torch.float64)
    low, high = bounds(rbm, base)
    forgotten = 80 * math.log(2)
    assert not low - forgotten <= rbm.log_z() <= high - forgotten


def test_too_many_hidden_units_have_no_exact_normalizer() -> None:
    with pytest.raises(ValueError, match="21 hidden units have too many states"):
        machine(2, 21).log_z()
