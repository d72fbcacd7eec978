"""How exp(-F) is integrated: over all the space, over all states, by chains, or not. Always a value and its error."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from ebmbench.contracts.domain import Box, Support
from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable, NotNormalizable

Array = NDArray[np.float64]

SHELLS = 6
"""Around a box, each twice as wide as what it lies about: the last ends at 64 times the width of the box."""
OUTER_TOLERANCE = 1e-6
"""The share of the mass that may lie in the outermost shell, whatever lies beyond it then."""
DECAY = 0.75
"""The mass of a shell over that of the one within it at which exp(-F) is taken to decay; on a plateau it is 2^d."""


def as_array(tensor: Tensor) -> Array:
    """A float64 numpy array on the CPU."""
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64)


def log_normalizer(energy: Array, log_weight: Array, beta: float = 1.0) -> float:
    """log of the integral of exp(-beta F) over a support, from F and the log volumes there (M,)."""
    terms = -beta * energy + log_weight
    top = float(terms.max())
    return top + math.log(float(exp(terms - top).sum())) if math.isfinite(top) else top


@dataclass(frozen=True)
class Bounded:
    """A number, and how far the true one may be from it."""

    value: float
    error: float


class Normalizer:
    """What is known of integrals over a domain: nothing, for the reason given.

    Every member raises ``NotApplicable`` where it cannot be had, with the reason.
    """

    anneals: ClassVar[bool] = False
    """Whether log Z, and nothing else, is had by annealing."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        """Why there is no support; empty when there is one."""
        self.shift: Sequence[float] = ()
        """Of a lattice along each axis, in widths of a cell; empty where there is none."""

    @property
    def domain(self) -> Support:
        """Where energies are evaluated on the domain."""
        raise NotApplicable(self.reason)

    @property
    def support(self) -> Support:
        """Where energies are evaluated on all of the space: the domain's points, then what lies around them."""
        raise NotApplicable(self.reason)

    @cached_property
    def log_weight(self) -> Array:
        """log volumes of the support (M,)."""
        return as_array(self.support.log_weight)

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """log of the integral of exp(-beta F), from F on the support (M,).

        Raises:
            NotNormalizable: if it does not exist.
        """
        raise NotApplicable(self.reason)

    def log_z_inside(self, energy: Array, beta: float = 1.0) -> float:
        """The same over the domain alone."""
        inside = slice(len(self.domain.points))
        return log_normalizer(energy[inside], self.log_weight[inside], beta)

    def refined(self) -> Support:
        """The domain twice as fine along each axis."""
        raise NotApplicable(self.reason)

    def require_outside(self) -> None:
        """Raise where the domain is all of the space."""
        raise NotApplicable(self.reason)

    def plane(self, reason: str) -> Box:
        """The domain, where it is a box of the plane under a lattice; else ``NotApplicable`` for that reason."""
        raise NotApplicable(reason)


class Lattice(Normalizer):
    """The midpoint rule on a box, and Gauss-Legendre panels in shells around it.

    Args:
        box: the domain.
        side: cells along each axis.
        shift: of the lattice along each axis, in widths of a cell, between -1/2 and 1/2.
    """

    def __init__(self, box: Box, side: int, shift: Sequence[float] = ()) -> None:
        super().__init__("")
        self.box, self.side, self.shift = box, side, shift

    @cached_property
    def domain(self) -> Support:
        """The midpoints of the cells."""
        return self.box.support(self.side, self.shift)

    @cached_property
    def shells(self) -> list[Support]:
        """Around the box, from the inside out."""
        nodes = max(4, self.side // 25)
        return [self.box.scaled(2**k).shell(nodes) for k in range(SHELLS)]

    @cached_property
    def support(self) -> Support:
        """The box, then its shells."""
        parts = [self.domain, *self.shells]
        points, log_weight, cell = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("points", "log_weight", "cell")
        )
        return Support(points, log_weight, (len(points),), cell)

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """The error is how far the lattices of every second point along each axis are from it.

        About a peak on a corner of cells these agree with each other, and are all wrong: so the error is never below
        the square of how far the lattices of every third point are from it. (The error of a Gaussian falls with the
        inverse square of the spacing in the exponent: the ninth power would do.) What may lie beyond the last shell
        is added, as a geometric series.
        """
        inside, outer = self.log_z_inside(energy, beta), self._log_masses_outside(energy, beta)
        value = float(logsumexp([inside, *outer]))
        if value == -math.inf:
            raise NotNormalizable("not normalizable: exp(-F) is zero everywhere")
        beyond, share = self._beyond(outer, value), math.exp(inside - value)
        if not share:
            return Bounded(value, beyond)
        lattice = energy[: len(self.domain.points)]
        error = max(self._strayed(lattice, beta, inside, 2), self._strayed(lattice, beta, inside, 3) ** 2)
        return Bounded(value, share * error + beyond)

    def _log_masses_outside(self, energy: Array, beta: float) -> list[float]:
        """log of the integral of exp(-beta F) over each shell."""
        ends = np.cumsum([len(self.domain.points), *(len(shell.points) for shell in self.shells)])
        parts = [slice(start, end) for start, end in itertools.pairwise(ends.tolist())]
        return [log_normalizer(energy[part], self.log_weight[part], beta) for part in parts]

    def _beyond(self, outer: list[float], value: float) -> float:
        """The share of the mass that lies beyond the last shell, if the masses go on to fall as the last two do."""
        last = math.exp(outer[-1] - value)
        if last < OUTER_TOLERANCE:
            return last
        log_decay = outer[-1] - outer[-2]
        if not log_decay < math.log(DECAY):
            raise NotNormalizable(
                f"not normalizable: {100 * last:.2g} % of the mass lies {2 ** (SHELLS - 1)} to {2**SHELLS} times the "
                "domain's width away, and what lies farther is no less"
            )
        return last / math.expm1(-log_decay)

    def _strayed(self, energy: Array, beta: float, value: float, stride: int) -> float:
        """How far the lattices of so many times fewer points along each axis are from a value, at most."""
        grid, farthest = energy.reshape(self.domain.shape), 0.0
        for start in itertools.product(range(min(stride, self.side)), repeat=self.box.dim):
            part = grid[tuple(slice(first, None, stride) for first in start)]
            widths = [
                self._log_widths[axis, first, stride].reshape([-1] + [1] * (self.box.dim - 1 - axis))
                for axis, first in enumerate(start)
            ]
            gap = abs(log_normalizer(part, sum(widths, np.zeros(part.shape)), beta) - value)
            farthest = max(farthest, math.inf if math.isnan(gap) else gap)
        return farthest

    @cached_property
    def _log_widths(self) -> dict[tuple[int, int, int], Array]:
        """By axis, first and stride: logs of the parts of the axis that are nearest to each of every few middles."""
        found = {}
        for axis, edges in enumerate(as_array(edge) for edge in self.domain.edges):
            middles = (edges[1:] + edges[:-1]) / 2
            for stride in (2, 3):
                for first in range(min(stride, self.side)):
                    kept = middles[first::stride]
                    bounds = np.concatenate([edges[:1], (kept[1:] + kept[:-1]) / 2, edges[-1:]])
                    found[axis, first, stride] = np.log(np.diff(bounds))
        return found

    def refined(self) -> Support:
        """Cells half as wide."""
        return self.box.support(2 * self.side)

    def require_outside(self) -> None:
        """There is."""

    def plane(self, reason: str) -> Box:
        """The box, in two dimensions."""
        return self.box if self.box.dim == 2 else super().plane(reason)


class AllStates(Normalizer):
    """The sum over all states of a few bits: exact."""

    def __init__(self, states: Support) -> None:
        super().__init__("")
        self._states = states

    @property
    def domain(self) -> Support:
        """The states."""
        return self._states

    @property
    def support(self) -> Support:
        """The states: there is nothing else."""
        return self._states

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """Without an error."""
        return Bounded(log_normalizer(energy, self.log_weight, beta), 0.0)

    def refined(self) -> Support:
        """None."""
        raise NotApplicable("all states are counted: there is nothing finer")

    def require_outside(self) -> None:
        """There is none."""
        raise NotApplicable("the domain has no outside")


class Annealed(Normalizer):
    """No support, but log Z between two bounds: what ``truth.annealing`` makes of an energy and of rows of data."""

    anneals = True
