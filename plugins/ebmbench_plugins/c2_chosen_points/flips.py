"""Methods for bits that compare each datum with its neighbors, the states in which one bit differs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface


def flipped_once(y: Tensor) -> Tensor:
    """The d neighbors of each row of bits, (B, d) -> (B, d, d): the i-th has bit i flipped."""
    return y[:, None] + torch.diag_embed(1 - 2 * y)


def gaps(energy: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    """F(y) - F(y with bit i flipped) for each bit, (B, d) -> (B, d), in one batch of (1 + d) B rows."""
    everything = torch.cat([y, flipped_once(y).flatten(0, 1)])
    here, there = torch.split(energy(everything), [len(y), y.numel()])
    return here[:, None] - there.view_as(y)


class FlipMethod(GradientMethod):
    """L = E_data sum_i c(F(y) - F(y with bit i flipped)): no normalizer, for it cancels in the difference.

    An author writes ``contrast``, an increasing c. A step costs 1 + d energies a datum.
    """

    works_on = ("binary",)

    def contrast(self, gap: Tensor) -> Tensor:
        """c of each gap, elementwise."""
        raise NotImplementedError

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return EnergySurface(problem.energy_net())

    def loss(self, surface: Surface, batch: Batch, rng: Generator) -> Tensor:
        """The mean over the batch; nothing is drawn."""
        return self.contrast(gaps(surface, batch.y)).sum(-1).mean()
