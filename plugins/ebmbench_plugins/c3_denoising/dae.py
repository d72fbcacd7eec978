"""Denoising auto-encoder."""

from __future__ import annotations

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, ReconstructionSurface, Surface
from ebmbench.parts.noise import log_uniform, normal


class DAE(GradientMethod):
    """Map corrupted points back to where they came from: the energy is how far a point is moved.

    L = E |G(u + s e) - u|^2 / s^2, e ~ N(0, I), log s uniform (Vincent et al. 2008; the weight makes all levels
    count alike). At the optimum G(u) - u = s^2 grad log p_s (Alain & Bengio 2014; Miyasawa 1961), so that the plain
    energy |u - G(u)|^2 also vanishes midway between modes. The energy is therefore read out from a small cloud about
    the point (``energy_noise``); with ``energy_noise: 0`` it is the lecture's. Shapes: u (B, d) -> G(u) (B, d).
    It fails as a density: only the order of its energies means anything.
    """

    batch: int = Field(512, ge=1, description="rows of data in a step")
    noise_low: float = Field(0.05, gt=0, description="smallest noise, in units of the data's standard deviation")
    noise_high: float = Field(1.0, gt=0, description="largest noise, in units of the data's standard deviation")
    energy_noise: float = Field(0.1, ge=0, description="size of the cloud that the energy looks from (0: none)")
    energy_draws: int = Field(6, ge=3, description="points of that cloud")

    def build(self, problem: Problem) -> Surface:
        """The shared residual map."""
        return ReconstructionSurface(problem, self.energy_noise, self.energy_draws)

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """The weighted denoising error."""
        u = surface.standardize(batch.y)
        noise = log_uniform((len(u), 1), self.noise_low, self.noise_high, u, rng)
        rebuilt: Tensor = surface.map(u + noise * normal(tuple(u.shape), u, rng))
        return ((rebuilt - u) / noise).square().sum(-1).mean()
