"""Batched Markov chains on an energy: every row is a chain of its own. Nothing is differentiated through a chain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.problem import Noise
from ebmbench.parts.noise import normal, uniform

WithGradient = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From y (B, d) to the energy (B,) and its gradient (B, d)."""
Energy = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Proposal:
    """Where chains may move: points and gradients (B, d), energies and log acceptance ratios (B,)."""

    y: Tensor
    energy: Tensor
    gradient: Tensor
    log_ratio: Tensor


class Metropolis(nn.Module):
    """Chains whose proposals are accepted so that exp(-F) stays invariant, and whose step follows their acceptance.

    A proposal is accepted with probability min(1, exp(log ratio)) (Metropolis et al. 1953; Hastings 1970). log e moves
    by ``rate * (acceptance - target)`` after each step.
    """

    log_step: Tensor
    least_step = 1e-6

    def __init__(self, step: float, target: float, rate: float = 0.05) -> None:
        super().__init__()
        self.register_buffer("log_step", torch.tensor(math.log(step)))
        self.target, self.rate = target, rate

    def propose(
        self, with_gradient: WithGradient, y: Tensor, energy: Tensor, gradient: Tensor, rng: Generator, scale: Tensor
    ) -> Proposal:
        """A move of every chain from y (B, d), where the energy (B,) and its gradient (B, d) are known."""
        raise NotImplementedError

    @torch.no_grad()
    def forward(
        self,
        with_gradient: WithGradient,
        y: Tensor,
        steps: int,
        rng: Generator,
        scale: Tensor | float = 1.0,
        adapt: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """``steps`` steps from y (B, d), each axis preconditioned by ``scale``; the points and their energies.

        With ``adapt`` false the step size stays, so that a stored model samples without changing.
        """
        scale = torch.as_tensor(scale, dtype=y.dtype, device=y.device)
        energy, gradient = with_gradient(y)
        for _ in range(steps):
            new = self.propose(with_gradient, y, energy, gradient, rng, scale)
            accept = uniform((len(y),), y, rng).log() < new.log_ratio
            y = torch.where(accept[:, None], new.y, y)
            gradient = torch.where(accept[:, None], new.gradient, gradient)
            energy = torch.where(accept, new.energy, energy)
            if adapt:
                drift = self.rate * (accept.to(y.dtype).mean() - self.target)
                self.log_step.add_(drift).clamp_(math.log(self.least_step), 0.0)
        return y, energy


class Mala(Metropolis):
    """Metropolis-adjusted Langevin steps: y' = y - e grad F(y) + sqrt(2 e) noise (Roberts & Tweedie 1996).

    The target .574 is optimal in high dimension (Roberts & Rosenthal 1998).
    """

    def __init__(self, step: float, target: float = 0.574, rate: float = 0.05) -> None:
        super().__init__(step, target, rate)

    def propose(
        self, with_gradient: WithGradient, y: Tensor, energy: Tensor, gradient: Tensor, rng: Generator, scale: Tensor
    ) -> Proposal:
        """A Langevin step, with the ratio of its density forth and back."""
        step = self.log_step.exp() * scale**2
        moved = y - step * gradient + (2 * step).sqrt() * normal(tuple(y.shape), y, rng)
        new_energy, new_gradient = with_gradient(moved)
        forth = ((moved - y + step * gradient).square() / step).sum(-1)
        back = ((y - moved + step * new_gradient).square() / step).sum(-1)
        return Proposal(moved, new_energy, new_gradient, energy - new_energy + (forth - back) / 4)


class Hmc(Metropolis):
    """Hamiltonian Monte Carlo: leapfrogs with fresh momenta (Duane et al. 1987; Neal 2011, section 5.3.2).

    A trajectory: p ~ N(0, I), then ``leapfrogs`` times p -= e/2 grad F, y += e p, p -= e/2 grad F; its log ratio is
    minus the change of F + |p|^2 / 2. Each chain's e is the common one times a draw from [1 - jitter, 1 + jitter],
    lest a trajectory close on itself. The acceptance .651 is optimal in high dimension (Beskos et al. 2013).
    """

    least_step = 1e-4

    def __init__(
        self, step: float, leapfrogs: int, target: float = 0.75, rate: float = 0.05, jitter: float = 0.2
    ) -> None:
        super().__init__(step, target, rate)
        self.leapfrogs, self.jitter = leapfrogs, jitter

    def propose(
        self, with_gradient: WithGradient, y: Tensor, energy: Tensor, gradient: Tensor, rng: Generator, scale: Tensor
    ) -> Proposal:
        """The end of a trajectory, with the change of its total energy."""
        momentum = normal(tuple(y.shape), y, rng)
        blur = 1 + self.jitter * (2 * uniform((len(y), 1), y, rng) - 1)
        step = self.log_step.exp() * blur * scale
        moved, new_momentum, new_energy, new_gradient = self._leapfrog(with_gradient, y, momentum, gradient, step)
        kinetic = (momentum.square() - new_momentum.square()).sum(-1) / 2
        return Proposal(moved, new_energy, new_gradient, energy - new_energy + kinetic)

    def _leapfrog(
        self, with_gradient: WithGradient, y: Tensor, momentum: Tensor, gradient: Tensor, step: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        energy = y.new_empty(len(y))
        for _ in range(self.leapfrogs):
            momentum = momentum - step / 2 * gradient
            y = y + step * momentum
            energy, gradient = with_gradient(y)
            momentum = momentum - step / 2 * gradient
        return y, momentum, energy, gradient


@torch.no_grad()
def langevin(
    with_gradient: WithGradient,
    y: Tensor,
    steps: Iterable[float],
    rng: Generator,
    scale: Tensor | float = 1.0,
    limit: float = math.inf,
) -> Tensor:
    """Unadjusted Langevin steps of the given sizes from y (B, d), each axis preconditioned by ``scale``.

    y' = y - e grad F(y) + sqrt(2 e) noise. Nothing is rejected, so that a constant e leaves a law invariant that is
    too wide: on N(0, s^2) its variance is s^2 / (1 - e / (2 s^2)), and from e = 2 s^2 on there is none. A finite
    ``limit`` holds each coordinate's drift to so many sizes of its noise, so that no steep wall throws a chain away
    (truncated drift: Roberts & Tweedie 1996).
    """
    for size in steps:
        spread = math.sqrt(2 * size) * torch.as_tensor(scale, dtype=y.dtype, device=y.device)
        drift = spread / 2 * with_gradient(y)[1]
        y = y + spread * (normal(tuple(y.shape), y, rng) - drift.clamp(-limit, limit))
    return y


@torch.no_grad()
def independence_step(
    energy_of: Energy, noise: Noise, y: Tensor, energy: Tensor, rng: Generator
) -> tuple[Tensor, Tensor]:
    """One Metropolis-Hastings step with proposals drawn from ``noise`` whatever y is: it moves chains between modes.

    Accepted with probability min(1, exp(F(y) - F(y')) q(y) / q(y')) (Tierney 1994); the points and their energies.
    """
    proposal = noise.sample(len(y), rng)
    new_energy = energy_of(proposal)
    log_ratio = energy - new_energy + noise.log_prob(y) - noise.log_prob(proposal)
    accept = uniform((len(y),), y, rng).log() < log_ratio
    return torch.where(accept[:, None], proposal, y), torch.where(accept, new_energy, energy)
