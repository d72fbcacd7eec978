"""Ranking noise-contrastive estimation."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, NoiseSurface, Problem, Surface


class RankNCE(GradientMethod):
    """Find the data point among noise: a softmax over importance weights, in which every constant cancels.

    L = E -log( w(y) / (w(y) + sum_j w(y_j)) ),    log w = -F - log q,    y_j ~ q, j = 1..M
    (Jozefowicz et al. 2016; Ma & Collins 2018; InfoNCE: van den Oord et al. 2018). At F = -log p + c the answer is
    Bayes', whatever M is. The M draws are shared by the batch; given x each row has its own. Shapes: y (B, d),
    noise (M, d).
    It fails where q is narrower than what F leaves free (mass leaks there) and where q is so wide that hardly any draw
    competes with data.
    """

    conditional = True

    noise_samples: int = Field(1024, ge=1, description="noise samples that each data point is told from")
    noise_each: int = Field(16, ge=1, description="noise samples of each data point, where each has a context x")
    noise_scale: float = Field(2.5, gt=0, description="covariance of the noise in units of the data's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside the noise."""
        return NoiseSurface(problem, problem.gaussian(self.noise_scale))

    def loss(self, surface: NoiseSurface, batch: Batch, rng: Generator) -> Tensor:
        """The cross-entropy of picking the data point, in nats."""
        draws = self.noise_samples if batch.x is None else self.noise_each * len(batch.y)
        noise = surface.noise.sample(draws, rng)
        weight = surface.log_ratio(torch.cat([batch.y, noise]))
        data, drawn = weight[: len(batch.y)], weight[len(batch.y) :]
        if batch.x is not None:
            drawn = drawn.view(-1, len(batch.y))
        return (torch.logaddexp(data, torch.logsumexp(drawn, 0)) - data).mean()
