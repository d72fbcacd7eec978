"""Noise-contrastive estimation."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Batch, GradientMethod, Problem, SelfNormalizedSurface, Surface


class NCE(GradientMethod):
    """Tell data from noise of known density; the classifier's logit is then the log density ratio.

    h(y) = -F(y) - log q(y) - log nu,    L = E_p softplus(-h) + nu E_q softplus(h)
    (Gutmann & Hyvarinen 2012, eq. 8), nu = noise_ratio. log Z is a parameter inside F. Shapes: y (B, d), noise
    (nu B, d).
    It fails when q is narrower than what F leaves free (mass leaks where no noise is ever seen) and when q is so wide
    that telling them apart is easy. The Gaussian here is therefore wider than the data.
    """

    noise_ratio: int = Field(4, ge=1, description="noise samples for each data point")
    noise_scale: float = Field(2.5, gt=0, description="covariance of the noise in units of the data's")
    log_z_rate: float = Field(10.0, gt=0, description="learning rate of log Z in units of the net's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside the noise."""
        return SelfNormalizedSurface(problem.energy_net(), problem.gaussian(self.noise_scale))

    def loss(self, surface: SelfNormalizedSurface, batch: Batch, rng: Generator) -> Tensor:
        """The logistic loss of telling the batch from noise, in nats a data point."""
        noise = surface.noise.sample(self.noise_ratio * len(batch.y), rng)
        both = torch.cat([batch.y, noise])
        logit = surface.log_ratio(both) - math.log(self.noise_ratio)
        data, drawn = logit[: len(batch.y)], logit[len(batch.y) :]
        return softplus(-data).mean() + self.noise_ratio * softplus(drawn).mean()

    def param_groups(self, surface: SelfNormalizedSurface) -> list[dict[str, object]]:
        """log Z moves faster than the weights."""
        return [
            {"params": list(surface.net.parameters())},
            {"params": [surface.log_z], "lr_scale": self.log_z_rate},
        ]
