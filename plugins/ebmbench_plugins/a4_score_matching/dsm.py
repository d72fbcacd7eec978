"""Denoising score matching."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, ScoreSurface, Surface, corrupted


class DSM(GradientMethod):
    """Point the negative gradient of the energy from corrupted points back to the data.

    L = E 1/2 |s grad F(y + s e) - e|^2, e ~ N(0, I) (Vincent 2011, eq. 17, times s^2), with antithetic pairs +-e.
    Its minimum is the energy of the data density convolved with N(0, s^2 I), up to a constant. Shapes: y (B, d).
    It fails by blindness to the weights of separate modes: between them there are no data, and the gradient inside a
    mode says nothing of how much mass it has.
    """

    conditional = True

    noise: float = Field(0.03, gt=0, description="s, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return ScoreSurface(problem.energy_net(), self.noise * torch.tensor(problem.spread))

    def loss(self, surface: ScoreSurface, batch: Batch, rng: Generator) -> Tensor:
        """Half the mean squared error of the scaled score."""
        seen, noise = corrupted(batch.y, surface.size, rng)
        _, gradient = surface.with_gradient(seen)
        return 0.5 * (surface.size * gradient - noise).square().sum(-1).mean()
