"""Exponentials of what may be very negative: one that underflows takes twenty to fifty times as long, for nothing."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEAST = -700.0
"""Below, exp is taken for zero in float64: it is under 1e-304."""
NOTHING = -80.0
"""A term so far below the largest is less than 2e-35 of it: lost in rounding, in float32 and in float64."""


def exp(log: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp of an array, and exactly zero below e^-700."""
    found: NDArray[np.float64] = np.exp(np.maximum(log, LEAST))
    found[log < LEAST] = 0.0
    return found


def logsumexp(terms: Tensor, dim: int = -1) -> Tensor:
    """log of the sum of exp along a dimension; infinite, and not a number, where ``torch.logsumexp`` is.

    Terms that are lost in rounding have no gradient.
    """
    top = terms.detach().amax(dim, keepdim=True)
    finite = top.isfinite()
    rest = (terms - torch.where(finite, top, 0)).clamp_min_(NOTHING).exp_().sum(dim).log()
    return torch.where(finite.squeeze(dim), rest + top.squeeze(dim), top.squeeze(dim))
