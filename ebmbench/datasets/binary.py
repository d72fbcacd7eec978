"""Distributions on a few bits: every state is visited, so that the density is an exact table and samples have no chain.

The density is a probability (the measure counts states). There is no score: bits have no gradient.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary


class BinaryDataset(Dataset):
    """A distribution on {0, 1}^d known by a table over its 2^d states; ``sample`` gives float64 rows of 0 and 1."""

    @property
    def domain(self) -> Binary:
        """The bits."""
        raise NotImplementedError

    def log_mass(self, states: Tensor) -> Tensor:
        """The log of what is proportional to the probability of each state (2^d, d), as (2^d,)."""
        raise NotImplementedError

    @cached_property
    def _states(self) -> Tensor:
        return self.domain.support(2).points

    @cached_property
    def log_z(self) -> float:
        """log of the sum of the unnormalized masses."""
        return float(torch.logsumexp(self.log_mass(self._states), 0))

    @cached_property
    def _table(self) -> Tensor:
        return self.log_mass(self._states) - self.log_z

    @cached_property
    def _cumulative(self) -> Tensor:
        return self._table.exp().cumsum(0)

    def sample(self, n: int, generator: Generator) -> Batch:
        """``n`` independent states, by inverting the cumulative table."""
        place = torch.rand(n, generator=generator, dtype=torch.float64) * self._cumulative[-1]
        index = torch.searchsorted(self._cumulative, place, right=True)
        return Batch(self._states[index.clamp_max(len(self._states) - 1)])

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The log probability in nats, (B, d) -> (B,); -inf where it is zero.

        Raises:
            ValueError: if an entry of ``y`` is neither 0 nor 1.
        """
        return self._table[self.domain.index(y)]


class BarsAndStripes(BinaryDataset):
    """A picture of whole rows or whole columns that are on, each pixel then flipped with probability ``flip``.

    p(y) = sum_b p(b) f^|y - b| (1 - f)^(d - |y - b|), b the patterns, |y - b| the bits that differ, f = ``flip``.
    Rows or columns by a fair coin, then each of them on by a fair coin: all-on and all-off come out both ways, so that
    two of the patterns weigh twice as much. Without flips the density of all other states is exactly zero, and the
    reverse KL of every model is infinite; a small ``flip`` makes every state possible.
    """

    side: int = Field(3, ge=2, le=4, description="pixels along an edge of the picture")
    flip: float = Field(0.01, ge=0, lt=0.5, description="probability that a pixel is flipped")

    @property
    def domain(self) -> Binary:
        """The pixels, row by row."""
        return Binary(self.side**2)

    @cached_property
    def patterns(self) -> Tensor:
        """The distinct patterns, (2^(side + 1) - 2, side^2): the rows, then what only columns give."""
        lines = Binary(self.side).support(2).points
        rows = lines[:, :, None].expand(-1, -1, self.side).flatten(1)
        columns = lines[1:-1, None, :].expand(-1, self.side, -1).flatten(1)
        return torch.cat([rows, columns])

    def log_mass(self, states: Tensor) -> Tensor:
        """log of sum_k w_k flip^h (1 - flip)^(d - h), h the pixels in which a state differs from pattern k."""
        uniform = ((states == states[:, :1]).all(-1)).double()
        if self.flip == 0:
            known = (states[:, None] == self.patterns).all(-1).any(-1)
            return torch.where(known, (1 + uniform).log(), -math.inf)
        pattern_weight = 1 + (self.patterns == self.patterns[:, :1]).all(-1).double()
        wrong = torch.cdist(states, self.patterns, p=1)
        log_each = wrong * math.log(self.flip) + (self.domain.dim - wrong) * math.log1p(-self.flip)
        return torch.logsumexp(log_each + pattern_weight.log(), -1)

    @property
    def modes(self) -> int:
        """The patterns."""
        return len(self.patterns)

    def assign_mode(self, y: Tensor) -> Tensor:
        """The pattern that the row is, bit by bit; -1 for none."""
        same = (y[:, None] == self.patterns).all(-1)
        return torch.where(same.any(-1), same.long().argmax(-1), -1)


class Ising(BinaryDataset):
    """Spins s = 2 y - 1 on a square lattice with opposite edges joined, p ∝ exp(beta sum over neighbors of s s').

    The default is the critical temperature of the infinite lattice, log(1 + sqrt 2) / 2.
    """

    side: int = Field(4, ge=3, le=4, description="spins along an edge of the lattice")
    beta: float = Field(0.4406868, description="inverse temperature")

    @property
    def domain(self) -> Binary:
        """The spins, row by row."""
        return Binary(self.side**2)

    def log_mass(self, states: Tensor) -> Tensor:
        """beta times the agreement of neighbors."""
        return -self.beta * self.bond_energy(states)

    def bond_energy(self, states: Tensor) -> Tensor:
        """-sum of s s' over the 2 side^2 bonds, (B, d) -> (B,)."""
        spins = (2 * states - 1).view(-1, self.side, self.side)
        return -(spins * (spins.roll(1, -1) + spins.roll(1, -2))).sum((-2, -1))


class BoltzmannMachine(BinaryDataset):
    """Units that all see one another, p ∝ exp(b.y + y'Wy / 2), W symmetric without diagonal, couplings at random.

    W_ij ~ N(0, strength^2); b_i cancels half of the couplings of unit i and adds N(0, 1/4), so that units are on
    about half of the time.
    """

    units: int = Field(12, ge=2, le=16, description="number of bits")
    strength: float = Field(1.0, ge=0, description="standard deviation of the couplings")
    couplings: int = Field(0, ge=0, description="seed of the couplings")

    @property
    def domain(self) -> Binary:
        """The units."""
        return Binary(self.units)

    @cached_property
    def parameters(self) -> tuple[Tensor, Tensor]:
        """The biases b (d,) and the couplings W (d, d)."""
        generator = Generator().manual_seed(self.couplings)
        normal = torch.randn(self.units + 1, self.units, generator=generator, dtype=torch.float64)
        upper = self.strength * normal[1:].triu(1)
        weights = upper + upper.T
        return 0.5 * normal[0] - weights.sum(-1) / 2, weights

    def log_mass(self, states: Tensor) -> Tensor:
        """b.y + y'Wy / 2."""
        bias, weights = self.parameters
        return states @ bias + ((states @ weights) * states).sum(-1) / 2
