"""A restricted Boltzmann machine, whose log Z is exact for few hidden units, and its annealing by Gibbs steps.

F(v) = -b.v - sum_j log(1 + exp(c_j + v.W_j)), v bits. The machines in between have the weights and hidden biases times
t, and visible biases on the way from those of independent bits (Salakhutdinov & Murray 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.contracts.domain import MAX_BITS, Binary
from ebmbench.truth.bounds import Bounds
from ebmbench.truth.normalizer import Array, as_array


@dataclass(frozen=True)
class Rbm:
    """Weights W (d, h), visible biases b (d,), hidden biases c (h,), in float64."""

    weights: Tensor
    visible: Tensor
    hidden: Tensor

    def free_energy(self, v: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return -v @ self.visible - softplus(self.hidden + v @ self.weights).sum(-1)

    @property
    def _log_masses(self) -> tuple[Tensor, Tensor]:
        """All states of the hidden units (2^h, h), and the log of their unnormalized masses."""
        if len(self.hidden) > MAX_BITS:
            raise ValueError(f"{len(self.hidden)} hidden units have too many states; expected at most {MAX_BITS}")
        states = Binary(len(self.hidden)).support().points
        return states, states @ self.hidden + softplus(self.visible + states @ self.weights.T).sum(-1)

    def log_z(self) -> float:
        """Exact: a sum over the states of the hidden units.

        Raises:
            ValueError: if they are more than 2^20.
        """
        return float(torch.logsumexp(self._log_masses[1], 0))

    def sample(self, n: int, generator: Generator) -> Tensor:
        """``n`` exact draws (n, d): a state of the hidden units by its mass, then the visible ones."""
        states, log_mass = self._log_masses
        which = torch.multinomial(log_mass.softmax(0), n, replacement=True, generator=generator)
        return torch.bernoulli(torch.sigmoid(self.visible + states[which] @ self.weights.T), generator=generator)

    def at(self, t: float, base: Tensor) -> Rbm:
        """The machine at a temperature: independent bits with the biases ``base`` (d,) at 0, this one at 1."""
        return Rbm(t * self.weights, (1 - t) * base + t * self.visible, t * self.hidden)

    def step(self, v: Tensor, generator: Generator) -> Tensor:
        """One Gibbs step of every row: the hidden units given the visible ones, then these given those."""
        hidden = torch.bernoulli(torch.sigmoid(self.hidden + v @ self.weights), generator=generator)
        return torch.bernoulli(torch.sigmoid(self.visible + hidden @ self.weights.T), generator=generator)


def rbm_bounds(machine: Rbm, base: Tensor, draws: Tensor, temperatures: int, generator: Generator) -> Bounds:
    """log Z of a machine between two bounds.

    Args:
        machine: whose it is.
        base: (d,) visible biases of the independent bits that chains begin at.
        draws: (n, d) exact ones of the machine, where as many chains begin that come back.
        temperatures: of the chains.
        generator: moves them.
    """
    path = [machine.at(k / temperatures, base) for k in range(temperatures + 1)]
    log_base = float(softplus(base).sum()) + len(machine.hidden) * float(softplus(torch.zeros(())))
    start = torch.bernoulli(torch.sigmoid(base).expand(len(draws), -1), generator=generator)
    forth, back = _work(path, start, generator), -_work(path[::-1], draws, generator)
    return Bounds.of(log_base + forth, log_base + back)


def _work(path: list[Rbm], v: Tensor, generator: Generator) -> Array:
    """log w of chains along a path of machines, whose ratio of normalizers is the mean of w."""
    log_weight = torch.zeros(len(v), dtype=torch.float64)
    for k in range(1, len(path)):
        log_weight += path[k - 1].free_energy(v) - path[k].free_energy(v)
        if k < len(path) - 1:
            v = path[k].step(v, generator)
    return as_array(log_weight)
