"""Contrastive divergence as the lecture has it: a random kick, then descent without noise."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Batch, GradientMethod, Problem, ScaledSurface, Surface, log_uniform, normal


class CDKick(GradientMethod):
    """Kick a data point, let it roll down the energy without noise, push up where it ends.

    L = mean_i softplus(F(y_i) - F(y^-_i)),    y^-_i = descent from y_i + s e_i, held fixed; log s uniform
    (LeCun's lecture; the loss: LeCun et al. 2006, the log loss). A step of the descent moves no coordinate by more
    than ``longest``. Shapes: y, y^- (B, d).
    Without descent it is half of the loss of ``cnce``, whose answer is the density; with it, it digs out valleys, not
    mass. It fails beyond the reach of a kick, where the energy is never raised, and with long steps: they swing across
    thin valleys and push up the walls alone. The steps here are short, so that a point moves little.
    """

    conditional = True

    kick_low: float = Field(0.05, gt=0, description="smallest kick, in units of the data's standard deviation")
    kick_high: float = Field(1.5, gt=0, description="largest kick, in units of the data's standard deviation")
    descent_steps: int = Field(5, ge=1, description="descent steps")
    descent_step: float = Field(0.0005, gt=0, description="size of a descent step, in units of the data's variance")
    longest: float = Field(0.05, gt=0, description="longest move of a coordinate, in standard deviations")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return ScaledSurface(problem)

    def loss(self, surface: ScaledSurface, batch: Batch, rng: Generator) -> Tensor:
        """The ranking loss of data against where their kicked copies end."""
        ends = self.kick(surface, batch.y, rng)
        energy = surface(torch.cat([batch.y, ends]))
        return softplus(energy[: len(batch.y)] - energy[len(batch.y) :]).mean()

    @torch.no_grad()
    def kick(self, surface: ScaledSurface, y: Tensor, rng: Generator) -> Tensor:
        """Where points y (B, d) end that were kicked and left to descend."""
        std = surface.std
        y = y + std * log_uniform((len(y), 1), self.kick_low, self.kick_high, y, rng) * normal(tuple(y.shape), y, rng)
        for _ in range(self.descent_steps):
            slope = std * surface.with_gradient(y)[1]
            y = y - std * (self.descent_step * slope).clamp(-self.longest, self.longest)
        return y
