"""Denoising auto-encoder that moves points down an energy."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, ScoreSurface, Surface, corrupted


class DAEPotential(GradientMethod):
    """A denoising auto-encoder that is conservative: its map is a step down its energy.

    G(y) = y - s^2 grad F(y),    L = E |G(y + s e) - y|^2, e ~ N(0, I), with antithetic pairs +-e. L is 2 s^2 times the
    loss of denoising score matching (Vincent 2011, section 4): the two are one method, reached from C3 and from A4. Its
    minimum is the energy of the data density convolved with N(0, s^2 I), up to a constant, so that F is low between
    modes only if the blurred density is high there: the fixed points of G midway between modes do no harm. Shapes: y
    (B, d).
    It fails by the blur, by blindness to the weights of modes that the noise does not join, and by the sharpness that s
    trades against both.
    """

    conditional = True

    noise: float = Field(0.05, gt=0, description="s, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return ScoreSurface(problem.energy_net(), self.noise * torch.tensor(problem.spread))

    def loss(self, surface: ScoreSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean squared error of the denoised points."""
        seen, _ = corrupted(batch.y, surface.size, rng)
        return (surface.denoise(seen) - torch.cat([batch.y, batch.y])).square().sum(-1).mean()
