"""What is measured without a lattice: by importance weights q / p at exact draws of p, the test points.

Every weight is known up to the constant log Z, which most of these do without. What they cannot see is mass of q where
no draw of p ever falls.
"""

from __future__ import annotations

import numpy as np
import torch

from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.surface import fisher
from ebmbench.truth.normalizer import Array


def kish(log_weight: Array) -> float:
    """(sum w)^2 / (n sum w^2), between 1 / n and 1 (Kish 1965); 0 where all weights are."""
    top = float(log_weight.max())
    if top == -np.inf:
        return 0.0
    weight = exp(log_weight - top)
    return float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum()))


def mode_shares(owner: Array, modes: int, weight: Array) -> Array:
    """The share of the weight in each mode and, first, in none; owners are -1 to modes - 1."""
    found = np.bincount(np.asarray(owner + 1, dtype=np.int64), weight, minlength=modes + 1)
    return np.asarray(found / found.sum())


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _log_weight(c: EvalContext) -> Array:
    """log q - log p at the test points, up to a constant."""
    return np.asarray(-c.beta_used * c.evaluation.energy_test - c.evaluation.log_p_test, dtype=np.float64)


def ess_exact(c: EvalContext) -> float:
    """ESS / n = (sum w)^2 / (n sum w^2), w = q / p at n exact draws of p: 1 / (1 + chi^2(q || p)) in the limit.

    The test points are the draws. Needs the exact density.
    """
    return kish(_log_weight(c))


def fisher_per_dim(c: EvalContext) -> float:
    """J / d = 1 / (2 d) E_p |grad F + grad log p|^2 at the test points, F calibrated. Needs the exact score."""
    return fisher(c) / c.truth.dataset.domain.dim


def mode_mass_weighted(c: EvalContext) -> float:
    """1/2 sum_k |q(k) - p(k)|, q(k) = the share of the weights q / p at exact draws in mode k, p(k) that of the draws.

    The same draws give both, so that the truth itself is off by nothing. Needs the exact density and modes.
    """
    owner, log_weight = _owner(c), _log_weight(c)
    top = float(log_weight.max())
    if top == -np.inf:
        raise NotApplicable("no exact draw has any weight")
    ours = mode_shares(owner, c.truth.modes, exp(log_weight - top))
    return float(0.5 * np.abs(ours - mode_shares(owner, c.truth.modes, np.ones(len(owner)))).sum())


def mode_mass_sampled(c: EvalContext) -> float:
    """1/2 sum_k |s(k) - p(k)|, s(k) = the share of the samples in mode k, p(k) that of exact draws.

    Needs samples, the exact density and modes.
    """
    owner, found = _owner(c), c.samples(c.evaluation.protocol.samples)
    ours = c.truth.dataset.assign_mode(found).numpy()
    shares = (mode_shares(who, c.truth.modes, np.ones(len(who))) for who in (ours, owner))
    return float(0.5 * np.abs(next(shares) - next(shares)).sum())


def log_z_gap(c: EvalContext) -> float:
    """max(U - log Z, log Z - L) = how far log Z is from the farther bound, by a lattice, all states or chains.

    Needs a space that can be integrated over.
    """
    return c.evaluation.log_z(c.beta_used).error


def _owner(c: EvalContext) -> Array:
    """The mode of each test point, -1 for none."""
    if c.truth.modes < 2:
        raise NotApplicable("the distribution is in one piece")
    y: torch.Tensor = c.evaluation.test.y.double()
    return np.asarray(c.truth.dataset.assign_mode(y).numpy())
