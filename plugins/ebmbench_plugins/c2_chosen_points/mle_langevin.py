"""Maximum likelihood with long Langevin chains from noise."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Noise, NoiseSurface, Problem, Surface, langevin

DRIFT_LIMIT = 1.0
"""Largest drift of a coordinate in a step, in sizes of that step's noise."""


class LangevinSurface(NoiseSurface):
    """The energy, and the step sizes of the chains that run from noise down into it."""

    def __init__(self, problem: Problem, noise: Noise, steps: tuple[float, ...]) -> None:
        super().__init__(problem, noise)
        self.steps = steps

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """The ends of ``n`` fresh chains, (n, d)."""
        start = self.noise.sample(n, generator)
        return langevin(self.with_gradient, start, self.steps, generator, self.std, DRIFT_LIMIT)


class MLELangevin(GradientMethod):
    """Push up where long noisy descents from noise end: maximum likelihood by plain Monte Carlo.

    L = mean_i F(y_i) - mean_j F(y^-_j) + alpha (mean_i F(y_i)^2 + mean_j F(y^-_j)^2), y^-_j = the end of a fresh
    unadjusted Langevin chain from a Gaussian, held fixed (LeCun's "trajectory = MCMC"; Nijkamp et al. 2019; the
    penalty: Du & Mordatch 2019). The steps shrink geometrically from ``first_step`` to ``last_step``, large ones to
    travel and small ones to settle (Welling & Teh 2011). Shapes: y (B, d), y^- (M, d).
    It fails where the chains do not converge: the energy then makes the chain's end, not exp(-F), match the data, so
    that the samples are better than the density (Nijkamp et al. 2020). A well that chains cannot find deepens without
    end; only the penalty, a low learning rate and clipping hold it, at the price of a biased temperature.
    """

    lr: float = Field(1e-3, gt=0, description="peak learning rate of Adam")
    clip: float | None = Field(1.0, gt=0, description="largest norm of the gradient")
    chains: int = Field(64, ge=1, description="fresh chains in a training step")
    steps: int = Field(40, ge=2, description="Langevin steps of a chain")
    first_step: float = Field(0.1, gt=0, description="first step size, in units of the data's variance")
    last_step: float = Field(0.001, gt=0, description="last step size, in units of the data's variance")
    noise_scale: float = Field(1.2, gt=0, description="covariance of the start in units of the data's")
    penalty: float = Field(0.05, ge=0, description="alpha, the weight of the squared energies")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside the noise."""
        fall = math.log(self.last_step / self.first_step) / (self.steps - 1)
        sizes = tuple(self.first_step * math.exp(fall * k) for k in range(self.steps))
        return LangevinSurface(problem, problem.gaussian(self.noise_scale), sizes)

    def loss(self, surface: LangevinSurface, batch: Batch, rng: Generator) -> Tensor:
        """The contrast of data and chain ends (its value means nothing), and the penalty."""
        energy = surface(torch.cat([batch.y, surface.sample(self.chains, rng)]))
        data, ends = energy[: len(batch.y)], energy[len(batch.y) :]
        return data.mean() - ends.mean() + self.penalty * (data.square().mean() + ends.square().mean())
