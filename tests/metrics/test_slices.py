"""Given y1, predict y2: normal distributions have every answer in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, Rings
from ebmbench.metrics import slices
from ebmbench.metrics.context import EvalContext
from tests.factories import TrueEnergy, make_evaluation

RHO = 0.8


class Correlated(Dataset):
    """A normal on the plane with unit variances."""

    rho: float = RHO

    @property
    def domain(self) -> Box:
        return square(7)

    def sample(self, n: int, generator: Generator) -> Batch:
        z = torch.randn(n, 2, generator=generator, dtype=torch.float64)
        second = self.rho * z[:, 0] + math.sqrt(1 - self.rho**2) * z[:, 1]
        return Batch(torch.stack([z[:, 0], second], -1))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        rest = 1 - self.rho**2
        quadratic = (y[:, 0] ** 2 - 2 * self.rho * y[:, 0] * y[:, 1] + y[:, 1] ** 2) / rest
        return -quadratic / 2 - math.log(2 * math.pi * math.sqrt(rest))


def held(dataset: Dataset, surface: Surface | None = None, cells: int = 300) -> EvalContext:
    evaluation = make_evaluation(surface or TrueEnergy(dataset), dataset, cells=cells, n=(1000, 20_000))
    return EvalContext(evaluation, "raw")


def test_divergence_of_the_conditionals_of_two_normals() -> None:
    """y2 | y1 ~ N(r y1, 1 - r^2); against N(r' y1, 1 - r'^2), over y1 ~ N(0, 1). The marginals are equal."""
    ours, theirs = Correlated(rho=0.8), Correlated(rho=0.3)
    v, w = 1 - 0.8**2, 1 - 0.3**2
    expected = 0.5 * (math.log(w / v) + (v + (0.8 - 0.3) ** 2) / w - 1)
    assert slices.conditional_kl(held(ours, TrueEnergy(theirs))) == pytest.approx(expected, abs=1e-4)
    assert slices.conditional_kl(held(ours)) == pytest.approx(0, abs=1e-9)


def test_what_is_wrong_about_y1_alone_does_not_count() -> None:
    """q = p(y2 | y1) q(y1): the joint divergence is that of the marginals, that of the slices is zero."""
    truth = Correlated()

    class Reweighted(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y) + 2 * torch.sin(y[:, 0])

    assert slices.conditional_kl(held(truth, Reweighted(truth))) == pytest.approx(0, abs=1e-9)


def test_the_axes_are_not_mixed_up() -> None:
    """The wrong twin: predicting y1 from y2 has another answer where the two are not alike."""
    truth = Correlated()

    class Reweighted(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y) + 2 * torch.sin(y[:, 1])

    assert slices.conditional_kl(held(truth, Reweighted(truth))) > 0.1


def test_likelihood_of_the_truth_is_the_conditional_entropy() -> None:
    expected = 0.5 * math.log(2 * math.pi * math.e * (1 - RHO**2))
    assert slices.conditional_nll(held(Correlated())) == pytest.approx(expected, abs=1e-4)


def test_one_draw_of_the_truth_errs_by_root_two_of_the_mean() -> None:
    assert slices.best_of_1(held(Correlated())) == pytest.approx(math.sqrt(2), abs=0.02)


def test_the_best_of_ten_is_the_expected_least_error() -> None:
    """E min_k (e - e_k)^2 with normal e and e_k, by simulation; in units of their variance."""
    rng = np.random.default_rng(0)
    error = rng.normal(size=(200_000, 1)) - rng.normal(size=(200_000, 10))
    expected = math.sqrt(np.square(error).min(1).mean())
    assert slices.best_of_10(held(Correlated())) == pytest.approx(expected, rel=0.05)


def test_the_blurry_prediction_is_beaten_by_ten_guesses_and_not_by_one() -> None:
    """The lecture's point, on rings: the conditional mean lies where no data are."""
    c = held(Rings())
    assert slices.best_of_10(c) < 0.5
    assert slices.best_of_1(c) > 1.3


def test_draws_that_ignore_y1_are_worse() -> None:
    """Independent coordinates: the error of one draw is sqrt((1 + 1) / (1 - r^2)) of the mean's."""
    c = held(Correlated(), TrueEnergy(Correlated(rho=0.0)))
    assert slices.best_of_1(c) == pytest.approx(math.sqrt(2 / (1 - RHO**2)), rel=0.03)


def test_branches_of_a_slice() -> None:
    y = np.linspace(-4, 4, 400)
    two = np.logaddexp(-0.5 * ((y - 2) / 0.3) ** 2, -0.5 * ((y + 2) / 0.3) ** 2)
    assert y[slices.branches(two)] == pytest.approx([-2, 2], abs=0.02)
    low = np.logaddexp(two, -5 - 0.5 * (y / 0.3) ** 2)  # a branch of e^-5 is none
    assert len(slices.branches(low)) == 2
    assert len(slices.branches(np.cos(40 * y) * 0.2 - y**2 / 2)) == 1  # nor is a ripple
    edge = -np.abs(y + 4)
    assert slices.branches(edge).tolist() == [0]  # a peak at the edge is one


def test_branches_that_are_lost_are_missed() -> None:
    truth = EightGaussians()
    assert slices.conditional_modes(held(truth)) == 1

    class Upper(TrueEnergy):
        """Only the branch above: the lower half of the plane is forbidden."""

        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y) + 50 * (y[:, 1] < -0.7)

    found = slices.conditional_modes(held(truth, Upper(truth)))
    assert found == pytest.approx(5 / 8, abs=0.08)  # of eight clusters three lie below


def test_a_branch_elsewhere_is_not_one_that_is_due() -> None:
    truth = EightGaussians()

    class Moved(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y - torch.tensor([0.0, 1.0]))

    assert slices.conditional_modes(held(truth, Moved(truth))) < 0.2


def test_a_branch_with_a_flat_top_is_found_wherever_the_peak_on_it_stands() -> None:
    y = np.linspace(-4, 4, 400)
    flat = -50.0 * (np.abs(y) > 1)
    tilted, step = flat + 0.1 * y, np.full(len(y), math.log(y[1] - y[0]))
    p, q = (slices.Slices(np.stack([f] * 8), step) for f in (flat, tilted))
    assert slices.branch_recall(p, q, np.ones(8), reach=3) == 1
    elsewhere = slices.Slices(np.stack([np.roll(flat, 120)] * 8), p.log_step)
    assert slices.branch_recall(p, elsewhere, np.ones(8), reach=3) == 0
