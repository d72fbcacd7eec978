"""Integrals over y for each context: normals about m(x) in closed form, on one axis and on two."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator

from ebmbench.contracts.domain import Box
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.errors import NotApplicable
from ebmbench.truth.conditional import ConditionalLattice, ConditionalTruth, conditional_lattice
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import Normalizer, as_array
from tests.factories import Regression

PRECISIONS = (0.5, 1.0, 4.0)


def laid(dim: int, side: int = 60) -> ConditionalLattice:
    """Three contexts, the precisions of a normal."""
    reach = (9.0,) * dim
    x = torch.tensor(PRECISIONS, dtype=torch.float64)[:, None]
    return ConditionalLattice(Box(tuple(-side for side in reach), reach), x, side)


def energy_on(lattice: ConditionalLattice) -> np.ndarray:
    """F = x |y|^2 / 2 + 7 x."""
    x, y = as_array(lattice.support_contexts[:, 0]), as_array(lattice.support.points)
    return np.asarray(x * np.square(y).sum(-1) / 2 + 7 * x)


@pytest.mark.parametrize("dim", [1, 2])
def test_each_context_has_an_integral_of_its_own(dim: int) -> None:
    lattice = laid(dim)
    values, error = lattice.log_z_each(energy_on(lattice))
    expected = [dim / 2 * math.log(2 * math.pi / a) - 7 * a for a in PRECISIONS]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert error < 1e-3
    assert lattice.log_z(energy_on(lattice)).value == pytest.approx(np.mean(expected), abs=1e-5)
    assert np.ptp(values) > 1, "one integral for all of them would be far off"


@pytest.mark.parametrize("dim", [1, 2])
def test_the_domain_comes_first_and_all_contexts_weigh_the_same(dim: int) -> None:
    lattice = laid(dim, 10)
    inside, outside = lattice.sizes
    assert inside == 10**dim
    n = len(lattice) * inside
    assert torch.equal(lattice.support.points[:n], lattice.domain.points)
    assert torch.equal(lattice.domain.points[:inside], lattice.each.domain.points)
    share = torch.exp(lattice.domain.log_weight).view(3, -1).sum(1)
    torch.testing.assert_close(share, torch.full((3,), 18.0**dim / 3, dtype=torch.float64))
    assert len(lattice.support.points) == 3 * (inside + outside)


def test_rows_by_context_and_back() -> None:
    lattice = laid(1, 5)
    values = np.arange(len(lattice.support.points), dtype=np.float64)
    rows = lattice.by_context(values)
    assert rows.shape == (3, sum(lattice.sizes))
    np.testing.assert_array_equal(lattice.on_support(rows), values)
    contexts = lattice.by_context(as_array(lattice.support_contexts[:, 0]))
    np.testing.assert_array_equal(contexts, np.repeat(np.array(PRECISIONS)[:, None], rows.shape[1], 1))
    spread = lattice.on_support(np.array([[1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(lattice.by_context(spread)[:, 0], [1, 2, 3])


def test_what_lies_in_the_domain_is_a_mean_over_contexts() -> None:
    lattice = laid(1)
    expected = [0.5 * math.log(2 * math.pi / a) - 7 * a + math.log(math.erf(9 * math.sqrt(a / 2))) for a in PRECISIONS]
    assert lattice.log_z_inside(energy_on(lattice)) == pytest.approx(np.mean(expected), abs=1e-6)


def test_more_coordinates_have_a_reason() -> None:
    found = conditional_lattice(Box((0.0,) * 3, (1.0,) * 3), torch.zeros(5, 1), 100)
    assert type(found) is Normalizer
    with pytest.raises(NotApplicable, match="in 3 dimensions is laid for each context x"):
        _ = found.support


def known() -> ConditionalTruth:
    x = Regression().sample_context(25, Generator().manual_seed(1))
    found = truth_of(Regression(), 100, contexts=x)
    assert isinstance(found, ConditionalTruth)
    return found


def test_the_truth_has_the_entropy_of_a_normal_given_any_context() -> None:
    assert known().entropy == pytest.approx(1 + math.log(2 * math.pi), abs=1e-6)


def test_the_moments_of_all_are_those_of_each_and_of_their_means() -> None:
    """var y = E var(y | x) + var E(y | x)."""
    truth = known()
    mean = Regression.mean(truth.normalizer.contexts)
    np.testing.assert_allclose(truth.mean_given, as_array(mean), atol=1e-6)
    expected = np.eye(2) + np.cov(as_array(mean).T, bias=True)
    np.testing.assert_allclose(truth.moments[1], expected, atol=1e-6)


def test_the_floor_is_the_normal_of_each_context() -> None:
    """Of normal data it is the truth up to a constant."""
    truth = known()
    off = truth.floor_energy + truth.log_p
    inside = truth.inside
    assert np.ptp(off[inside][truth.log_p[inside] > -20]) < 1e-5


def test_blurred_it_is_the_blurred_law_of_each_context() -> None:
    """Two branches of noise .1, blurred by .2."""
    x = TwoBranches().sample_context(50, Generator().manual_seed(1))
    truth = truth_of(TwoBranches(sigma=0.1), 200, contexts=x)
    assert isinstance(truth, ConditionalTruth)
    places = truth.normalizer.support.points, truth.normalizer.support_contexts
    wide = TwoBranches(sigma=math.hypot(0.1, 0.2)).log_prob(*places)
    np.testing.assert_allclose(truth.blurred_log_p(0.2), as_array(wide), atol=1e-6)


def test_modes_differ_from_context_to_context() -> None:
    for asked in ("modes", "owner"):
        with pytest.raises(NotApplicable, match="conditional_modes counts them"):
            getattr(known(), asked)
