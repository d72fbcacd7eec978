"""From an energy to a density: as it is (raw), at its best temperature (beta), or by its order alone (iso).

Every function takes energies and quadrature weights of a support, in float64 numpy arrays of one axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, isotonic_regression

from ebmbench.contracts.exponentials import exp
from ebmbench.truth.normalizer import Array

LOG_BETA_RANGE = 12.0
"""beta is sought within exp(+-12) of the inverse spread of the energies."""


def fit_beta(energy: Array, log_weight: Array, held_out: Array) -> float:
    """argmin over beta of beta mean F(held out) + log integral exp(-beta F).

    It is convex; at the minimum the mean energies of held-out data and of the model agree.

    Args:
        energy: F on the support.
        log_weight: log volumes of the support.
        held_out: F at held-out data points.

    Returns:
        beta; NaN when the energy is constant, the end of the range when the minimum lies beyond it.
    """
    spread = float(np.std(held_out)) or float(np.std(energy))
    if not spread > 0:
        return float("nan")
    held = np.isfinite(energy)  # cells of infinite energy hold no mass at any temperature
    shifted, log_volume = energy[held] - float(np.mean(held_out)), log_weight[held]

    def gap(log_beta: float) -> float:
        log_density = -np.exp(log_beta) / spread * shifted + log_volume
        weight = exp(log_density - log_density.max())
        return float((weight * shifted).sum() / weight.sum())

    return _root(gap) / spread


def fit_conditional_beta(energy: Array, log_weight: Array, held_out: Array) -> float:
    """argmin over beta of the mean over contexts of beta F(held out) + log integral exp(-beta F).

    Args:
        energy: F on the support of each context (N, M).
        log_weight: log volumes of a support (M,).
        held_out: F at a held-out point of each context (N,).

    Returns:
        beta; NaN when the energy is constant, the end of the range when the minimum lies beyond it.
    """
    held = np.isfinite(energy)  # cells of infinite energy hold no mass at any temperature
    spread = float(np.std(held_out - np.nanmedian(np.where(held, energy, np.nan), axis=1)))
    if not spread > 0:
        return float("nan")
    shifted = np.where(held, energy - held_out[:, None], 0.0)
    log_volume = np.where(held, log_weight, -np.inf)

    def gap(log_beta: float) -> float:
        log_density = -np.exp(log_beta) / spread * shifted + log_volume
        weight = exp(log_density - log_density.max(1, keepdims=True))
        return float(((weight * shifted).sum(1) / weight.sum(1)).mean())

    return _root(gap) / spread


def fit_odds_beta(energies: Array, chosen: NDArray[np.int64]) -> float:
    """argmin over beta of the mean of -log softmax_k(-beta F_k) at what was chosen: a multinomial likelihood, convex.

    Args:
        energies: F of each of K choices, (N, K).
        chosen: which of them came true, (N,).

    Returns:
        beta; NaN when no row prefers any, the end of the range when the minimum lies beyond it.
    """
    shifted = energies - energies.min(1, keepdims=True)
    spread = float(shifted.max(1).mean())
    if not 0 < spread < np.inf:
        return float("nan")
    own = np.take_along_axis(shifted, chosen[:, None], 1)[:, 0]

    def gap(log_beta: float) -> float:
        weight = exp(-np.exp(log_beta) / spread * shifted)
        return float(((weight * shifted).sum(1) / weight.sum(1) - own).mean())

    return _root(gap) / spread


def _root(gap: Callable[[float], float]) -> float:
    """exp of where a falling function of log beta is zero, or of the end of the range that this lies beyond."""
    low, high = -LOG_BETA_RANGE, LOG_BETA_RANGE
    if gap(low) <= 0:
        return float(np.exp(low))
    if gap(high) >= 0:
        return float(np.exp(high))
    return float(np.exp(brentq(gap, low, high, xtol=1e-6)))


def held_out_isotonic(held_out: Array, energy: Array, log_weight: Array) -> tuple[Array, Array]:
    """The density that decreases with the energy and fits held-out points best, when the truth is not known.

    As ``isotonic_log_density``, with the mass of the points in place of the true density. One more point is spread
    evenly over the support, so that a level beyond all held-out points has a small density and not none.

    Args:
        held_out: F at the points it is fitted to; a point belongs to the next level of the support at or above it.
        energy: F on the support.
        log_weight: log volumes of the support.

    Returns:
        The levels of F on the support, ascending, and the log density at each.
    """
    levels, index = np.unique(energy, return_inverse=True)
    volume = np.bincount(index, np.exp(log_weight), minlength=len(levels))
    points = np.bincount(level_of(held_out, levels), minlength=len(levels))
    mass = (points + volume / volume.sum()) / (len(held_out) + 1)
    return levels, np.log(isotonic_regression(mass / volume, weights=volume, increasing=False).x)


def level_of(energy: Array, levels: Array) -> NDArray[np.intp]:
    """The index of the first of the ascending levels that is not below each energy; of the last, beyond all."""
    return np.minimum(np.searchsorted(levels, energy), len(levels) - 1)


def isotonic_log_density(energy: Array, log_p: Array, log_weight: Array) -> Array:
    """log of the density closest to p among those that decrease with the energy: the Grenander estimate on the support.

    It is the slope of the least concave majorant of the data's mass as a function of the volume below each level of F,
    found as the weighted isotonic regression of p in the order of F. Cells of equal energy share one value.

    Args:
        energy: F on the support.
        log_p: the true log density there, normalized on the support.
        log_weight: log volumes of the support.
    """
    levels, index = np.unique(energy, return_inverse=True)
    volume = np.bincount(index, np.exp(log_weight), minlength=len(levels))
    mass = np.bincount(index, exp(log_p + log_weight), minlength=len(levels))
    fitted = isotonic_regression(mass / volume, weights=volume, increasing=False).x
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(fitted)[index], dtype=np.float64)
