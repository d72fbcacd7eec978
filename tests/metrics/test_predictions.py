"""What a method predicts of y given x: both branches, one of them, the mean between them, or nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.surface import Surface
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.predictions import (
    mean_gap,
    nearest,
    predicted_1,
    predicted_10,
    prediction_precision,
    prediction_recall,
)
from tests.factories import Normal, Oracle, make_evaluation

DATA = TwoBranches(sigma=0.1)


class Guesser(Oracle):
    """The true energy, and guesses at these multiples of the upper branch, in turn."""

    def __init__(self, *places: float) -> None:
        super().__init__(DATA)
        self.places = torch.tensor(places, dtype=torch.float64)

    def guess(self, n: int, generator: Generator) -> Tensor:
        assert self.context is not None
        upper = DATA.upper(self.context).reshape(-1, 1)
        return (upper * self.places.repeat(-(-n // len(self.places)))[:n])[..., None]


def held(surface: Surface, n: int = 200) -> EvalContext:
    return EvalContext(make_evaluation(surface, DATA, cells=200, n=n), "raw")


def test_the_mean_between_the_branches_is_one_and_both_branches_leave_the_noise() -> None:
    assert predicted_10(held(Guesser(0.0))) == pytest.approx(1, abs=1e-9)
    upper = float(DATA.upper(DATA.sample_context(20_000, Generator().manual_seed(0))).square().mean())
    left = 0.1 / math.sqrt(upper + 0.01)
    assert predicted_10(held(Guesser(1.0, -1.0))) == pytest.approx(left, rel=0.15)
    assert predicted_1(held(Guesser(1.0, -1.0))) > 1.2, "one branch alone is wrong half of the time, by twice as much"


@pytest.mark.parametrize(
    ("places", "recall", "precision"),
    [((1.0, -1.0), 0.73, 1.0), ((1.0,), 0.365, 1.0), ((0.0,), 0.0, 0.0), ((1.0, -1.0, 0.0, 5.0), 0.73, 0.5)],
)
def test_recall_and_precision(places: tuple[float, ...], recall: float, precision: float) -> None:
    """Within a tenth of the spread, 1.1 sigma: P(|e| < 1.1 sigma) = .73 of the draws of a branch that is guessed."""
    context = held(Guesser(*places))
    reach = 0.1 * context.evaluation.spread / 0.1
    share = math.erf(reach / math.sqrt(2))
    assert prediction_recall(context) == pytest.approx(recall / 0.73 * share, abs=0.02)
    assert prediction_precision(context) == pytest.approx(precision, abs=0.02)


def test_draws_of_the_truth_cover_it() -> None:
    context = held(Oracle(DATA))
    assert prediction_recall(context) > 0.98
    assert prediction_precision(context) > 0.98


def test_the_mean_is_less_probable_than_the_data() -> None:
    """beta (F(0) - E F(y)) = f^2 / (2 s^2) - 1/2 - log 2 where the branches are far apart, a mean over x."""
    context = held(Oracle(DATA))
    x, y = context.evaluation.test.x, context.evaluation.test.y
    assert x is not None
    upper = DATA.upper(x).reshape(-1)
    off = (y.abs().reshape(-1) - upper) / 0.1
    expected = (upper.square() / 0.02 - math.log(2) - off.square() / 2).mean()
    assert mean_gap(context) == pytest.approx(float(expected), rel=1e-6)


def test_an_energy_alone_predicts_nothing() -> None:
    class Silent(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return y.square().sum(-1)

    for metric in (predicted_1, predicted_10, prediction_recall, prediction_precision):
        with pytest.raises(NotApplicable, match="the method predicts nothing itself"):
            metric(held(Silent()))


def test_without_a_context_nothing_is_predicted() -> None:
    context = EvalContext(make_evaluation(Oracle(Normal()), Normal(), cells=20, n=20), "raw")
    for metric in (predicted_1, prediction_recall, mean_gap):
        with pytest.raises(NotApplicable, match="nothing is predicted where the data depend on no context"):
            metric(context)


def test_the_nearest_of_others() -> None:
    points, others = torch.tensor([[[0.0], [3.0]]]), torch.tensor([[[1.0], [7.0], [2.5]]])
    assert nearest(points, others).tolist() == [[1.0, 0.5]]
