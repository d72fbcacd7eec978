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
    """The energy, and so many chains that follow it while it is trained, each with its context where there is one."""

    chains: Tensor
    places: Tensor
    reach: Tensor
    started: Tensor

    def __init__(self, problem: Problem, noise: Noise, kernel: Metropolis, steps: int, chains: int) -> None:
        super().__init__(problem, noise, kernel, steps)
        self.register_buffer("chains", torch.zeros(chains, problem.dim))
        self.register_buffer("started", torch.tensor(False))
        if problem.context is not None:
            self.register_buffer("places", torch.zeros(chains, problem.context.dim))
            self.register_buffer("reach", problem.context.std.clone(), persistent=False)

    @torch.no_grad()
    def follow(self, data: Tensor, rng: Generator) -> Tensor:
        """Move the kept chains once and keep them; the first time they start from the data."""
        if self.context is not None:
            return self._follow_given(data, rng)
        first = data.repeat(-(-len(self.chains) // len(data)), 1)[: len(self.chains)]
        chains = self.move(torch.where(self.started, self.chains, first), rng, adapt=True)
        self.chains.copy_(chains)
        self.started.fill_(True)
        return chains

    def _follow_given(self, data: Tensor, rng: Generator) -> Tensor:
        """Each context takes up the chain whose own is nearest, and the oldest chains are forgotten."""
        x, kept = self.context_of(len(data)), len(self.chains)
        y = self.move(torch.where(self.started, self._nearest(x), data), rng, adapt=True)
        copies = -(-kept // len(data))
        chains = torch.where(self.started, self.chains, data.repeat(copies, 1)[:kept])
        places = torch.where(self.started, self.places, x.repeat(copies, 1)[:kept])
        self.chains.copy_(torch.cat([y, chains])[:kept])
        self.places.copy_(torch.cat([x, places])[:kept])
        self.started.fill_(True)
        return y

    def _nearest(self, x: Tensor) -> Tensor:
        """The kept chain whose context is nearest to each row of x (B, c), as (B, d)."""
        return self.chains[torch.cdist(x / self.reach, self.places / self.reach).argmin(-1)]

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """The chains, repeated as often as needed, or those of the nearest contexts, moved ten times more."""
        repeats = -(-n // len(self.chains))
        y = self.chains.repeat(repeats, 1)[:n] if self.context is None else self._nearest(self.context_of(n))
        for _ in range(10):
            y = self.move(y, generator, adapt=False)
        return y


class ChainMethod(GradientMethod):
    """A method that pushes up where its persistent chains stand; authors write ``build``."""

    conditional = True

    chains: int = Field(256, ge=1, description="persistent chains")
    noise_scale: float = Field(1.2, gt=0, description="covariance of the jump proposals in units of the data's")

    def loss(self, surface: ChainSurface, batch: Batch, rng: Generator) -> Tensor:
        """The contrast whose gradient is that of the negative log-likelihood (its value means nothing)."""
        return contrast(surface, batch.y, surface.follow(batch.y, rng))
