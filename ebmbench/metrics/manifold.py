"""How the energy rises off the manifold, and whether going down it leads back: functions of energies at chosen points.

Distances are in units of the manifold's width, the standard deviation of the data about it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Manifold
from ebmbench.contracts.surface import input_gradient
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.truth.normalizer import Array, as_array

POINTS = 500
"""Points of the manifold that are looked at."""
DISTANCES = np.geomspace(0.25, 3.0, 10)
"""Off the manifold, where growth is measured: from within the noise to well outside it."""
RISING = 0.75
"""The share of the lines to one side of the manifold that must rise: on a slope, however steep, half of them do."""
PROBE = 0.5
"""Half the base of the second differences."""
SHELL = (2.0, 4.0)
"""Distances of the shell: outside the data, and nearer to them than anything uniform."""
STARTS = 256
"""Points that are led back to the manifold."""
START_DISTANCE = 3.0
"""Standard deviation of their distance along each axis."""
DESCENT_STEPS = 100
FIRST_STEP = 0.3
"""Of the descent: so far it may go in one step at first."""
NEAR = 2.0
"""A point is back on the manifold when it is no farther from it than this."""


@dataclass(frozen=True)
class Fit:
    """log rise = intercept + exponent * log distance, by least squares, and the share of the variance explained."""

    exponent: float
    r2: float


def power_law(distance: Array, rise: Array) -> Fit:
    """The power of the distance that the rise follows: the median over lines of each line's own.

    Args:
        distance: (k,).
        rise: (k, lines): above the energy where each line begins.

    Raises:
        NotApplicable: if the energy does not rise at every distance on most lines.
    """
    rising = (rise > 0).all(0)
    if rising.mean() < RISING:
        raise NotApplicable("the energy does not rise at every distance on three in four of the lines off the manifold")
    x, y = np.log(distance), np.log(rise[:, rising])
    exponent, intercept = np.polyfit(x, y, 1)
    left = np.square(y - intercept - np.outer(x, exponent)).sum(0)
    total = np.square(y - y.mean(0)).sum(0)
    return Fit(float(np.median(exponent)), float(np.median(1 - left / total)))


def manifold_of(evaluation: Evaluation) -> Manifold:
    """The dataset's manifold.

    Raises:
        NotApplicable: if it has none.
    """
    evaluation.truth.require_unconditional()
    manifold = evaluation.truth.dataset.manifold
    if manifold is None:
        raise NotApplicable("these data scatter about no known curve or point")
    return manifold


@dataclass(frozen=True)
class Neighborhood:
    """The energy on the manifold (n,), and at the given offsets on both sides of it along a direction (k, 2 n)."""

    on: Array
    off: Array

    @property
    def rise(self) -> Array:
        """Mean rise at each offset, (k,): over both sides, so that what is linear cancels."""
        return np.asarray(self.off.mean(1) - self.on.mean(), dtype=np.float64)

    @property
    def rises(self) -> Array:
        """The rise at each offset on each line, (k, 2 n): to one side, so that nothing cancels."""
        return np.asarray(self.off - np.tile(self.on, 2), dtype=np.float64)


def along(evaluation: Evaluation, distances: Array, tangent: bool = False) -> Neighborhood:
    """The energy at points of the manifold and at ``distances`` (k,) from them, along the normal or the tangent."""
    manifold = manifold_of(evaluation)
    points, direction = manifold.draw(POINTS, Generator().manual_seed(evaluation.seed))
    if tangent:
        if manifold.dim == 0:
            raise NotApplicable("a point has no tangent")
        direction = torch.stack([-direction[:, 1], direction[:, 0]], -1)
    offsets = torch.from_numpy(distances)[:, None, None] * manifold.width * direction
    both = torch.cat([points + offsets, points - offsets], 1)
    energy = evaluation.energy_at(torch.cat([points, both.flatten(0, 1)]))
    return Neighborhood(energy[:POINTS], energy[POINTS:].reshape(len(distances), -1))


def descend(evaluation: Evaluation, start: Tensor, width: float) -> Tensor:
    """Where going down the energy from ``start`` (n, d) ends: its steps a cosine from 0.3 widths to nothing.

    Each point's gradient is averaged and divided by its own root mean square length, as Adam does for each coordinate
    (Kingma & Ba 2015, algorithm 1): the steps do not depend on the scale of the energy, which a ranking energy has none
    of; and, unlike Adam's, they lead down the gradient whichever way the axes lie.
    """
    y = start.to(evaluation.like)
    mean, power = torch.zeros_like(y), y.new_zeros(len(y), 1)
    for step in range(DESCENT_STEPS):
        gradient = input_gradient(evaluation.surface, y)[1]
        mean = 0.9 * mean + 0.1 * gradient
        power = 0.99 * power + 0.01 * gradient.square().sum(-1, keepdim=True)
        length = (power / (1 - 0.99 ** (step + 1))).sqrt() + torch.finfo(y.dtype).tiny ** 0.5
        rate = FIRST_STEP * width * 0.5 * (1 + np.cos(np.pi * step / DESCENT_STEPS))
        y = y - rate / (1 - 0.9 ** (step + 1)) * mean / length
    return y.detach().cpu().double()


@dataclass(frozen=True)
class Descents:
    """Where points off the manifold are led by the energy: starts, ends, and the ends of a second descent."""

    start: Tensor
    end: Tensor
    again: Tensor


def descents(evaluation: Evaluation) -> Descents:
    """Descents from points of the manifold moved by normal noise of three widths."""
    manifold = manifold_of(evaluation)
    generator = Generator().manual_seed(evaluation.seed)
    points, _ = manifold.draw(STARTS, generator)
    noise = torch.randn(points.shape, generator=generator, dtype=torch.float64)
    start = points + START_DISTANCE * manifold.width * noise
    end = descend(evaluation, start, manifold.width)
    return Descents(start, end, descend(evaluation, end, manifold.width))


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def growth_exponent(c: EvalContext) -> float:
    """b of F(m + d n) - F(m) ~ d^b, m on the manifold, n a normal to one side, d from 1/4 to 3 widths; 2: a parabola.

    The median over lines, of which three in four must rise at every distance: a parabola with its bottom elsewhere is
    a slope here, and falls to one side.
    Needs the manifold.
    """
    return power_law(DISTANCES, along(c.evaluation, DISTANCES).rises).exponent


def growth_r2(c: EvalContext) -> float:
    """R^2 = the share of the variance of log rise that the law of ``growth_exponent`` explains, median over lines.

    Needs the manifold.
    """
    return power_law(DISTANCES, along(c.evaluation, DISTANCES).rises).r2


def curvature_normal(c: EvalContext) -> float:
    """w^2 E[F(m + h n) - 2 F(m) + F(m - h n)] / h^2, n the normal, w the width, h = w / 2; about 1 for the truth.

    Needs the manifold.
    """
    return _curvature(c, tangent=False)


def curvature_tangent(c: EvalContext) -> float:
    """w^2 E[F(m + h t) - 2 F(m) + F(m - h t)] / h^2, t the tangent, w the width, h = w / 2; about 0 for the truth.

    Needs a manifold with a tangent.
    """
    return _curvature(c, tangent=True)


def _curvature(c: EvalContext, tangent: bool) -> float:
    near = along(c.evaluation, np.array([PROBE]), tangent)
    return float(2 * c.beta_used * near.rise[0] / PROBE**2)


def auroc_shell(c: EvalContext) -> float:
    """AUROC = P(F(y) < F(m + d n)), y of the data, m on the manifold, n its normal, d from 2 to 4 widths.

    Needs the manifold.
    """
    manifold = manifold_of(c.evaluation)
    generator = Generator().manual_seed(c.evaluation.seed)
    n = len(c.evaluation.test)
    points, normal = manifold.draw(n, generator)
    low, high = SHELL
    distance = low + (high - low) * torch.rand(n, 1, generator=generator, dtype=torch.float64)
    side = 2.0 * torch.randint(2, (n, 1), generator=generator) - 1
    return pairwise_auroc(
        c.evaluation.energy_test, c.evaluation.energy_at(points + side * manifold.width * distance * normal)
    )


def pairwise_auroc(positive: Array, negative: Array) -> float:
    """The probability that a positive has the lower energy; ties count half (the Mann-Whitney statistic)."""
    from scipy.stats import rankdata

    n = len(positive)
    above = rankdata(np.concatenate([positive, negative]))[:n].sum() - n * (n + 1) / 2
    return float(1 - above / (n * len(negative)))


def projection_error(c: EvalContext) -> float:
    """mean |end - m(start)| / w, m(start) = the point of the manifold nearest to a descent's start, w its width.

    Needs the manifold.
    """
    found, manifold = c.evaluation.once(descents), manifold_of(c.evaluation)
    gap = (found.end - manifold.closest(found.start)).norm(dim=-1)
    return float(gap.mean()) / manifold.width


def projection_residual(c: EvalContext) -> float:
    """mean |end - m(end)| / w, m(end) = the point of the manifold nearest to where a descent of F ends, w its width.

    Needs the manifold.
    """
    return float(_residual(c.evaluation).mean())


def projection_success(c: EvalContext) -> float:
    """P(|end - m(end)| < 2 w) = the share of descents of F that end within two widths of the manifold.

    Needs the manifold.
    """
    return float((_residual(c.evaluation) < NEAR).mean())


def projection_drift(c: EvalContext) -> float:
    """mean |end' - end| / w, end' = where a second descent from the end of the first leads: 0 for a projection.

    Needs the manifold.
    """
    found = c.evaluation.once(descents)
    return float((found.again - found.end).norm(dim=-1).mean()) / manifold_of(c.evaluation).width


def _residual(evaluation: Evaluation) -> Array:
    end, manifold = evaluation.once(descents).end, manifold_of(evaluation)
    return as_array((end - manifold.closest(end)).norm(dim=-1)) / manifold.width
