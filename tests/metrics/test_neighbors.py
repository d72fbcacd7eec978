"""Precision, recall, density, coverage and the classifier: as their papers define them, and where chance is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from torch import Generator, Tensor

from ebmbench.metrics import neighbors
from ebmbench.metrics.context import EvalContext
from ebmbench.truth.normalizer import Array, as_array
from tests.factories import Normal, TrueEnergy, make_evaluation


def draws(n: int, seed: int, shift: float = 0.0) -> Array:
    """Standard normal draws of the plane, moved along the first axis."""
    y = Normal().sample(n, Generator().manual_seed(seed)).y
    moved: Array = as_array(y) + np.array([shift, 0.0])
    return moved


def prdc(real: Array, fake: Array, k: int) -> tuple[float, float, float, float]:
    """The four numbers as their paper defines them, from all distances."""

    def radius(points: Array) -> Array:
        return np.asarray(np.sort(cdist(points, points), axis=1)[:, k])

    between = cdist(real, fake)
    in_real, in_fake = between < radius(real)[:, None], between < radius(fake)
    return (
        float(in_real.any(0).mean()),
        float(in_fake.any(1).mean()),
        float(in_real.sum(0).mean() / k),
        float((between.min(1) < radius(real)).mean()),
    )


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_neighborhoods_are_as_defined(shift: float) -> None:
    real, fake = draws(400, 0), draws(300, 1, shift)
    ours = (
        (neighbors.ball_counts(real, fake, 5) > 0).mean(),
        (neighbors.ball_counts(fake, real, 5) > 0).mean(),
        neighbors.ball_counts(real, fake, 5).mean() / 5,
        neighbors.covered(real, fake, 5),
    )
    assert ours == pytest.approx(prdc(real, fake, 5))


def test_truth_against_truth_has_the_known_expectations() -> None:
    real, fake = draws(4000, 0), draws(4000, 1)
    assert neighbors.covered(real, fake, 5) == pytest.approx(1 - 2.0**-5, abs=0.01)
    assert neighbors.ball_counts(real, fake, 5).mean() / 5 == pytest.approx(1, abs=0.03)


@pytest.mark.long
def test_a_classifier_is_at_chance_on_the_same_law_and_at_bayes_on_a_shift() -> None:
    """Two normals a distance 2 apart: the best accuracy is Phi(1)."""
    same = neighbors.classifier_accuracy(draws(1000, 0), draws(1000, 1), 0)
    assert same == pytest.approx(0.5, abs=0.035)
    apart = neighbors.classifier_accuracy(draws(1000, 2), draws(1000, 3, 2.0), 0)
    assert apart == pytest.approx(norm.cdf(1), abs=0.03)


def test_the_reach_of_a_center_is_its_kth_neighbor_among_the_others() -> None:
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert neighbors.reach(line, 1).tolist() == [1, 1, 2, 4]
    assert neighbors.reach(line, 2).tolist() == [3, 2, 3, 6]


def test_balls_are_open() -> None:
    """What lies as far as the k-th neighbor itself is not inside."""
    line = np.array([[0.0], [1.0], [3.0]])
    assert neighbors.ball_counts(line, np.array([[-1.0], [-0.9], [2.0]]), 1).tolist() == [0, 1, 1]
    assert neighbors.covered(line, np.array([[-1.0]]), 1) == 0
    assert neighbors.covered(line, np.array([[-0.9]]), 1) == pytest.approx(1 / 3)


# --- the metrics of the catalog --------------------------------------------------------------------------------------


class Halved(TrueEnergy):
    """Samples of the right half of the normal alone, which are all precise and recall half."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        y = self.dataset.sample(n, generator).y
        y[:, 0] = y[:, 0].abs()
        return y


@cache
def halved() -> EvalContext:
    return EvalContext(make_evaluation(Halved(Normal()), Normal(), cells=20, n=(10, 1000)), "native")


def test_the_metrics_are_the_four_numbers_of_samples_against_test_points() -> None:
    """As many of each as there are test points, and the two are not mixed up."""
    evaluation = halved().evaluation
    real, fake = evaluation.test.y.numpy(), evaluation.native_samples[:1000].numpy()
    metrics = (neighbors.precision, neighbors.recall, neighbors.density, neighbors.coverage)
    found = tuple(metric(halved()) for metric in metrics)
    assert found == pytest.approx(prdc(real, fake, neighbors.NEIGHBORS))
    precision, recall, _, _ = found
    assert precision > 0.9 > 0.7 > recall


def test_the_classifier_of_the_catalog_sees_the_half_that_is_missing() -> None:
    """It knows all of the left half for data, and is at odds of two to one on the right: (1/2 + 1) / 2."""
    assert neighbors.c2st(halved()) == pytest.approx(0.75, abs=0.04)
