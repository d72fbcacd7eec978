"""Denoising auto-encoder."""

from __future__ import annotations

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, ReconstructionMethod, ReconstructionSurface, log_uniform, normal


class DAE(ReconstructionMethod):
    """Map corrupted points back to where they came from: the energy is how far a point is moved.

    L = E |G(u + s e) - u|^2 / s^2, e ~ N(0, I), log s uniform (Vincent et al. 2008; the weight makes all levels
    count alike). At the optimum G(u) - u = s^2 grad log p_s (Alain & Bengio 2014; Miyasawa 1961), so that the plain
    energy |u - G(u)|^2 also vanishes midway between modes. The energy is therefore read out from a small cloud about
    the point (``energy_noise``); with ``energy_noise: 0`` it is the lecture's. Shapes: u (B, d) -> G(u) (B, d).
    It fails as a density: only the order of its energies means anything.
    """

    conditional = True

    batch: int = Field(512, ge=1, description="rows of data in a step")
    noise_low: float = Field(0.05, gt=0, description="smallest noise, in units of the data's standard deviation")
    noise_high: float = Field(1.0, gt=0, description="largest noise, in units of the data's standard deviation")

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """The weighted denoising error."""
        u = surface.standardize(batch.y)
        noise = log_uniform((len(u), 1), self.noise_low, self.noise_high, u, rng)
        rebuilt: Tensor = surface.map(u + noise * normal(tuple(u.shape), u, rng))
        return ((rebuilt - u) / noise).square().sum(-1).mean()
