"""Denoising score matching at all noise levels at once, tied together by the score in time."""

from __future__ import annotations

import math

import torch
from pydantic import Field, model_validator
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, Surface, normal, uniform
from ebmbench_plugins.a4_score_matching.noise_levels import LevelNet

LEVELS = 100
"""Noise levels that samples go down, from the largest to the smallest."""
STEP = 0.1
"""Size of a Langevin step at a level s, in units of s^2: its variance is off by at most 1 part in 19."""


class LevelSurface(Surface):
    """F(y) = net(y, s) at the smallest level s, and a sampler that comes down from the largest."""

    low: Tensor

    def __init__(self, net: LevelNet, low: float, high: float) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("low", torch.tensor(low))
        self.ladder = tuple(low * (high / low) ** (k / (LEVELS - 1)) for k in reversed(range(LEVELS)))

    @property
    def smoothing(self) -> float:
        """The standard deviation of the smallest noise in the units of y."""
        return float(self.low * self.net.spread)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        energy: Tensor = self.net(y, self.low.expand(len(y), 1))
        return energy

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """Annealed Langevin (Song & Ermon 2019) after steps back in time (Song et al. 2021, algorithm 2 and eq. 47).

        From s to the next level r the reverse of the noising moves y by -(s^2 - r^2) grad F and adds noise of variance
        (s^2 - r^2) r^2 / s^2; a Langevin step at r mends what that leaves. Langevin alone would have to walk as far as
        the data reach with the small steps of the small levels.
        """
        start = normal((n, len(self.net.mean)), self.net.mean, generator)
        y: Tensor = self.net.mean + start * (self.net.std.square() + (self.ladder[0] * self.net.spread).square()).sqrt()
        for level, lower in zip(self.ladder, self.ladder[1:], strict=False):
            gap = level**2 - lower**2
            y = self._moved(y, level, gap, gap * (lower / level) ** 2, generator)
            y = self._moved(y, lower, STEP * lower**2, 2 * STEP * lower**2, generator)
        return y

    def _moved(self, y: Tensor, level: float, drift: float, variance: float, rng: Generator) -> Tensor:
        """y - drift grad F + noise of that variance, both in units of the squared spread."""
        _, gradient, _ = self.net.with_derivatives(y, torch.full_like(y[:, :1], level))
        spread = self.net.spread
        noise = normal(tuple(y.shape), y, rng)
        moved: Tensor = y - drift * spread.square() * gradient + math.sqrt(variance) * spread * noise
        return moved


class DSMMulti(GradientMethod):
    """Denoise at every level from a whisper to far beyond the data's spread, with one energy F(y, s) for all of them.

    L = E 1/2 |s dF/dy - e|^2 + w (dF/d log s + |e|^2 - d)^2 at y + s e, e ~ N(0, I) in antithetic pairs, log s uniform
    and stratified in a batch. The first term is denoising score matching (Vincent 2011; at many levels Song & Ermon
    2019). The second, of weight w = ``time_weight``, is its twin for the derivative with respect to the level, since
    d log N(y + s e; y, s^2) / d log s = |e|^2 - d at y + s e (the time score: Choi et al. 2022): it ties the masses of
    modes at small s, to which the first term is blind, to the one mode that is left at large s. So this is score
    matching in space and time; ``time_weight: 0`` is plain multi-level denoising. Its minimum is F = -log p_s
    + const; the energy is read out at the smallest s. Shapes: y, e (B, d), s (B, 1).
    It fails by the blur of the smallest noise, and where the ladder's top is not above the distance between modes.
    """

    conditional = True

    lr: float = Field(8e-3, gt=0, description="peak learning rate of Adam")
    noise_low: float = Field(0.01, gt=0, description="smallest s, in units of the data's standard deviation")
    noise_high: float = Field(3.0, gt=0, description="largest s, in units of the data's standard deviation")
    time_weight: float = Field(0.25, ge=0, description="w, weight of the time-score term")

    @model_validator(mode="after")
    def _ladder_rises(self) -> DSMMulti:
        if self.noise_low >= self.noise_high:
            raise ValueError("noise_low must be below noise_high")
        return self

    def build(self, problem: Problem) -> Surface:
        """A net of its own: the shared one with the noise level as a further input."""
        net = LevelNet(problem, self.noise_low, self.noise_high)
        return LevelSurface(net, self.noise_low, self.noise_high)

    def loss(self, surface: LevelSurface, batch: Batch, rng: Generator) -> Tensor:
        """The error of the score in space, and w times that of the score in time."""
        y, rows = batch.y, len(batch.y)
        place = torch.arange(rows, dtype=y.dtype, device=y.device)[:, None]
        place = (place + uniform((rows, 1), y, rng)) / rows
        level = (self.noise_low * torch.pow(self.noise_high / self.noise_low, place)).repeat(2, 1)
        noise = normal(tuple(y.shape), y, rng)
        noise = torch.cat([noise, -noise])
        size = level * surface.net.spread
        _, by_y, by_level = surface.net.with_derivatives(torch.cat([y, y]) + size * noise, level)
        in_space = 0.5 * (size * by_y - noise).square().sum(-1)
        in_time = (by_level + noise.square().sum(-1) - y.shape[-1]).square()
        return (in_space + self.time_weight * in_time).mean()
