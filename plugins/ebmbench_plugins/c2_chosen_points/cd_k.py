"""Contrastive divergence."""

from __future__ import annotations

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Mala, Problem, Surface
from ebmbench_plugins.c2_chosen_points.chains import MovingSurface, contrast


class CDk(GradientMethod):
    """Push up where a few steps of a Markov chain lead from the data.

    L = mean_i F(y_i) - mean_i F(y^-_i), y^-_i = a short chain from y_i, held fixed: the gradient of
    KL(p || p_F) - KL(p_k || p_F) less the term through the chain (Hinton 2002). The chain is that of ``pcd``, begun
    anew at the data in each step: k Metropolis-adjusted Langevin steps and one independence proposal from a Gaussian.
    Without that jump (``jumps: 0``, the preset ``cd_k_local``) the chains see nothing beyond the reach of k steps, and
    mass leaks there. Shapes: y, y^- (B, d).
    It fails where chains cannot reach in k steps what the energy gets wrong: far from the data and between modes in
    many dimensions, where the jump is never accepted.
    """

    conditional = True

    langevin_steps: int = Field(10, ge=1, description="k, the Langevin steps from each data point")
    first_step: float = Field(0.002, gt=0, description="first Langevin step size, in units of the data's variance")
    jumps: int = Field(1, ge=0, description="jumps proposed after them; 0 is Hinton's local chain")
    noise_scale: float = Field(1.2, gt=0, description="covariance of the jump proposals in units of the data's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net, and how chains leave the data."""
        noise, kernel = problem.gaussian(self.noise_scale), Mala(self.first_step)
        return MovingSurface(problem, noise, kernel, self.langevin_steps, self.jumps)

    def loss(self, surface: MovingSurface, batch: Batch, rng: Generator) -> Tensor:
        """The contrast of data and chain ends (its value means nothing)."""
        return contrast(surface, batch.y, surface.move(batch.y, rng, adapt=True))
