"""What methods with a code of few dimensions share: a decoder, and Gaussians about what it says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Generator, Tensor, nn

from ebmbench.api import Problem, StandardizedSurface, bound, squared_distances

ROWS_AT_ONCE = 512
"""Rows against all codes at once: beyond this the table of energies falls out of the processor's cache."""


class CodeSurface(StandardizedSurface):
    """Standardization and a decoder, whose codes lie elsewhere given another context."""

    def __init__(self, problem: Problem, decoder: nn.Module) -> None:
        super().__init__(problem)
        self.decoder = decoder

    def over_codes(
        self, y: Tensor, codes: Tensor, rows: int, energy: Callable[[Self, Tensor, Tensor], Tensor]
    ) -> Tensor:
        """``energy`` of this surface, so many rows of y (B, d) at a time, and what the codes (K, k) are decoded to.

        Without a context they are decoded once for all parts.
        """
        if self.context is None:
            places = self.decoder(codes)
            return torch.cat([energy(self, part, places) for part in torch.split(y, rows)])
        return self.in_parts(y, rows, lambda given, part: energy(given, part, given.places(codes, len(part))))

    def places(self, codes: Tensor, rows: int) -> Tensor:
        """D(z) of every code (K, d); given contexts D(z, x) for each of so many rows, (rows, K, d)."""
        decoded: Tensor
        if self.context is None:
            decoded = self.decoder(codes)
            return decoded
        distinct, which = torch.unique(self.context_of(rows), dim=0, return_inverse=True)
        decoder = bound(self.decoder, distinct.repeat_interleave(len(codes), 0))
        decoded = decoder(codes.repeat(len(distinct), 1)).view(len(distinct), len(codes), -1)
        return decoded[which]

    def squared_errors(self, y: Tensor, places: Tensor) -> Tensor:
        """|u - place|^2 for every code, (B, d) and (K, d) or (B, K, d) -> (B, K)."""
        u = self.standardize(y)
        return squared_distances(u, places) if places.ndim == 2 else (u[:, None] - places).square().sum(-1)

    def guess(self, n: int, generator: Generator) -> Tensor:
        """What each of ``n`` codes says of y given each context (B, n, d), without noise."""
        assert self.context is not None
        with torch.no_grad():
            return self.mean + self.std * self.places(self.guessed_codes(n, generator), len(self.context))

    def guessed_codes(self, n: int, generator: Generator) -> Tensor:
        """``n`` codes to predict from (n, k): the same whatever the context is."""
        raise NotImplementedError


class DecoderSurface(CodeSurface):
    """A decoder, and the learned variance of what it leaves open."""

    def __init__(self, problem: Problem, decoder: nn.Module) -> None:
        super().__init__(problem, decoder)
        self.log_variance = nn.Parameter(torch.tensor(-1.0))

    def gaussian_energies(self, squared: Tensor) -> Tensor:
        """-log N(y; D(z), s^2 std^2) from |u - D(z)|^2, elementwise."""
        dim = len(self.mean)
        constant = 0.5 * dim * (math.log(2 * math.pi) + self.log_variance) + self.std.log().sum()
        return 0.5 * squared * torch.exp(-self.log_variance) + constant

    def energies(self, y: Tensor, places: Tensor) -> Tensor:
        """-log N(y; place, s^2 std^2) for every decoded code, (B, d) and (K, d) or (B, K, d) -> (B, K)."""
        return self.gaussian_energies(self.squared_errors(y, places))
