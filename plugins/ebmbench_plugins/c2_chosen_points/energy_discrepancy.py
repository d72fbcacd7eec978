"""Energy discrepancy."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, ScaledSurface, Surface, normal


class EnergyDiscrepancy(GradientMethod):
    """Hold the energy of data against the free energy of their neighborhood, seen from a disturbed copy.

    L = E log( w / M + (1/M) sum_m exp(F(y) - F(y + sqrt(t) e + sqrt(t) e_m)) ),    e, e_m ~ N(0, I)
    (Schroder et al. 2023): a sample of E_p F - E_{p_t} F_t, F_t = -log(exp(-F) blurred by t), whose only
    minimum is F = -log p + c for every t > 0. It tends to score matching as t tends to 0 and to maximum likelihood as t
    grows. w keeps the logarithm from minus infinity. On N(0, I) with F = a |y|^2 / 2 and M without bound,
    L = (d/2) (a - a (1 + t) / (1 + a t) - log(1 + a t)). Shapes: y (B, d), copies (M B, d).
    It fails where t is small against the distance of modes (their weights are not seen) and where it is so large that
    M draws do not cover the neighborhood.
    """

    conditional = True

    variance: float = Field(0.5, gt=0, description="t, in units of the data's variance")
    draws: int = Field(8, ge=1, description="M, the draws about the disturbed copy of each data point")
    stabilizer: float = Field(1.0, ge=0, description="w, which bounds the loss from below")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return ScaledSurface(problem)

    def loss(self, surface: ScaledSurface, batch: Batch, rng: Generator) -> Tensor:
        """The stabilized discrepancy, up to a constant, in nats."""
        n, dim = batch.y.shape
        size = math.sqrt(self.variance) * surface.std
        seen = batch.y + size * normal((n, dim), batch.y, rng)
        around = seen + size * normal((self.draws, n, dim), batch.y, rng)
        energy = surface(torch.cat([batch.y, around.flatten(0, 1)]))
        gap = energy[:n] - energy[n:].view(self.draws, n)
        floor = torch.full_like(gap[:1], self.stabilizer).log()
        return torch.logsumexp(torch.cat([floor, gap]), 0).mean() - math.log(self.draws)
