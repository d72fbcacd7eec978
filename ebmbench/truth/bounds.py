"""From the log weights of chains that went there and back to log Z between two bounds, or to why it is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.truth.normalizer import Array, Bounded

DEVIATIONS = 3.0
"""Standard errors by which a bound is drawn out."""
MAX_GAP = 2.0
"""Nats between the bounds at which log Z is not said to be known: its error would be above one."""
MIN_DRAWS = 100.0
"""Draws that importance weights must be worth to be believed: their log mean is then off by about a tenth."""


def log_mean(log_weight: Array) -> float:
    """log of the mean of exp."""
    return float(logsumexp(log_weight)) - math.log(len(log_weight))


def relative_error(log_weight: Array) -> float:
    """The standard error of the mean weight over that mean: of its logarithm, where it is small."""
    weight = exp(log_weight - log_weight.max())
    return float(weight.std() / (weight.mean() * math.sqrt(len(weight))))


@dataclass(frozen=True)
class Bounds:
    """log Z: what is below it, what is above it, and what is likeliest, in nats.

    Attributes:
        lower: log of the mean weight of the chains that went forth, less three standard errors.
        upper: minus log of the mean of one over the weight of those that came back, and three standard errors.
        middle: Bennett's estimate, which has the least variance that both together allow.
    """

    lower: float
    upper: float
    middle: float

    @classmethod
    def of(cls, forth: Array, back: Array) -> Bounds:
        """Those of log weights (B,) of chains to exp(-F), and (B,) of chains from it.

        Raises:
            NotApplicable: if no weight is finite on one of the ways.
        """
        if not (np.isfinite(forth).any() and np.isfinite(back).any()):
            raise NotApplicable("log Z is not known: the energy is infinite, or no number, wherever chains went")
        forth, back = np.where(np.isnan(forth), -np.inf, forth), np.where(np.isnan(back), np.inf, back)
        low, high = log_mean(forth), -log_mean(-back)
        errors = relative_error(forth), relative_error(-back)
        return cls(low - DEVIATIONS * errors[0], high + DEVIATIONS * errors[1], bennett(forth, back))


def bennett(forth: Array, back: Array) -> float:
    """The c at which mean 1 / (1 + exp(c - forth)) = mean 1 / (1 + exp(back - c)) (Bennett 1976), of as many chains."""
    ends = sorted((log_mean(forth), -log_mean(-back)))
    low, high = ends[0] - 50, ends[1] + 50

    def gap(c: float) -> float:
        return float(expit(forth - c).mean() - expit(c - back).mean())

    return low if gap(low) <= 0 else high if gap(high) >= 0 else float(brentq(gap, low, high, xtol=1e-6))


def judged(bounds: Bounds, log_weight: Array | None = None) -> Bounded:
    """log Z and how far it may be off: by importance weights where they are worth enough draws, else by the chains.

    The mean weight exp(-F) / p at exact draws of p is below Z as the chains' is: it lacks mass that lies where p has
    none. So weights that say less than the chains are no contradiction, and do not count; weights that say more than
    the upper bound are.

    Args:
        bounds: by annealing.
        log_weight: -F - log p at exact draws of p (n,), where there are any.

    Raises:
        NotApplicable: if the bounds are too far from each other, or the estimates disagree.
    """
    between = f"annealing says {bounds.lower:.2f} to {bounds.upper:.2f}"
    if bounds.lower > bounds.upper:
        raise NotApplicable(f"the estimates of log Z disagree: {between}, the lower bound above the upper")
    if bounds.upper - bounds.lower > MAX_GAP:
        raise NotApplicable(f"the bounds of log Z are more than {MAX_GAP:g} nats apart: {between}")
    value = min(max(bounds.middle, bounds.lower), bounds.upper)
    if log_weight is not None and (error := relative_error(log_weight)) < MIN_DRAWS**-0.5:
        found = log_mean(log_weight)
        if found - DEVIATIONS * error > bounds.upper:
            raise NotApplicable(
                f"the estimates of log Z disagree: {between}, importance weights at exact draws {found:.2f}"
            )
        value = found if found >= bounds.lower - DEVIATIONS * error else value
    return Bounded(value, max(abs(bounds.upper - value), abs(value - bounds.lower)))
