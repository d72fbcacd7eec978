"""The lecture's first question: given y1, predict y2. Exact on the lattice of the plane, a row for each y1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Generator

from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import ConditionalEvaluation, prediction_error
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
    """log densities (n, m) on a lattice of the plane, a row for each y1, and the log widths (m,) of y2's cells."""

    log_density: NDArray[np.float64]
    log_step: Array

    @property
    def log_margin(self) -> Array:
        """log density of y1, (n,), up to the constant that normalizes it."""
        return np.asarray(logsumexp(self.log_density + self.log_step, axis=1), dtype=np.float64)

    @property
    def conditional(self) -> NDArray[np.float64]:
        """log density of y2 given y1, (n, m); rows without any mass are uniform."""
        margin = self.log_margin[:, None]
        flat = -np.log(np.exp(self.log_step).sum())
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(margin), self.log_density - margin, flat)


def _plane(c: EvalContext) -> Box:
    return c.truth.normalizer.plane("y1 and y2 are the coordinates of a plane")


def slices(c: EvalContext, log_density: Array) -> Slices:
    """The rows of a density on the dataset's lattice."""
    _plane(c)
    lattice = c.truth.normalizer.domain
    return Slices(log_density.reshape(lattice.shape), as_array(lattice.edges[1].diff().log()))


def conditional_divergence(p: Slices, q: Slices, log_width: Array) -> float:
    """E over y1 of KL(p(y2 | y1) || q(y2 | y1)), y1 drawn from p; ``log_width`` (n,) are the logs of y1's cells."""
    mass = exp(p.log_density + p.log_step + log_width[:, None])
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


def branch_recall(p: Slices, q: Slices, weight: Array, reach: float, each: int = EACH) -> float:
    """The share of the true branches, slices weighted by their mass, that have one of q's within ``reach`` cells."""
    total = found = 0.0
    truth, model = p.conditional, q.conditional
    for row in np.flatnonzero(weight > 1e-4 * weight.max())[::each]:
        ours = branches(model[row])
        hits = [bool(((ours >= low - reach) & (ours <= high + reach)).any()) for low, high in due(truth[row])]
        found += weight[row] * sum(hits) / len(hits)
        total += weight[row]
    return float(found / total)


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _both(c: EvalContext) -> tuple[Slices, Slices, Array]:
    p, q = slices(c, c.truth.log_p[c.truth.inside]), slices(c, c.log_q_inside)
    return p, q, as_array(c.truth.normalizer.domain.edges[0].diff().log())


def conditional_kl(c: EvalContext) -> float:
    """KL = E KL(p(y2 | y1) || q(y2 | y1)) over y1 ~ p, in nats: what is left of KL(p || q) without that of y1.

    Needs the exact density on the plane.
    """
    return conditional_divergence(*_both(c))


def conditional_nll(c: EvalContext) -> float:
    """NLL = E -log q(y2 | y1) over p: conditional_kl and the entropy of y2 given y1.

    Needs the exact density on the plane.
    """
    p, _, log_width = _both(c)
    mass = exp(p.log_density + p.log_step + log_width[:, None])
    held = mass > 0
    return conditional_kl(c) - float((mass[held] * p.conditional[held]).sum())


def conditional_modes(c: EvalContext) -> float:
    """R = the share of the branches of y2 given y1 that the energy has too, within a tenth of the data's spread.

    Where the data have a context, the branches of y given x.
    Needs the exact density on the plane, or of one coordinate given a context.
    """
    if isinstance(c.evaluation, ConditionalEvaluation):
        p, q = (given_contexts(c.evaluation, log_density) for log_density in (c.truth.log_p, c.log_q))
        weight, each = np.ones(len(p.log_density)), 1
    else:
        p, q, log_width = _both(c)
        weight, each = np.exp(p.log_margin + log_width), EACH
    reach = TOLERANCE * c.evaluation.spread / np.exp(p.log_step).mean()
    return branch_recall(p, q, weight, float(reach), each)


def given_contexts(evaluation: ConditionalEvaluation, log_density: Array) -> Slices:
    """The rows of a density on the domain, a row for each context."""
    if evaluation.lattice.each.box.dim != 1:
        raise NotApplicable("branches are counted of one coordinate")
    lattice = evaluation.lattice
    return Slices(lattice.by_context(log_density)[:, : lattice.sizes[0]], as_array(lattice.each.domain.log_weight))


def best_of_1(c: EvalContext) -> float:
    """rms(y2 - draw) / rms(y2 - m(y1)), draw ~ q(y2 | y1), m(y1) the true conditional mean; sqrt 2 for the truth.

    The conditional mean is the blurry prediction: it has the least error of any single guess, and may lie where no
    data are. Where the data have a context it is y given x.
    Needs the exact density on the plane, or given a context.
    """
    return _guess_error(c, 1)


def best_of_10(c: EvalContext) -> float:
    """rms(y2 - best) / rms(y2 - m(y1)), best = the nearest of ten draws of q(y2 | y1), m(y1) the true conditional mean.

    Where the data have a context it is y given x.
    Needs the exact density on the plane, or given a context.
    """
    return _guess_error(c, GUESSES)


def _guess_error(c: EvalContext, guesses: int) -> float:
    if isinstance(c.evaluation, ConditionalEvaluation):
        return prediction_error(c.evaluation, c.evaluation.draws(c.log_q, guesses))
    domain = _plane(c)
    p, q, _ = _both(c)
    y = as_array(c.evaluation.test.y)
    inside = as_array(domain.contains(c.evaluation.test.y)) > 0
    y = y[inside]
    rows, edges = (as_array(edges) for edges in c.truth.normalizer.domain.edges)
    row = np.clip(np.searchsorted(rows, y[:, 0], side="right") - 1, 0, len(p.log_density) - 1)
    mean = np.exp(p.conditional + p.log_step) @ ((edges[1:] + edges[:-1]) / 2)
    drawn = _draws(q, row, guesses, c.evaluation.seed, edges)
    best = np.abs(drawn - y[:, 1:]).min(1)
    return float(np.sqrt(np.square(best).mean() / np.square(y[:, 1] - mean[row]).mean()))


def _draws(q: Slices, row: NDArray[np.int64], n: int, seed: int, edges: Array) -> Array:
    """``n`` draws (len(row), n) of y2 from the slices, by their cumulative mass and a uniform place in the cell."""
    cumulative = np.cumsum(np.exp(q.conditional + q.log_step), axis=1)
    generator = Generator().manual_seed(seed)
    level = torch.rand(len(row), n, generator=generator, dtype=torch.float64).numpy()
    jitter = torch.rand(len(row), n, generator=generator, dtype=torch.float64).numpy()
    table = torch.from_numpy(cumulative[row])
    index = torch.searchsorted(table, torch.from_numpy(level * cumulative[row, -1:])).clamp_max(table.shape[1] - 1)
    return np.asarray(edges[index] + jitter * np.diff(edges)[index], dtype=np.float64)
