"""What lies between the points of a lattice: found by going down the energy from the lattice's lowest places."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter
from torch import Tensor

from ebmbench.contracts.surface import Surface, input_gradient


def lowest(energy: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """The places in the flattened lattice that are no higher than those about them: the lowest so many."""
    flat = energy.ravel()
    found = np.flatnonzero((energy == minimum_filter(energy, 3)).ravel() & np.isfinite(flat))
    return found[np.argsort(flat[found], kind="stable")[:most]]


def fall(surface: Surface, start: Tensor, length: float, steps: int) -> Tensor:
    """The lowest points (n, d) that steps down the gradient from ``start`` come to.

    A step that does not lead down is not taken, and the next is half as long: so the tip of a cone is come as near to
    as the bottom of a bowl.

    Args:
        surface: the energy.
        start: (n, d).
        length: of the first step.
        steps: for each point.
    """
    y = start
    energy, gradient = input_gradient(surface, y)
    reach = torch.full_like(y[:, :1], length)
    for _ in range(steps):
        size = gradient.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(y.dtype).tiny)
        there = y - reach * gradient / size
        found = input_gradient(surface, there)
        lower = (found[0] < energy)[:, None]
        y, gradient = torch.where(lower, there, y), torch.where(lower, found[1], gradient)
        energy, reach = torch.minimum(found[0], energy), torch.where(lower, reach, reach / 2)
    return y
