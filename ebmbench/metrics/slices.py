"""The lecture's first question: given y1, predict y2. Exact on the lattice of the plane, a row for each y1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Generator

from ebmbench.contracts.domain import Box
from ebmbench.metrics.context import EvalContext
from ebmbench.truth.normalizer import Array, as_array

PROMINENCE = 0.5
"""Nats by which a branch of y2 rises above the dip beside it."""
HEIGHT = 3.0
"""Nats: a lower branch of the same slice is none."""
TOLERANCE = 0.1
"""How near a branch must be found, in units of the data's spread."""
EACH = 4
"""Branches are counted in every fourth slice of the lattice."""
GUESSES = 10


@dataclass(frozen=True)
class Slices:
    """log densities (n, m) on a lattice of the plane, a row for each y1, with the log volume of a cell of y2."""

    log_density: NDArray[np.float64]
    log_step: float

    @property
    def log_margin(self) -> Array:
        """log density of y1, (n,), up to the constant that normalizes it."""
        return np.asarray(logsumexp(self.log_density, axis=1) + self.log_step, dtype=np.float64)

    @property
    def conditional(self) -> NDArray[np.float64]:
        """log density of y2 given y1, (n, m); rows without any mass are uniform."""
        margin = self.log_margin[:, None]
        flat = -self.log_step - np.log(self.log_density.shape[1])
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(margin), self.log_density - margin, flat)


def _plane(c: EvalContext) -> Box:
    return c.truth.normalizer.plane("y1 and y2 are the coordinates of a plane")


def slices(c: EvalContext, log_density: Array) -> Slices:
    """The rows of a density on the dataset's lattice."""
    _plane(c)
    lattice = c.truth.normalizer.domain
    return Slices(log_density.reshape(lattice.shape), float(lattice.cell[0, 1].log()))


def conditional_divergence(p: Slices, q: Slices, log_width: float) -> float:
    """E over y1 of KL(p(y2 | y1) || q(y2 | y1)), y1 drawn from p; ``log_width`` is the log volume of a cell of y1."""
    mass = np.exp(p.log_density + p.log_step + log_width)
    held = mass > 0
    return float((mass[held] * (p.conditional - q.conditional)[held]).sum())


def branches(log_density: Array) -> NDArray[np.int64]:
    """The places (k,) of the peaks of a slice: high enough, and parted from one another by dips."""
    from scipy.signal import find_peaks

    top = log_density.max()
    padded = np.concatenate([[-np.inf], log_density, [-np.inf]])
    padded = np.maximum(padded, top - 60)  # a finite floor: prominences need differences
    found, _ = find_peaks(padded, height=top - HEIGHT, prominence=PROMINENCE)
    return np.asarray(found - 1)


def due(log_density: Array) -> list[tuple[int, int]]:
    """The first and last cell of each branch: its peak, and what lies beside it without falling by ``PROMINENCE``.

    A branch with a flat top has its peak nowhere in particular.
    """
    found = []
    for peak in branches(log_density):
        low = np.flatnonzero(log_density < log_density[peak] - PROMINENCE)
        before, after = low[low < peak], low[low > peak]
        found.append((int(before[-1]) + 1 if len(before) else 0, int(after[0]) - 1 if len(after) else len(log_density)))
    return found


def branch_recall(p: Slices, q: Slices, weight: Array, reach: float) -> float:
    """The share of the true branches, slices weighted by their mass, that have one of q's within ``reach`` cells."""
    total = found = 0.0
    truth, model = p.conditional, q.conditional
    for row in np.flatnonzero(weight > 1e-4 * weight.max())[::EACH]:
        ours = branches(model[row])
        hits = [bool(((ours >= low - reach) & (ours <= high + reach)).any()) for low, high in due(truth[row])]
        found += weight[row] * sum(hits) / len(hits)
        total += weight[row]
    return float(found / total)


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _both(c: EvalContext) -> tuple[Slices, Slices, float]:
    p, q = slices(c, c.truth.log_p[c.truth.inside]), slices(c, c.log_q_inside)
    return p, q, float(c.truth.log_weight[0]) - p.log_step


def conditional_kl(c: EvalContext) -> float:
    """E KL(p(y2 | y1) || q(y2 | y1)) over y1 ~ p, in nats: what is left of KL(p || q) without that of y1."""
    return conditional_divergence(*_both(c))


def conditional_nll(c: EvalContext) -> float:
    """E -log q(y2 | y1) over p: conditional_kl and the entropy of y2 given y1."""
    p, _, log_width = _both(c)
    mass = np.exp(p.log_density + p.log_step + log_width)
    held = mass > 0
    return conditional_kl(c) - float((mass[held] * p.conditional[held]).sum())


def conditional_modes(c: EvalContext) -> float:
    """The share of the branches of y2 given y1 that the energy has too, within a tenth of the data's spread."""
    p, q, log_width = _both(c)
    reach = TOLERANCE * c.evaluation.spread / np.exp(p.log_step)
    return branch_recall(p, q, np.exp(p.log_margin + log_width), float(reach))


def best_of_1(c: EvalContext) -> float:
    """Root mean square error of one draw of y2 given y1, over that of the true conditional mean; sqrt 2 for the truth.

    The conditional mean is the blurry prediction: it has the least error of any single guess, and may lie where no
    data are.
    """
    return _guess_error(c, 1)


def best_of_10(c: EvalContext) -> float:
    """Root mean square error of the best of ten draws of y2 given y1, over that of the true conditional mean."""
    return _guess_error(c, GUESSES)


def _guess_error(c: EvalContext, guesses: int) -> float:
    domain = _plane(c)
    p, q, _ = _both(c)
    step = np.exp(p.log_step)
    y = as_array(c.evaluation.test.y)
    inside = as_array(domain.contains(c.evaluation.test.y)) > 0
    y = y[inside]
    width = (domain.high[0] - domain.low[0]) / len(p.log_density)
    row = np.clip(((y[:, 0] - domain.low[0]) / width).astype(int), 0, len(p.log_density) - 1)
    places = domain.low[1] + (np.arange(p.log_density.shape[1]) + 0.5) * step
    mean = (np.exp(p.conditional) * step) @ places
    drawn = _draws(q, row, guesses, c.evaluation.seed, domain.low[1], float(step))
    best = np.abs(drawn - y[:, 1:]).min(1)
    return float(np.sqrt(np.square(best).mean() / np.square(y[:, 1] - mean[row]).mean()))


def _draws(q: Slices, row: NDArray[np.int64], n: int, seed: int, low: float, step: float) -> Array:
    """``n`` draws (len(row), n) of y2 from the slices, by their cumulative mass and a uniform place in the cell."""
    cumulative = np.cumsum(np.exp(q.conditional) * step, axis=1)
    generator = Generator().manual_seed(seed)
    level = torch.rand(len(row), n, generator=generator, dtype=torch.float64).numpy()
    jitter = torch.rand(len(row), n, generator=generator, dtype=torch.float64).numpy()
    table = torch.from_numpy(cumulative[row])
    index = torch.searchsorted(table, torch.from_numpy(level * cumulative[row, -1:])).clamp_max(table.shape[1] - 1)
    return np.asarray(low + (index.numpy() + jitter) * step, dtype=np.float64)
