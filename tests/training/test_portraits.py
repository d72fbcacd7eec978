"""Pictures of a conditional energy: the density of y given x beside x, or at the middle of x."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ebmbench.datasets.conditional import Horn, TwoBranches
from ebmbench.datasets.sequences import Bounce
from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import ConditionalEvaluation, FuturesEvaluation
from ebmbench.training.portraits import foreseen, portrait
from ebmbench_plugins.reference.rows import TrueSurface
from tests.factories import Oracle, Regression, RegressionEnergy, TrueEnergy, make_evaluation


def held(surface: TrueEnergy) -> ConditionalEvaluation:
    found = make_evaluation(surface, surface.dataset, cells=100, n=100)
    assert isinstance(found, ConditionalEvaluation)
    return found


class Lifted(Oracle):
    """The true energy of two branches, and 3 x on top."""

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return super().forward(y) + 3 * self.context_of(len(y))[:, 0]


@pytest.mark.parametrize("surface", [Oracle(TwoBranches()), Lifted(TwoBranches())], ids=["true", "lifted"])
def test_each_column_is_the_density_of_its_own_context(surface: Oracle) -> None:
    """At the fitted temperature b the picture is b log p(y | x), normalized in each column, whatever is added for x."""
    evaluation = held(surface)
    drawn, beta = portrait(evaluation, 60), evaluation.beta
    assert drawn.plane.low == (-3.0, *TwoBranches().domain.low)
    assert drawn.log_p is not None
    width = (drawn.plane.high[1] - drawn.plane.low[1]) / 60
    mass = np.exp(-beta * drawn.energy).reshape(60, 60).sum(1) * width
    np.testing.assert_allclose(mass, 1, atol=1e-6)
    scaled = np.exp(beta * drawn.log_p.reshape(60, 60))
    scaled /= scaled.sum(1, keepdims=True) * width
    np.testing.assert_allclose(np.exp(-beta * drawn.energy).reshape(60, 60), scaled, atol=1e-5)
    total = np.exp(drawn.log_p).sum() * width * (drawn.plane.high[0] - drawn.plane.low[0]) / 60
    assert total == pytest.approx(1, abs=2e-2)


def test_of_two_coordinates_the_middle_context_is_drawn() -> None:
    horn = Horn(growth=0.5, sigma=0.2)
    drawn = portrait(held(Oracle(horn)), 40)
    assert drawn.log_p is not None
    np.testing.assert_allclose(drawn.energy, -drawn.log_p, atol=1e-9)
    x = torch.full((1600, 1), 0.5, dtype=torch.float64)
    np.testing.assert_allclose(drawn.log_p, horn.log_prob(drawn.support.points, x).numpy(), atol=1e-9)


def test_more_coordinates_are_not_drawn() -> None:
    evaluation = make_evaluation(RegressionEnergy(), Regression(), n=50)
    assert isinstance(evaluation, ConditionalEvaluation)
    with pytest.raises(NotApplicable, match="x with one coordinate"):
        portrait(evaluation, 20)


def test_what_is_foreseen_is_kept_as_it_is_laid_out() -> None:
    """Own guesses are the futures as often as their odds; an energy alone is gone down to them."""
    scenes = Bounce(steps=2)
    for surface in (TrueSurface(scenes), TrueEnergy(scenes)):
        evaluation = make_evaluation(surface, scenes, n=40)
        assert isinstance(evaluation, FuturesEvaluation)
        kept = foreseen(evaluation)
        assert kept["past"].shape == (2, 2, 16, 16)
        assert kept["futures"].shape == (2, 3, 2, 16, 16)
        assert kept["guesses"].shape == (2, 6, 2, 16, 16)
        assert evaluation.test.x is not None
        np.testing.assert_allclose(kept["past"].reshape(2, -1), evaluation.test.x[:2].numpy(), atol=1e-6)
        gaps = np.abs(kept["guesses"][:, :, None] - kept["futures"][:, None]).max((-1, -2, -3)).min(-1)
        assert gaps.max() < 0.05
