"""Conditional noise-contrastive estimation."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Batch, GradientMethod, Problem, ScaledSurface, Surface, log_uniform, normal


class CNCE(GradientMethod):
    """Tell data from their own disturbed copies; the noise is symmetric, so that its density cancels.

    L = 2 E log(1 + exp(F(y) - F(y'))),    y' = y + s e, e ~ N(0, I), log s uniform
    (Ceylan & Gutmann 2018), ``pairs`` copies of each point. As s tends to 0 it is score matching:
    (L - 2 log 2) / (s^2 / 2) -> E |grad F|^2 / 2 - laplacian F. The ladder of s sees thin shapes and far modes alike.
    Shapes: y (B, d), copies (pairs B, d).
    It fails where s is small against the distance of modes (their weights are not seen) or so large that every copy is
    told at once.
    """

    conditional = True

    pairs: int = Field(4, ge=1, description="disturbed copies of each data point")
    noise_low: float = Field(0.05, gt=0, description="smallest noise, in units of the data's standard deviation")
    noise_high: float = Field(2.0, gt=0, description="largest noise, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return ScaledSurface(problem)

    def loss(self, surface: ScaledSurface, batch: Batch, rng: Generator) -> Tensor:
        """The logistic loss of telling which of a pair is the data point."""
        n, dim = batch.y.shape
        size = log_uniform((self.pairs, n, 1), self.noise_low, self.noise_high, batch.y, rng)
        copies = batch.y + surface.std * size * normal((self.pairs, n, dim), batch.y, rng)
        energy = surface(torch.cat([batch.y, copies.flatten(0, 1)]))
        return 2 * softplus(energy[:n] - energy[n:].view(self.pairs, n)).mean()
