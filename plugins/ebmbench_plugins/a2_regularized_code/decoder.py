"""What methods with a code of few dimensions share: a decoder, and Gaussians about what it says."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ebmbench.api import Problem, StandardizedSurface, squared_distances

ROWS_AT_ONCE = 512
"""Rows against all codes at once: beyond this the table of energies falls out of the processor's cache."""


class DecoderSurface(StandardizedSurface):
    """Standardization, a decoder, and the learned variance of what it leaves open."""

    def __init__(self, problem: Problem, decoder: nn.Module) -> None:
        super().__init__(problem)
        self.decoder = decoder
        self.log_variance = nn.Parameter(torch.tensor(-1.0))

    def gaussian_energies(self, squared: Tensor) -> Tensor:
        """-log N(y; D(z), s^2 std^2) from |u - D(z)|^2, elementwise."""
        dim = len(self.mean)
        constant = 0.5 * dim * (math.log(2 * math.pi) + self.log_variance) + self.std.log().sum()
        return 0.5 * squared * torch.exp(-self.log_variance) + constant

    def energies(self, y: Tensor, places: Tensor) -> Tensor:
        """-log N(y; place, s^2 std^2) for every decoded code, (B, d) and (K, d) -> (B, K)."""
        return self.gaussian_energies(squared_distances(self.standardize(y), places))
