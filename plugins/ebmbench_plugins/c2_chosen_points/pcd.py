"""Persistent contrastive divergence."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import (
    Batch,
    EnergyNet,
    Gaussian,
    GradientMethod,
    Mala,
    Problem,
    Surface,
    independence_step,
)


class PCDSurface(Surface):
    """The energy, and the chains that follow it while it is trained."""

    chains: Tensor
    started: Tensor

    def __init__(self, net: EnergyNet, noise: Gaussian, chains: int, method: PCD) -> None:
        super().__init__()
        self.net, self.noise = net, noise
        self.mala = Mala(method.first_step)
        self.langevin_steps = method.langevin_steps
        self.register_buffer("chains", torch.zeros(chains, len(net.mean)))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        energy: Tensor = self.net(y)
        return energy

    @torch.no_grad()
    def move(self, chains: Tensor, rng: Generator, adapt: bool) -> Tensor:
        """Langevin steps of every chain, then one jump proposed from the noise; exp(-F) is left invariant."""
        y, energy = self.mala(self.net.with_gradient, chains, self.langevin_steps, rng, self.net.std, adapt)
        return independence_step(self.net, self.noise, y, energy, rng)[0]

    @torch.no_grad()
    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """The chains, repeated as often as needed and moved ten times more."""
        repeats = -(-n // len(self.chains))
        y = self.chains.repeat(repeats, 1)[:n]
        for _ in range(10):
            y = self.move(y, generator, adapt=False)
        return y


class PCD(GradientMethod):
    """Push up where persistent Markov chains stand: maximum likelihood with the model's expectation by MCMC.

    L = mean_i F(y_i) - mean_j F(y^-_j), y^- held fixed: its gradient, not its value, is that of the negative
    log-likelihood (Tieleman 2008; Younes 1999). The chains are never restarted; each step moves all of them by
    ``langevin_steps`` Metropolis-adjusted Langevin steps and one independence proposal from a Gaussian, without which
    they cannot follow the mass from mode to mode. Shapes: y (B, d), chains (M, d).
    It fails when the chains lag behind the energy (a learning rate too high for the steps taken), and in many
    dimensions, where the independence proposal is never accepted.
    """

    chains: int = Field(256, ge=1, description="persistent chains")
    langevin_steps: int = Field(4, ge=1, description="Langevin steps of each chain in a training step")
    first_step: float = Field(0.002, gt=0, description="first Langevin step size, in units of the data's variance")
    noise_scale: float = Field(1.2, gt=0, description="covariance of the jump proposals in units of the data's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside its chains."""
        return PCDSurface(problem.energy_net(), problem.gaussian(self.noise_scale), self.chains, self)

    def loss(self, surface: PCDSurface, batch: Batch, rng: Generator) -> Tensor:
        """The contrast whose gradient is that of the negative log-likelihood (its value means nothing)."""
        first = batch.y.repeat(-(-self.chains // len(batch.y)), 1)[: self.chains]
        chains = surface.move(torch.where(surface.started, surface.chains, first), rng, adapt=True)
        surface.chains.copy_(chains)
        surface.started.fill_(True)
        energy = surface(torch.cat([batch.y, chains]))
        return energy[: len(batch.y)].mean() - energy[len(batch.y) :].mean()
