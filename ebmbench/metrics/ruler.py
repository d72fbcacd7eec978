"""The truth on a lattice: what every surface is held against."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from scipy.special import xlogy
from torch import Tensor

from ebmbench.contracts import Dataset, Support
from ebmbench.datasets.domain import Binary, Box
from ebmbench.metrics.calibration import Array, log_normalizer

MOST_AXES = 3
"""Dimensions in which a lattice is laid; beyond, its cells would be wider than anything that data do."""


class NotApplicable(Exception):
    """A metric cannot be computed here; the message says why."""


class Ruler:
    """The truth on the lattice of a dataset's domain, computed once for all that is held against it.

    Where the truth is not known, the lattice alone. Where there is no lattice, neither: whoever asks is told why.

    Args:
        dataset: the truth.
        cells: along each axis of the plane; in three dimensions as many cells in all.
    """

    def __init__(self, dataset: Dataset, cells: int) -> None:
        self.dataset, self.cells = dataset, cells

    @property
    def has_lattice(self) -> bool:
        """Whether the domain can be covered."""
        return not isinstance(self.dataset.domain, Box) or self.dataset.domain.dim <= MOST_AXES

    @property
    def side(self) -> int:
        """Cells along each axis."""
        dim = self.dataset.domain.dim
        if self.binary:
            return 2
        if not self.has_lattice:
            raise NotApplicable(f"no lattice covers {dim} dimensions")
        return self.cells if dim <= 2 else int(math.exp(2 / dim * math.log(self.cells)) + 1e-9)

    def require_density(self) -> None:
        """Raise ``NotApplicable`` unless the truth is known."""
        if not self.dataset.density_known:
            raise NotApplicable("the true density of these data is not known")

    @cached_property
    def support(self) -> Support:
        """The lattice."""
        return self.dataset.domain.support(self.side)

    @cached_property
    def log_weight(self) -> Array:
        """log volumes (M,)."""
        return as_array(self.support.log_weight)

    @cached_property
    def log_p(self) -> Array:
        """The true log density (M,), normalized on the lattice."""
        self.require_density()
        log_p = as_array(self.dataset.log_prob(self.support.points))
        return log_p - log_normalizer(-log_p, self.log_weight)

    @cached_property
    def entropy(self) -> float:
        """-integral of p log p, in nats."""
        mass = np.exp(self.log_p + self.log_weight)
        held = mass > 0
        return float(-(mass[held] * self.log_p[held]).sum())

    @cached_property
    def moments(self) -> tuple[Array, Array]:
        """The true mean (d,) and covariance (d, d)."""
        self.require_density()
        points, mass = as_array(self.support.points), np.exp(self.log_p + self.log_weight)
        mean = mass @ points
        centered = points - mean
        return mean, (centered * mass[:, None]).T @ centered

    @cached_property
    def gaussian_energy(self) -> Array:
        """The energy of the moment-matched Gaussian on the lattice, up to a constant."""
        mean, cov = self.moments
        centered = as_array(self.support.points) - mean
        return np.asarray(0.5 * (centered @ np.linalg.inv(cov) * centered).sum(-1), dtype=np.float64)

    @cached_property
    def independent_energy(self) -> Array:
        """The energy of independent bits with the true means, on the states."""
        states, mean = as_array(self.support.points), self.moments[0]
        energy = -(xlogy(states, mean) + xlogy(1 - states, 1 - mean)).sum(-1)
        return np.asarray(np.round(energy, 9), dtype=np.float64)  # rounding errors must not order states that are equal

    @cached_property
    def floor_energy(self) -> Array:
        """What skill is zero at: the moment-matched Gaussian, or independent bits with the true means."""
        return self.independent_energy if self.binary else self.gaussian_energy

    @property
    def binary(self) -> bool:
        """Whether the data are bits, and the lattice all of their states."""
        return isinstance(self.dataset.domain, Binary)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sides of the lattice: the support is its cells with the last axis running fastest."""
        return (self.side,) * self.dataset.domain.dim

    @cached_property
    def spread(self) -> float:
        """Root mean square of the true standard deviations."""
        return float(np.sqrt(np.diagonal(self.moments[1]).mean()))


def as_array(tensor: Tensor) -> Array:
    """A float64 numpy array on the CPU."""
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64)
