"""Persistent contrastive divergence."""

from __future__ import annotations

from pydantic import Field

from ebmbench.api import Mala, Problem, Surface
from ebmbench_plugins.c2_chosen_points.chains import ChainMethod, ChainSurface


class PCD(ChainMethod):
    """Push up where persistent Markov chains stand: maximum likelihood with the model's expectation by MCMC.

    L = mean_i F(y_i) - mean_j F(y^-_j), y^- held fixed: its gradient, not its value, is that of the negative
    log-likelihood (Tieleman 2008; Younes 1999). The chains are never restarted; each step moves all of them by
    ``langevin_steps`` Metropolis-adjusted Langevin steps and one independence proposal from a Gaussian, without which
    they cannot follow the mass from mode to mode. Shapes: y (B, d), chains (M, d).
    It fails when the chains lag behind the energy (a learning rate too high for the steps taken), and in many
    dimensions, where the independence proposal is never accepted.
    """

    langevin_steps: int = Field(4, ge=1, description="Langevin steps of each chain in a training step")
    first_step: float = Field(0.002, gt=0, description="first Langevin step size, in units of the data's variance")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside its chains."""
        noise, kernel = problem.gaussian(self.noise_scale), Mala(self.first_step)
        return ChainSurface(problem, noise, kernel, self.langevin_steps, self.chains)
