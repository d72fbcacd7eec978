"""What the methods share that push up where Markov chains stand."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Metropolis, Noise, NoiseSurface, Problem, Surface, independence_step


def contrast(surface: Surface, data: Tensor, negatives: Tensor) -> Tensor:
    """mean F(data) - mean F(negatives), the negatives held fixed: its gradient means something, its value does not."""
    energy = surface(torch.cat([data, negatives.detach()]))
    return energy[: len(data)].mean() - energy[len(data) :].mean()


class MovingSurface(NoiseSurface):
    """The energy, and how points are moved so that exp(-F) is left invariant.

    Args:
        problem: gives the energy net.
        noise: proposes the jumps.
        kernel: moves points locally.
        steps: how many of its steps make a move.
        jumps: how many jumps end it.
    """

    def __init__(self, problem: Problem, noise: Noise, kernel: Metropolis, steps: int, jumps: int = 1) -> None:
        super().__init__(problem, noise)
        self.kernel, self.steps, self.jumps = kernel, steps, jumps

    @torch.no_grad()
    def move(self, y: Tensor, rng: Generator, adapt: bool) -> Tensor:
        """Local steps of every point of y (B, d), then jumps proposed from the noise."""
        y, energy = self.kernel(self.with_gradient, y, self.steps, rng, self.std, adapt)
        for _ in range(self.jumps):
            y, energy = independence_step(self, self.noise, y, energy, rng)
        return y


class ChainSurface(MovingSurface):
    """The energy, and so many chains that follow it while it is trained."""

    chains: Tensor
    started: Tensor

    def __init__(self, problem: Problem, noise: Noise, kernel: Metropolis, steps: int, chains: int) -> None:
        super().__init__(problem, noise, kernel, steps)
        self.register_buffer("chains", torch.zeros(chains, problem.dim))
        self.register_buffer("started", torch.tensor(False))

    @torch.no_grad()
    def follow(self, data: Tensor, rng: Generator) -> Tensor:
        """Move the kept chains once and keep them; the first time they start from the data."""
        first = data.repeat(-(-len(self.chains) // len(data)), 1)[: len(self.chains)]
        chains = self.move(torch.where(self.started, self.chains, first), rng, adapt=True)
        self.chains.copy_(chains)
        self.started.fill_(True)
        return chains

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """The chains, repeated as often as needed and moved ten times more."""
        repeats = -(-n // len(self.chains))
        y = self.chains.repeat(repeats, 1)[:n]
        for _ in range(10):
            y = self.move(y, generator, adapt=False)
        return y


class ChainMethod(GradientMethod):
    """A method that pushes up where its persistent chains stand; authors write ``build``."""

    chains: int = Field(256, ge=1, description="persistent chains")
    noise_scale: float = Field(1.2, gt=0, description="covariance of the jump proposals in units of the data's")

    def loss(self, surface: ChainSurface, batch: Batch, rng: Generator) -> Tensor:
        """The contrast whose gradient is that of the negative log-likelihood (its value means nothing)."""
        return contrast(surface, batch.y, surface.follow(batch.y, rng))
