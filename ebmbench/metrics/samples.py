"""How far samples are from data. Distances between (n, d) and (m, d) points, in the data's own units."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ebmbench.contracts.exponentials import NOTHING
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext

BANDWIDTHS = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Of the Gaussian kernels, in units of the data's spread: the median heuristic is blind to fine structure."""
MMD_POINTS = 2000
ASSIGNED_POINTS = 1000
PROJECTIONS = 64


def unbiased_mmd2(x: Tensor, y: Tensor, bandwidths: Tensor) -> float:
    """The unbiased estimate of MMD^2 with the mean of Gaussian kernels (Gretton et al. 2012, eq. 3); may be negative.

    Args:
        x: (n, d).
        y: (m, d).
        bandwidths: standard deviations of the kernels.
    """
    within = [_kernel_mean(torch.pdist(points).square_(), bandwidths) for points in (x, y)]
    return float(within[0] + within[1] - 2 * _kernel_mean(torch.cdist(x, y).square_(), bandwidths))


def _kernel_mean(squared: Tensor, bandwidths: Tensor) -> Tensor:
    """The mean of exp(-squared / 2 b^2) over all distances and bandwidths.

    A kernel half as wide is the fourth power, which costs a tenth of the exponential.
    """
    means, last, kernel = [], math.inf, torch.zeros(0)
    for width in sorted(bandwidths.tolist(), reverse=True):
        halved = math.isclose(width, last / 2)
        kernel = kernel.square_().square_() if halved else torch.exp((squared / (-2 * width**2)).clamp_min_(NOTHING))
        means.append(kernel.mean())
        last = width
    return torch.stack(means).mean()


def sliced_w2(x: Tensor, y: Tensor, directions: Tensor) -> float:
    """The root mean over directions of the squared 2-Wasserstein distance of the projections (Bonneel et al. 2015).

    Args:
        x: (n, d).
        y: (n, d): as many points.
        directions: (k, d) unit vectors.
    """
    along_x = (x @ directions.T).sort(0).values
    along_y = (y @ directions.T).sort(0).values
    return float((along_x - along_y).square().mean().sqrt())


def unbiased_energy_distance(x: Tensor, y: Tensor) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| without the pairs of a point with itself; may be negative."""
    n, m = len(x), len(y)
    within_x = torch.cdist(x, x).sum() / (n * (n - 1))
    within_y = torch.cdist(y, y).sum() / (m * (m - 1))
    return float(2 * torch.cdist(x, y).mean() - within_x - within_y)


def exact_w2(x: Tensor, y: Tensor) -> float:
    """The 2-Wasserstein distance of two sets of as many points, by the best assignment."""
    from scipy.optimize import linear_sum_assignment

    cost = torch.cdist(x, y).square().numpy()
    rows, columns = linear_sum_assignment(cost)
    return float(math.sqrt(cost[rows, columns].mean()))


def half_circle(n: int) -> Tensor:
    """``n`` unit vectors of the plane spread evenly over half a turn: a quadrature of all directions."""
    angle = (torch.arange(n, dtype=torch.float64) + 0.5) * (math.pi / n)
    return torch.stack([angle.cos(), angle.sin()], -1)


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _all(c: EvalContext) -> int:
    """As many points as there are of both."""
    return min(c.evaluation.protocol.samples, len(c.evaluation.reference))


def mmd2(c: EvalContext) -> float:
    """MMD^2 = E k(X, X') + E k(Y, Y') - 2 E k(X, Y), unbiased, X samples, Y test points, k a sum of Gaussian kernels.

    Needs samples and test points.
    """
    bandwidths = torch.tensor(BANDWIDTHS, dtype=torch.float64) * c.evaluation.spread
    # float32 halves the cost; the kernel sums are of order one and their error of order 1e-7
    return unbiased_mmd2(c.samples(MMD_POINTS).float(), c.reference(MMD_POINTS).float(), bandwidths.float())


def sliced_wasserstein(c: EvalContext) -> float:
    """SW = sqrt of the mean over directions v of W_2^2(v.X, v.Y), X samples, Y test points.

    Needs samples and test points of the plane.
    """
    n = _all(c)
    if c.truth.dataset.domain.dim != 2:
        raise NotApplicable("directions are laid out for the plane only")
    return sliced_w2(c.samples(n), c.reference(n), half_circle(PROJECTIONS))


def energy_distance(c: EvalContext) -> float:
    """D = 2 E|X - Y| - E|X - X'| - E|Y - Y'|, unbiased, X samples, Y test points. Needs samples and test points."""
    return unbiased_energy_distance(c.samples(MMD_POINTS), c.reference(MMD_POINTS))


def wasserstein2(c: EvalContext) -> float:
    """W_2 = sqrt(min over pairings of the mean |x_i - y_i|^2), exact, x samples, y test points.

    Needs samples and test points.
    """
    n = min(ASSIGNED_POINTS, len(c.evaluation.reference))
    return exact_w2(c.samples(n), c.reference(n))


def mode_kl(c: EvalContext) -> float:
    """KL = sum_k b_k log(b_k / a_k), a, b = the shares of mode k among samples and test points; each mode has one more.

    Needs samples, test points and modes.
    """
    _need_modes(c)
    n = _all(c)
    found, due = ((_mode_shares(c, points) * n + 1) / (n + c.truth.modes) for points in (c.samples(n), c.reference(n)))
    found, due = found / found.sum(), due / due.sum()
    return float((due * (due / found).log()).sum())


def _need_modes(c: EvalContext) -> None:
    if c.truth.modes < 2:
        raise NotApplicable("the distribution is in one piece")


def _mode_shares(c: EvalContext, points: Tensor) -> Tensor:
    index = c.truth.dataset.assign_mode(points)
    return torch.bincount(index[index >= 0], minlength=c.truth.modes) / len(points)
