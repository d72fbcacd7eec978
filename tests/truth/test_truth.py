"""What is known of a dataset, against closed forms; and what is not known is said."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Domain, square
from ebmbench.datasets.binary import BarsAndStripes, BoltzmannMachine
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import NotApplicable
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import as_array
from ebmbench.truth.truth import Truth, TruthAtPoints, TruthOnSupport
from tests.factories import Normal, Regression, make_truth


class Skewed(Dataset):
    """N(mean, cov) on the plane, whose log density is off by a constant: nobody normalized it."""

    excess: float = 0.0

    @property
    def domain(self) -> Domain:
        return square(12)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        normal = torch.distributions.MultivariateNormal(MEAN, COV)
        log_p: Tensor = normal.log_prob(y)  # type: ignore[no-untyped-call]
        return log_p + self.excess


MEAN = torch.tensor([0.7, -0.4], dtype=torch.float64)
COV = torch.tensor([[2.0, 0.6], [0.6, 0.5]], dtype=torch.float64)


# --- on a support ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("excess", [0.0, 2.5])
def test_the_density_is_normalized_on_its_support(excess: float) -> None:
    truth = make_truth(Skewed(excess=excess), 200)
    exact = as_array(Skewed().log_prob(truth.normalizer.support.points))
    np.testing.assert_allclose(truth.log_p, exact, atol=1e-9)
    assert np.exp(truth.log_p + truth.log_weight).sum() == pytest.approx(1, abs=1e-12)


def test_entropy_and_moments_of_a_normal() -> None:
    truth = make_truth(Skewed(), 200)
    determinant = float(torch.linalg.det(COV))
    assert truth.entropy == pytest.approx(1 + math.log(2 * math.pi) + 0.5 * math.log(determinant), abs=1e-6)
    mean, cov = truth.moments
    np.testing.assert_allclose(mean, MEAN, atol=1e-6)
    np.testing.assert_allclose(cov, COV, atol=1e-6)
    assert truth.spread == pytest.approx(math.sqrt((2.0 + 0.5) / 2), abs=1e-6)


def test_the_floor_of_the_plane_is_the_normal_with_the_true_moments() -> None:
    """Of a normal it is the truth itself, up to a constant; of clusters it is the normal of their moments."""
    truth = make_truth(Skewed(), 200)
    gap = truth.floor_energy + truth.log_p
    assert np.ptp(gap[truth.log_p > -50]) == pytest.approx(0, abs=1e-4)
    clusters = make_truth(EightGaussians(), 200)
    variance = (2 * math.sqrt(2)) ** 2 / 2 + EightGaussians().sigma ** 2
    radius2 = as_array(clusters.normalizer.support.points.square().sum(-1))
    np.testing.assert_allclose(clusters.floor_energy, radius2 / (2 * variance), rtol=1e-3)


def test_a_blurred_density_is_normalized_and_wider() -> None:
    truth = make_truth(Normal(), 200)
    blurred = truth.blurred_log_p(0.75)
    expected = as_array(Normal(scale=1.25).log_prob(truth.normalizer.support.points))
    np.testing.assert_allclose(blurred, expected, atol=1e-6)
    assert np.exp(blurred + truth.log_weight).sum() == pytest.approx(1, abs=1e-12)
    with pytest.raises(NotApplicable, match="no closed form when it is blurred"):
        make_truth(Skewed()).blurred_log_p(0.75)


def test_bits_are_counted_and_their_floor_is_independent_bits_with_the_true_means() -> None:
    machine = BoltzmannMachine(units=6)
    truth = make_truth(machine)
    states = machine.domain.support().points
    log_p = machine.log_prob(states)
    np.testing.assert_allclose(truth.log_p, log_p, atol=1e-12)
    assert truth.entropy == pytest.approx(float(-(log_p.exp() * log_p).sum()), abs=1e-12)
    mean = (log_p.exp()[:, None] * states).sum(0)
    expected = -torch.distributions.Bernoulli(mean).log_prob(states).sum(-1)  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(truth.floor_energy, expected, atol=1e-8)


def test_impossible_states_take_no_part_in_the_entropy() -> None:
    truth = make_truth(BarsAndStripes(flip=0))
    assert np.isneginf(truth.log_p).any()
    assert truth.entropy == pytest.approx((12 * math.log(16) + 2 * 2 * math.log(8)) / 16)


def test_equal_means_put_no_order_on_the_states() -> None:
    """All pixels of bars and stripes are on half of the time: the floor is the uniform law, whatever sums round to."""
    assert len(np.unique(make_truth(BarsAndStripes()).floor_energy)) == 1


def test_modes_are_the_datasets_own() -> None:
    assert make_truth(EightGaussians()).modes == 8
    assert make_truth(Normal()).modes == 1


# --- at points -------------------------------------------------------------------------------------------------------


def test_points_are_given_their_own_contexts() -> None:
    x = torch.tensor([[-0.5, 1.0], [0.0, 0.3], [1.0, -0.2]], dtype=torch.float64)
    off = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-2.0, 1.0]], dtype=torch.float64)
    truth, batch = truth_of(Regression(), 100), Batch(Regression.mean(x) + off, x)
    np.testing.assert_allclose(truth.log_p_at(batch), -0.5 * np.array([0.0, 1.0, 5.0]) - math.log(2 * math.pi))
    np.testing.assert_allclose(truth.score_at(batch), -off, atol=1e-12)


def test_bits_have_a_probability_at_points_and_no_score() -> None:
    machine = BoltzmannMachine(units=6)
    truth = truth_of(machine, 100)
    batch = machine.sample(5, Generator().manual_seed(0))
    np.testing.assert_allclose(truth.log_p_at(batch), machine.log_prob(batch.y))
    with pytest.raises(NotApplicable, match="bits have no gradient"):
        truth.score_at(batch)


def test_a_reason_for_bits_alone() -> None:
    truth_of(Normal(), 10).require_continuous("bits are not like that")
    with pytest.raises(NotApplicable, match="bits are not like that"):
        truth_of(BoltzmannMachine(units=2), 10).require_continuous("bits are not like that")


# --- what is not known -----------------------------------------------------------------------------------------------

POINTS = Batch(torch.zeros(3, 5, dtype=torch.float64))
ON_SUPPORT: dict[str, Callable[[Truth], object]] = {
    "log_p": lambda truth: truth.log_p,
    "entropy": lambda truth: truth.entropy,
    "floor_energy": lambda truth: truth.floor_energy,
    "blurred_log_p": lambda truth: truth.blurred_log_p(0.1),
}
ANYWHERE: dict[str, Callable[[Truth], object]] = {
    "log_p_at": lambda truth: truth.log_p_at(POINTS),
    "score_at": lambda truth: truth.score_at(POINTS),
}


@pytest.mark.parametrize("member", [*ON_SUPPORT, *ANYWHERE])
@pytest.mark.parametrize("dim", [2, 5])
def test_of_data_without_a_density_nothing_is_known(member: str, dim: int) -> None:
    """The reason is the density, even where there is no lattice either."""
    truth = truth_of(Normal(dim=dim, hidden=True), 10)
    with pytest.raises(NotApplicable, match="the true density of these data is not known"):
        {**ON_SUPPORT, **ANYWHERE}[member](truth)


def test_of_data_without_a_density_neither_modes_nor_spread_are_known() -> None:
    truth = truth_of(Normal(hidden=True), 10)
    assert truth.spread is None
    assert not truth.on_support
    with pytest.raises(NotApplicable, match="the modes of these data are not known"):
        _ = truth.modes


def test_energies_can_be_integrated_where_the_density_is_not_known() -> None:
    truth = truth_of(Normal(hidden=True), 100)
    energy = as_array(truth.normalizer.support.points.square().sum(-1) / 2)
    assert truth.normalizer.log_z(energy).value == pytest.approx(math.log(2 * math.pi), abs=1e-6)


@pytest.mark.parametrize("member", ON_SUPPORT)
def test_a_density_without_a_support_is_known_at_points_alone(member: str) -> None:
    truth = truth_of(Normal(dim=5), 10)
    assert truth.spread is None
    assert truth.modes == 1
    np.testing.assert_allclose(truth.log_p_at(POINTS), -2.5 * math.log(2 * math.pi))
    with pytest.raises(NotApplicable, match="no lattice covers 5 dimensions"):
        ON_SUPPORT[member](truth)


@pytest.mark.parametrize(
    ("dataset", "kind"),
    [
        (Normal(), TruthOnSupport),
        (BoltzmannMachine(units=3), TruthOnSupport),
        (Normal(dim=5), TruthAtPoints),
        (Regression(), TruthAtPoints),
        (Normal(hidden=True), Truth),
        (Normal(dim=5, hidden=True), Truth),
    ],
)
def test_how_much_is_known(dataset: Dataset, kind: type[Truth]) -> None:
    truth = truth_of(dataset, 10)
    assert type(truth) is kind
    assert truth.on_support is (kind is TruthOnSupport)
    assert truth.dataset is dataset
