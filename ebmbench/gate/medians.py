"""An interval for a median that may be looked at after every pair.

Whatever the distribution of independent pairs, each lies above the median with probability one half. The signs are bet
on with the Krichevsky-Trofimov mixture: after ``n`` pairs with ``k`` above a value m, the bettor who began with 1 has

    E = 2^n B(k + 1/2, n - k + 1/2) / B(1/2, 1/2),

a martingale if m is the median, so that it ever reaches 1 / alpha with probability alpha at most (Ville). The values at
which it has not are the interval: its ends are order statistics, and no noise model is needed.

Source: Darling and Robbins 1967 (confidence sequences); Krichevsky and Trofimov 1981 (the mixture).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MAX_PAIRS = 10_000
"""More pairs than anybody waits for."""


def log_wealth(below: int, above: int) -> float:
    """The logarithm of E: of one who bets on the signs of so many pairs below and above a value."""
    n = below + above
    log_beta = math.lgamma(above + 0.5) + math.lgamma(below + 0.5) - math.lgamma(n + 1)
    return n * math.log(2) + log_beta - math.log(math.pi)


def interval(pairs: Sequence[float], alpha: float) -> tuple[float, float]:
    """The values that can be the median, at any number of pairs at once with probability ``1 - alpha``.

    Returns:
        both ends; infinite while there are too few pairs to say anything.
    """
    ordered, n = sorted(pairs), len(pairs)
    cut = _cut(n, alpha)
    if cut is None:
        return -math.inf, math.inf
    return ordered[cut], ordered[n - 1 - cut]


def fewest(alpha: float) -> int:
    """The pairs without which nothing can be said."""
    return next(n for n in range(1, MAX_PAIRS) if log_wealth(0, n) >= -math.log(alpha))


def needed(share: float, alpha: float) -> int | None:
    """The pairs after which a value is excluded if this share of them, from now on as before, lies on one side of it.

    Returns:
        None if it never is: a share of one half, or more pairs than anybody waits for.
    """
    share = max(share, 1 - share)
    for n in range(1, MAX_PAIRS):
        if log_wealth(round(n * (1 - share)), round(n * share)) >= -math.log(alpha):
            return n
    return None


def _cut(n: int, alpha: float) -> int | None:
    """How many of the pairs at each end are outside of the interval, less one would be too few; None if none can be."""
    excluded = [k for k in range((n + 1) // 2) if log_wealth(k, n - k) >= -math.log(alpha)]
    return excluded[-1] if excluded else None
