"""Integrals over y for each of some contexts x, and what is known of data that depend on one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Box, Support
from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.truth.normalizer import Array, Bounded, Lattice, Normalizer, as_array, log_normalizer
from ebmbench.truth.truth import TruthOnSupport

SIDES = {1: 2.0, 2: 0.2}
"""Cells along each axis of y, in units of those along each axis of the plane, by the dimension of y."""


class ConditionalLattice(Normalizer):
    """A lattice of y for each context, all contexts weighing the same: integrals are means over them.

    The support holds the domain's points of the first context, of the second, and so on; then what lies around the
    domain, in the same order.

    Args:
        box: the domain of y.
        contexts: x (N, c).
        side: cells along each axis of y.
        shift: of the lattices along each axis, in widths of a cell, between -1/2 and 1/2.
    """

    def __init__(self, box: Box, contexts: Tensor, side: int, shift: Sequence[float] = ()) -> None:
        super().__init__("")
        self.contexts, self.each = contexts.double(), Lattice(box, side, shift)

    def __len__(self) -> int:
        """The number of contexts."""
        return len(self.contexts)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Points of one context: in the domain, and around it."""
        inside = len(self.each.domain.points)
        return inside, len(self.each.support.points) - inside

    @cached_property
    def domain(self) -> Support:
        """The domain of y, once for each context."""
        return self._repeated(slice(self.sizes[0]))

    @cached_property
    def support(self) -> Support:
        """All of the space of y, once for each context."""
        parts = [self.domain, self._repeated(slice(self.sizes[0], None))]
        points, log_weight, cell = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("points", "log_weight", "cell")
        )
        return Support(points, log_weight, (len(points),), cell)

    def _repeated(self, which: slice) -> Support:
        one, n = self.each.support, len(self)
        points, log_weight = one.points[which].repeat(n, 1), one.log_weight[which].repeat(n) - np.log(n)
        return Support(points, log_weight, (len(points),), one.cell[which].repeat(n, 1))

    @property
    def support_contexts(self) -> Tensor:
        """The context of each point of the support."""
        return torch.cat([self.contexts.repeat_interleave(size, 0) for size in self.sizes])

    def by_context(self, values: Array) -> Array:
        """Values on the support as a row for each context (N, M): the domain's, then those around it."""
        middle = len(self) * self.sizes[0]
        return np.concatenate([values[:middle].reshape(len(self), -1), values[middle:].reshape(len(self), -1)], 1)

    def on_support(self, rows: Array) -> Array:
        """Rows (N, M) as values on the support; a column (N, 1) is spread over the points of its context."""
        inside, outside = self.sizes
        rows = np.broadcast_to(rows, (len(self), inside + outside))
        return np.concatenate([rows[:, :inside].ravel(), rows[:, inside:].ravel()])

    def log_z_each(self, energy: Array, beta: float = 1.0) -> tuple[Array, float]:
        """log of the integral of exp(-beta F) over y for each context (N,), and the mean of their errors.

        Raises:
            NotNormalizable: if one of them does not exist.
        """
        found = [self.each.log_z(row, beta) for row in self.by_context(energy)]
        return np.array([one.value for one in found]), float(np.mean([one.error for one in found]))

    def log_z(self, energy: Array, beta: float = 1.0) -> Bounded:
        """The mean over contexts."""
        values, error = self.log_z_each(energy, beta)
        return Bounded(float(values.mean()), error)

    def log_z_inside(self, energy: Array, beta: float = 1.0) -> float:
        """The mean over contexts of the same over the domain alone."""
        inside, log_weight = self.sizes[0], as_array(self.each.domain.log_weight)
        return float(np.mean([log_normalizer(row[:inside], log_weight, beta) for row in self.by_context(energy)]))

    def refined(self) -> Support:
        """Not laid: once for each context it would be large."""
        raise NotApplicable("no finer lattice is laid for each context x")

    def require_outside(self) -> None:
        """There is."""


def conditional_lattice(box: Box, contexts: Tensor, cells: int, shift: Sequence[float] = ()) -> Normalizer:
    """As many points in all as a lattice of so many cells along each axis of the plane, over the first contexts.

    Args:
        box: the domain of y.
        contexts: x (n, c), of which the first are taken: ``cells`` / 2 for one coordinate of y, 25 for two.
        cells: along each axis of the plane.
        shift: of the lattices along each axis.
    """
    if box.dim not in SIDES:
        return Normalizer(f"no lattice of y in {box.dim} dimensions is laid for each context x")
    side = max(2, int(SIDES[box.dim] * cells))
    many = max(1, cells**2 // side**box.dim)
    return ConditionalLattice(box, contexts[:many], side, shift)


class ConditionalTruth(TruthOnSupport):
    """The exact density of y given each of some contexts: every mean over y is one over contexts too."""

    normalizer: ConditionalLattice

    def _log_p(self, dataset: Dataset) -> Tensor:
        lattice = self.normalizer
        return dataset.log_prob(lattice.support.points, lattice.support_contexts)

    def _normalized(self, log_p: Tensor) -> Array:
        rows, log_weight = self.normalizer.by_context(as_array(log_p)), self.normalizer.each.log_weight
        held = np.array([log_normalizer(-row, log_weight) for row in rows])
        return self.normalizer.on_support(rows - held[:, None])

    @cached_property
    def moments_each(self) -> tuple[Array, Array]:
        """The true mean (N, d) and covariance (N, d, d) of y given each context."""
        points = as_array(self.normalizer.each.support.points)
        mass = self.normalizer.by_context(exp(self.log_p + self.log_weight)) * len(self.normalizer)
        mean = mass @ points
        centered = points - mean[:, None]
        return mean, np.einsum("nm,nmi,nmj->nij", mass, centered, centered)

    @property
    def mean_given(self) -> Array:
        """The true mean (N, d) of y given each context."""
        return self.moments_each[0]

    @cached_property
    def moments(self) -> tuple[Array, Array]:
        """Those of y whatever the context is."""
        mean, cov = self.moments_each
        return mean.mean(0), cov.mean(0) + np.cov(mean.T, bias=True).reshape(cov.shape[1:])

    @cached_property
    def floor_energy(self) -> Array:
        """Of the normal with the mean and covariance of y given each context, up to a constant."""
        (mean, cov), points = self.moments_each, as_array(self.normalizer.each.support.points)
        centered = points - mean[:, None]
        energy = 0.5 * np.einsum("nmi,nij,nmj->nm", centered, np.linalg.inv(cov), centered)
        return self.normalizer.on_support(energy)

    @property
    def modes(self) -> int:
        """The branches are counted for each context."""
        raise NotApplicable("modes differ from context to context: conditional_modes counts them")

    @property
    def owner(self) -> np.typing.NDArray[np.int64]:
        """As ``modes``."""
        raise NotApplicable("modes differ from context to context: conditional_modes counts them")
