"""Growth, curvature and descents: energies that are functions of the distance to a circle have closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, Rings, SmoothCheckerboard
from ebmbench.errors import NotApplicable
from ebmbench.metrics import manifold
from ebmbench.metrics.context import EvalContext
from tests.factories import make_evaluation

RING = Rings(radii=(2.0,), sigma=0.1)


class OfDistance(Surface):
    """An energy that is a function of the distance from the dataset's manifold, in widths."""

    def __init__(self, dataset: Dataset, shape: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.dataset, self.shape = dataset, shape

    def distance(self, y: Tensor) -> Tensor:
        """From the ring in closed form, from other manifolds by their own nearest points."""
        known = self.dataset.manifold
        assert known is not None
        away: Tensor = (y.norm(dim=-1) - 2).abs() if self.dataset is RING else (y - known.closest(y)).norm(dim=-1)
        return away / known.width

    def forward(self, y: Tensor) -> Tensor:
        return self.shape(self.distance(y))


def held(surface: Surface, dataset: Dataset = RING, variant: str = "raw", n: int = 3000) -> EvalContext:
    return EvalContext(make_evaluation(surface, dataset, n=(1000, n)), variant)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_the_exponent_of_growth_is_that_of_the_energy(power: float) -> None:
    c = held(OfDistance(RING, lambda d: 7 * d**power + 3))
    assert manifold.growth_exponent(c) == pytest.approx(power, abs=1e-3)
    assert manifold.growth_r2(c) == pytest.approx(1, abs=1e-6)


def test_an_exponent_that_differs_from_line_to_line_is_the_median() -> None:
    """Two thirds of the lines are parabolas and a third cones; one in five that does not rise is left out."""
    distance, lines = manifold.DISTANCES[:, None], np.ones(60)
    rise = np.concatenate([distance**2 * lines[:32], distance * lines[:16], -distance * lines[:12]], 1)
    assert manifold.power_law(manifold.DISTANCES, rise).exponent == pytest.approx(2)
    with pytest.raises(NotApplicable, match="three in four of the lines"):
        manifold.power_law(manifold.DISTANCES, np.concatenate([rise[:, :48], -distance * lines[:32]], 1))


def test_a_rise_that_is_no_power_shows_in_r2() -> None:
    c = held(OfDistance(RING, lambda d: torch.expm1(6 * (d - 1).clamp_min(0)) + 0.01 * d))
    assert manifold.growth_r2(c) < 0.9


class Tilted(OfDistance):
    """A slope through the points of the manifold."""

    def forward(self, y: Tensor) -> Tensor:
        energy: Tensor = super().forward(y) + 40 * (y.norm(dim=-1) - 2)
        return energy


class Far(Surface):
    """A parabola about one point far away: the same second difference everywhere."""

    def forward(self, y: Tensor) -> Tensor:
        return (y - 50).square().sum(-1)


NO_GROWTH: dict[str, Surface] = {
    "a slope across the manifold": Tilted(RING, lambda d: d**2),
    "a parabola elsewhere": Far(),
    "a flat valley": OfDistance(RING, lambda d: (d - 1).clamp_min(0) ** 2),
    "an energy that falls": OfDistance(RING, lambda d: -d),
    "a constant": OfDistance(RING, lambda d: 0 * d),
}


@pytest.mark.parametrize("name", NO_GROWTH)
def test_what_does_not_grow_off_the_manifold_has_no_exponent(name: str) -> None:
    with pytest.raises(NotApplicable, match="the energy does not rise at every distance on"):
        manifold.growth_exponent(held(NO_GROWTH[name]))


@pytest.mark.parametrize("name", ["a slope across the manifold", "a parabola elsewhere"])
def test_the_mean_over_both_sides_would_not_see_it(name: str) -> None:
    """The wrong twin reads 2 and an R^2 of 1 of any parabola anywhere."""
    rise = manifold.along(held(NO_GROWTH[name]).evaluation, manifold.DISTANCES).rise
    twin = manifold.power_law(manifold.DISTANCES, rise[:, None])
    assert twin.exponent == pytest.approx(2, abs=0.02)
    assert twin.r2 > 0.999


def test_data_without_a_manifold_say_so() -> None:
    with pytest.raises(NotApplicable, match="no known curve"):
        manifold.growth_exponent(held(OfDistance(RING, lambda d: d), SmoothCheckerboard()))


def test_curvature_of_a_parabola_and_of_the_truth() -> None:
    """F = a d^2 / 2 has a across; along the tangent of a circle of radius r a step h leaves it by h^2 / 2 r."""
    a, h = 3.0, manifold.PROBE * RING.sigma
    c = held(OfDistance(RING, lambda d: a * d**2 / 2))
    assert manifold.curvature_normal(c) == pytest.approx(a, rel=1e-4)
    rise = a * (math.hypot(2, h) - 2) ** 2 / 2 / RING.sigma**2
    assert manifold.curvature_tangent(c) == pytest.approx(2 * rise / manifold.PROBE**2, rel=1e-3)
    fitted = held(OfDistance(RING, lambda d: a * d**2 / 2), variant="beta")
    assert manifold.curvature_normal(fitted) == pytest.approx(1, abs=0.1)  # at its best temperature it is the noise's


def test_points_have_no_tangent() -> None:
    with pytest.raises(NotApplicable, match="no tangent"):
        manifold.curvature_tangent(held(OfDistance(EightGaussians(), lambda d: d**2), EightGaussians()))


def test_auroc_of_pairs_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(size=300).round(1), rng.normal(0.7, size=500).round(1)  # rounded: with ties
    labels = np.repeat([1, 0], [300, 500])
    expected = roc_auc_score(labels, -np.concatenate([positive, negative]))
    assert manifold.pairwise_auroc(positive, negative) == pytest.approx(expected, abs=1e-12)
    assert manifold.pairwise_auroc(negative, positive) == pytest.approx(1 - expected, abs=1e-12)


def test_auroc_of_the_shell_is_the_closed_form() -> None:
    """|z| of data against 2 to 4 widths, uniform: P(|z| < u) = mean of erf(u / sqrt 2)."""
    c = held(OfDistance(RING, lambda d: d), n=20_000)
    u = np.linspace(2, 4, 10_001)
    expected = np.mean([math.erf(v / math.sqrt(2)) for v in u])
    assert manifold.auroc_shell(c) == pytest.approx(expected, abs=2e-3)
    assert manifold.auroc_shell(held(OfDistance(RING, lambda d: -d))) == pytest.approx(1 - expected, abs=4e-3)


def test_descents_of_the_distance_are_projections() -> None:
    c = held(OfDistance(RING, lambda d: d**2))
    assert manifold.projection_error(c) < 0.1
    assert manifold.projection_residual(c) < 0.05
    assert manifold.projection_success(c) == 1
    assert manifold.projection_drift(c) < 0.1


@pytest.mark.long
def test_descents_do_not_depend_on_the_scale_of_the_energy() -> None:
    small, large = (held(OfDistance(RING, shape)) for shape in (torch.square, lambda d: 1e4 * d**2))
    ends = [c.evaluation.once(manifold.descents).end for c in (small, large)]
    assert torch.allclose(ends[0], ends[1], atol=1e-6)


def test_an_energy_with_its_well_elsewhere_does_not_lead_back() -> None:
    """The wrong twin: descending to a circle five widths away is a projection, but not onto the manifold."""

    class Elsewhere(Surface):
        def forward(self, y: Tensor) -> Tensor:
            off: Tensor = y.norm(dim=-1) - 2.5
            return off.square()

    c = held(Elsewhere())
    assert manifold.projection_drift(c) < 0.2
    assert manifold.projection_residual(c) == pytest.approx(5, abs=0.1)
    assert manifold.projection_success(c) == 0
    assert manifold.projection_error(c) > 4.5


def test_climbing_is_noticed() -> None:
    """The wrong twin of a descent: the same energy with its sign flipped leads away."""
    assert manifold.projection_success(held(OfDistance(RING, lambda d: -(d**2)))) < 0.2


def test_on_one_axis_the_descent_is_torchs_adam() -> None:
    """Where only one coordinate has a gradient, a length of its own for each point is Adam's for each coordinate."""

    class Wells(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return (y[:, 0].square() - 1).square()

    c = held(Wells())
    start = torch.tensor([[1.3, 0.1], [0.4, -1.0], [-0.2, 0.0]], dtype=torch.float64)
    ours = manifold.descend(c.evaluation, start, RING.sigma)
    y = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([y], lr=1.0, betas=(0.9, 0.99), eps=1e-150)
    for step in range(manifold.DESCENT_STEPS):
        cosine = 0.5 * (1 + math.cos(math.pi * step / manifold.DESCENT_STEPS))
        optimizer.param_groups[0]["lr"] = manifold.FIRST_STEP * RING.sigma * cosine
        optimizer.zero_grad()
        c.evaluation.surface(y).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert torch.allclose(ours, y.detach(), atol=1e-8)


def test_the_descent_knows_no_axes() -> None:
    """Adam's own, with a length for each coordinate, would slide along the circle (the twin that this rejects)."""
    c = held(OfDistance(RING, lambda d: d**2))
    start = torch.tensor([[2.3, 0.4]], dtype=torch.float64)
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64)
    turned = manifold.descend(c.evaluation, start @ turn.T, RING.sigma)
    assert torch.allclose(turned, manifold.descend(c.evaluation, start, RING.sigma) @ turn.T, atol=0.01 * RING.sigma)
