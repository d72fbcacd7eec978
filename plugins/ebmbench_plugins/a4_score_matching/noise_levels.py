"""An energy that knows how noisy its point is, with the derivatives that score matching needs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ebmbench.api import Contextual, Problem

TIMES = 7
"""Features of the noise level: its logarithm, and three sines and cosines of it."""
DAMPING = 0.125
"""How fast the noise hides a wave: half of it (1 / 2) would be the wave's own mean under the noise."""


class LevelNet(Contextual):
    """F(y, s): the shared network's layers on damped waves and the noise level, on the base measure of noisy data.

    In u = (y - mean) / std the noise of size s (in units of ``spread``) has the sizes n = s spread / std, and data that
    are normal have variance 1 + n^2 once noisy. With c = (1 + n^2)^(-1/2), t the logarithm of s scaled to [-1, 1] and B
    the random frequencies, F = net([u c, sin(u B) w, cos(u B) w], t) + sum (u c)^2 / 2 - log c, where w = exp(-|n B|^2
    / 8) silences waves shorter than the noise. The last two terms are the energy of N(0, 1 + n^2) itself, normalizer
    included, so that the net has only what differs from it to learn. A context x, standardized to v, adds v C to the
    phases u B, and v to the input; the noise is on y alone.

    Args:
        problem: gives the standardization and the size of the layers.
        low: smallest s.
        high: largest s.
    """

    mean: Tensor
    std: Tensor
    spread: Tensor
    frequencies: Tensor
    x_mean: Tensor
    x_std: Tensor
    x_frequencies: Tensor

    def __init__(self, problem: Problem, low: float, high: float) -> None:
        super().__init__()
        config, each = problem.net, problem.net.features // len(problem.net.scales)
        self.register_buffer("mean", problem.mean.clone())
        self.register_buffer("std", problem.std.clone())
        self.register_buffer("spread", torch.tensor(problem.spread))
        waves = [scale * torch.randn(problem.dim, each) for scale in config.scales]
        self.register_buffer("frequencies", torch.cat(waves, 1))
        widths = [problem.dim + 2 * self.frequencies.shape[1], *[config.width] * config.depth]
        self.extra = 0 if problem.context is None else problem.context.dim
        if problem.context is not None:
            self.register_buffer("x_mean", problem.context.mean.clone())
            self.register_buffer("x_std", problem.context.std.clone())
            turns = [scale * torch.randn(self.extra, each) for scale in config.scales]
            self.register_buffer("x_frequencies", torch.cat(turns, 1))
        widths[0] += self.extra
        self.hidden = nn.ModuleList(nn.Linear(a + TIMES, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], 1)
        self.center, self.reach = math.log(low * high) / 2, math.log(high / low) / 2

    def forward(self, y: Tensor, level: Tensor) -> Tensor:
        """The energies (B,) of y (B, d) at the noise sizes ``level`` (B, 1)."""
        u, noise = self._inputs(y, level)
        h = self._waves(u, noise)[0]
        times, _ = self._times(level)
        for layer in self.hidden:
            h = functional.silu(layer(torch.cat([h, times], -1)))
        value: Tensor = self.last(h).squeeze(-1)
        return value + self._base(u, noise)

    def with_derivatives(self, y: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """F (B,), dF/dy (B, d) and dF/d log s (B,), as forward operations: one adjoint gives both."""
        u, noise = self._inputs(y, level)
        h, sin, cos, quiet, shrink = self._waves(u, noise)
        times, times_slope = self._times(level)
        slopes = []
        for layer in self.hidden:
            a = layer(torch.cat([h, times], -1))
            sigmoid = torch.sigmoid(a)
            h = a * sigmoid
            slopes.append(sigmoid + h * (1 - sigmoid))
        value = self.last(h).squeeze(-1) + self._base(u, noise)
        adjoint: Tensor = self.last.weight
        by_time = torch.zeros_like(times)
        for layer, slope in zip(reversed(self.hidden), reversed(slopes), strict=True):
            adjoint = (adjoint * slope) @ cast(nn.Linear, layer).weight
            by_time = by_time + adjoint[:, -TIMES:]
            adjoint = adjoint[:, :-TIMES]
        sizes = [u.shape[-1], *[sin.shape[1]] * 2, self.extra]
        direct, of_sin, of_cos, _ = torch.split(adjoint, sizes, -1)
        by_u = direct * shrink + ((of_sin * cos - of_cos * sin) * quiet) @ self.frequencies.T + u * shrink.square()
        hush = -2 * DAMPING * (noise.square() @ self.frequencies.square()) * quiet
        gone = (noise * shrink).square()
        by_level = (by_time * times_slope).sum(-1) + (hush * (of_sin * sin + of_cos * cos)).sum(-1)
        by_level = by_level + (gone * (1 - u * shrink * (direct + u * shrink))).sum(-1)
        return value, by_u / self.std, by_level

    def _inputs(self, y: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        return (y - self.mean) / self.std, level * self.spread / self.std

    def _waves(self, u: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The input of the first layer, then sines, cosines, what damps them, and what shrinks u."""
        phase, seen = u @ self.frequencies, []
        if self.extra:
            v = (self.context_of(len(u)) - self.x_mean) / self.x_std
            phase, seen = phase + v @ self.x_frequencies, [v]
        sin, cos = phase.sin(), phase.cos()
        quiet = torch.exp(-DAMPING * (noise.square() @ self.frequencies.square()))
        shrink = (1 + noise.square()).rsqrt()
        return torch.cat([u * shrink, sin * quiet, cos * quiet, *seen], -1), sin, cos, quiet, shrink

    def _times(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """The features of the level (B, 7), and their derivatives with respect to log s."""
        t = (level.log() - self.center) / self.reach
        rates = torch.arange(1, 4, dtype=t.dtype, device=t.device) * (math.pi / 2)
        sin, cos = (t * rates).sin(), (t * rates).cos()
        slope = torch.cat([torch.ones_like(t), rates * cos, -rates * sin], -1) / self.reach
        return torch.cat([t, sin, cos], -1), slope

    @staticmethod
    def _base(u: Tensor, noise: Tensor) -> Tensor:
        variance = 1 + noise.square()
        return (u.square() / variance + variance.log()).sum(-1) / 2
