"""Noise-contrastive estimation."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Batch, SelfNormalizedMethod, SelfNormalizedSurface


class NCE(SelfNormalizedMethod):
    """Tell data from noise of known density; the classifier's logit is then the log density ratio.

    h(y) = -F(y) - log q(y) - log nu,    L = E_p softplus(-h) + nu E_q softplus(h)
    (Gutmann & Hyvarinen 2012, eq. 8), nu = noise_ratio; log Z is a parameter inside F. Shapes: y (B, d), noise
    (nu B, d).
    It fails when q is narrower than what F leaves free (mass leaks where no noise is ever seen) and when q is so wide
    that telling them apart is easy. The Gaussian here is therefore wider than the data.
    """

    conditional = True

    noise_ratio: int = Field(4, ge=1, description="noise samples for each data point")

    def loss(self, surface: SelfNormalizedSurface, batch: Batch, rng: Generator) -> Tensor:
        """The logistic loss of telling the batch from noise, in nats a data point."""
        noise = surface.noise.sample(self.noise_ratio * len(batch.y), rng)
        both = torch.cat([batch.y, noise])
        logit = surface.log_ratio(both) - math.log(self.noise_ratio)
        data, drawn = logit[: len(batch.y)], logit[len(batch.y) :]
        return softplus(-data).mean() + self.noise_ratio * softplus(drawn).mean()
