"""Generative latent optimization: a decoder without an encoder."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from ebmbench.api import (
    Batch,
    GradientMethod,
    Problem,
    Surface,
    coarse_net,
    lattice,
    minimum,
)
from ebmbench_plugins.a2_regularized_code.decoder import ROWS_AT_ONCE, CodeSurface


class Generated(CodeSurface):
    """F(y) = min_z |u - D(z)|^2 over a lattice of the unit ball."""

    nodes: Tensor

    def __init__(self, problem: Problem, decoder: nn.Module, nodes: Tensor) -> None:
        super().__init__(problem, decoder)
        self.register_buffer("nodes", nodes, persistent=False)

    @torch.no_grad()
    def infer(self, y: Tensor) -> Tensor:
        """The best code of each row, (B, d) -> (B, k)."""
        best = self.over_codes(
            y, self.nodes, 4 * ROWS_AT_ONCE, lambda s, part, p: minimum(s.squared_errors(part, p))[1]
        )
        return self.nodes[best]

    def guessed_codes(self, n: int, generator: Generator) -> Tensor:
        """Nodes of the lattice, spread evenly."""
        return self.nodes[torch.linspace(0, len(self.nodes) - 1, n).round().long()]

    def energies(self, y: Tensor, code: Tensor) -> Tensor:
        """E(y, z) = |u - D(z)|^2, (B, d) and (B, k) -> (B,)."""
        decoded: Tensor = self.decoder(code)
        return (self.standardize(y) - decoded).square().sum(-1)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,). The gradient holds the code fixed (the envelope theorem)."""
        return self.energies(y, self.infer(y))


class GLO(GradientMethod):
    """E(y, z) = |u - D(z)|^2, |z| <= 1, F(y) = min_z E(y, z); L = E F(y) (Bojanowski et al. 2018, eq. 2).

    Every datum has a code of its own, bound by nothing but the ball. The paper keeps the codes and moves them by
    gradients; in a stream no datum comes twice, so its code is found anew: the best node of a lattice, which is global,
    and the same search gives the energy. Shapes: y (B, d), z (B, k). A step costs a pass for each node, and the
    gradient of a batch.
    With k = d the decoder reaches every point and F vanishes everywhere: the dimension of the code is what bounds the
    volume, so k = 1. It fails where the data are no single curve: one curve is drawn through all modes and the gaps
    between them, and says nothing of how probable its points are.
    """

    conditional = True

    codes: int = Field(1, ge=1, le=2, description="k, dimensions of the code")
    nodes: int = Field(512, ge=2, description="nodes of the lattice along each axis of the code")

    def build(self, problem: Problem) -> Surface:
        """A decoder of the shared size."""
        decoder = coarse_net(self.codes, problem.dim, problem.net, problem.context)
        return Generated(problem, decoder, lattice(self.codes, self.nodes))

    def loss(self, surface: Generated, batch: Batch, rng: Generator) -> Tensor:
        """The mean of the minima; nothing is drawn."""
        return surface(batch.y).mean()
