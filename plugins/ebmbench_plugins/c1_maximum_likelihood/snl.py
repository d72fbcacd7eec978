"""Self-normalised likelihood."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, SelfNormalizedMethod, SelfNormalizedSurface


class SNL(SelfNormalizedMethod):
    """Maximum likelihood with log Z as a parameter: the tangent of the logarithm makes the integral an expectation.

    L = E_p F(y) + E_q exp(-F(y) - log q(y)) - 1,    F = net + b.
    From log Z <= b + Z exp(-b) - 1, tight at b = log Z: L is an upper bound of the negative log-likelihood, reaches it
    at the best b, and its gradient is unbiased with any number of draws, unlike that of the log of a mean
    (self-normalised likelihood: arXiv 2503.07021; Z by importance sampling: Geyer 1994). Shapes: y (B, d), noise
    (M, d).
    It fails where q is narrower than what F leaves free (mass leaks there) and in many dimensions: the weights
    exp(-F) / q are heavy-tailed. One huge weight can throw the net, so that the gradient's norm is clipped at 1.
    """

    conditional = True

    clip: float | None = Field(1.0, gt=0, description="largest norm of the gradient")
    noise_samples: int = Field(1024, ge=1, description="draws that the integral is estimated from in a step")

    def loss(self, surface: SelfNormalizedSurface, batch: Batch, rng: Generator) -> Tensor:
        """An upper bound of the mean negative log-likelihood, in nats."""
        noise = surface.noise.sample(self.noise_samples, rng)
        energy = surface(torch.cat([batch.y, noise]))
        data, drawn = energy[: len(batch.y)], energy[len(batch.y) :]
        return data.mean() + torch.exp(-drawn - surface.noise.log_prob(noise)).mean() - 1
