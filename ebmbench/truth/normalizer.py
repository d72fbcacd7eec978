"""How exp(-F) is integrated: over a lattice, over all states, or not at all. Always a value and its error."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import MAX_BITS, Binary, Box, Support
from ebmbench.errors import NotApplicable

Array = NDArray[np.float64]

MAX_AXES = 3
"""Dimensions in which a lattice is laid; beyond, its cells would be wider than anything that data do."""


def as_array(tensor: Tensor) -> Array:
    """A float64 numpy array on the CPU."""
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64)


def log_normalizer(energy: Array, log_weight: Array, beta: float = 1.0) -> float:
    """log of the integral of exp(-beta F) over a support, from F and the log volumes there (M,)."""
    return float(logsumexp(-beta * energy + log_weight))


@dataclass(frozen=True)
class Bounded:
    """A number, and how far the true one may be from it."""

    value: float
    error: float


class Normalizer:
    """What is known of integrals over a domain: nothing, for the reason given.

    Every member raises ``NotApplicable`` where it cannot be had, with the reason.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        """Why there is no support; empty when there is one."""

    @property
    def support(self) -> Support:
        """Where energies are evaluated."""
        raise NotApplicable(self.reason)

    @cached_property
    def log_weight(self) -> Array:
        """log volumes of the support (M,)."""
        return as_array(self.support.log_weight)

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """log of the integral of exp(-beta F), from F on the support (M,)."""
        raise NotApplicable(self.reason)

    def refined(self) -> Normalizer:
        """The same on a support twice as fine along each axis."""
        raise NotApplicable(self.reason)

    def outside(self) -> Support:
        """What lies about the domain: points (M, d) in twice its width but not in it."""
        raise NotApplicable(self.reason)

    def plane(self, reason: str) -> Box:
        """The domain, where it is a box of the plane under a lattice; else ``NotApplicable`` for that reason."""
        raise NotApplicable(reason)


class Lattice(Normalizer):
    """The midpoint rule on a box.

    Args:
        box: the domain.
        side: cells along each axis.
    """

    def __init__(self, box: Box, side: int) -> None:
        super().__init__("")
        self.box, self.side = box, side

    @cached_property
    def support(self) -> Support:
        """The midpoints of the cells."""
        return self.box.support(self.side)

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """The error is how far the lattices of every second point along each axis are from it.

        About a peak on a corner of cells these agree with each other, and are all wrong: so the error is never below
        the square of how far the lattices of every third point are from it. (The error of a Gaussian falls with the
        inverse square of the spacing in the exponent: the ninth power would do.)
        """
        value = log_normalizer(energy, self.log_weight, beta)
        error = max(self._strayed(energy, beta, value, 2), self._strayed(energy, beta, value, 3) ** 2)
        return Bounded(value, error)

    def _strayed(self, energy: Array, beta: float, value: float, stride: int) -> float:
        """How far the lattices of so many times fewer points along each axis are from a value, at most."""
        grid, farthest = energy.reshape(self.support.shape), 0.0
        for start in itertools.product(range(min(stride, self.side)), repeat=self.box.dim):
            part = grid[tuple(slice(first, None, stride) for first in start)].ravel()
            coarse = log_normalizer(part, np.full(part.shape, self.box.log_volume - math.log(part.size)), beta)
            gap = abs(coarse - value)
            farthest = max(farthest, math.inf if math.isnan(gap) else gap)
        return farthest

    def refined(self) -> Lattice:
        """A lattice of cells half as wide."""
        return Lattice(self.box, 2 * self.side)

    def outside(self) -> Support:
        """The box twice as wide without the box, on a coarser lattice."""
        wide = self.box.scaled(2).support(self.side // 2)
        held = ~self.box.contains(wide.points)
        return Support(wide.points[held], wide.log_weight[held], (int(held.sum()),), wide.cell)

    def plane(self, reason: str) -> Box:
        """The box, in two dimensions."""
        return self.box if self.box.dim == 2 else super().plane(reason)


class AllStates(Normalizer):
    """The sum over all states of a few bits: exact."""

    def __init__(self, support: Support) -> None:
        super().__init__("")
        self._support = support

    @property
    def support(self) -> Support:
        """The states."""
        return self._support

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """Without an error."""
        return Bounded(log_normalizer(energy, self.log_weight, beta), 0.0)

    def refined(self) -> Normalizer:
        """None."""
        raise NotApplicable("all states are counted: there is nothing finer")

    def outside(self) -> Support:
        """None."""
        raise NotApplicable("the domain has no outside")


def normalizer_of(dataset: Dataset, cells: int) -> Normalizer:
    """How an energy is integrated over the domain of a dataset.

    Args:
        dataset: gives the domain.
        cells: of a lattice along each axis of the plane; in three dimensions as many cells in all.
    """
    domain, dim = dataset.domain, dataset.domain.dim
    if dataset.context is not None:
        return Normalizer("no lattice is laid for each context x")
    if isinstance(domain, Binary):
        many = f"{dim} bits have too many states to be visited one by one"
        return AllStates(domain.support(2)) if dim <= MAX_BITS else Normalizer(many)
    if dim > MAX_AXES:
        return Normalizer(f"no lattice covers {dim} dimensions")
    return Lattice(domain, cells if dim <= 2 else int(math.exp(2 / dim * math.log(cells)) + 1e-9))
