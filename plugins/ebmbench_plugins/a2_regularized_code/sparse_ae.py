"""Sparse auto-encoder with a nonlinear decoder."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn.functional import relu, silu

from ebmbench.api import Batch, GradientMethod, Problem, StandardizedSurface, Surface, conditioned


class SparseAutoencoder(StandardizedSurface):
    """F(y) = 1/2 |u - D(z)|^2 + l |z|_1 at z = relu(net(u)), D(z) = C silu(A z + b) + c; b is a net of x."""

    def __init__(self, problem: Problem, method: SparseAE) -> None:
        super().__init__(problem)
        self.penalty = method.penalty
        self.encoder = conditioned(problem.dim, method.codes, problem.net, problem.context)
        self.inner = nn.Linear(method.codes, problem.net.width)
        self.outer = nn.Linear(problem.net.width, problem.dim)
        given = problem.context is not None
        self.shift = conditioned(0, problem.net.width, problem.net, problem.context) if given else None

    def infer(self, y: Tensor) -> Tensor:
        """The code of each row, (B, d) -> (B, K)."""
        return relu(self.encoder(self.standardize(y)))

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        code = self.infer(y)
        hidden = self.inner(code)
        if self.shift is not None:
            hidden = hidden + self.shift(y[:, :0])
        error: Tensor = self.standardize(y) - self.outer(silu(hidden))
        return 0.5 * error.square().sum(-1) + self.penalty * code.sum(-1)


class SparseAE(GradientMethod):
    """F(y) = 1/2 |u - D(z)|^2 + l |z|_1 at the code z = relu(net(u)) of an over-complete encoder (Ranzato et al. 2007).

    L = E F(y). The columns of the decoder's first matrix and the rows of its second have norm at most 1, as the atoms
    of sparse coding have: otherwise codes shrink, weights grow, and the penalty measures nothing. The decoder is
    nonlinear, so unlike linear sparse coding F need not be convex. Shapes: y (B, d), z (B, K). A row costs two passes.
    It fails in two ways: with a low price D(net(u)) is close to the identity about the data and between them, and F is
    the price of a code, which is low in one basin; with a high price (0.1) units die, and whole clusters are given up.
    """

    conditional = True

    codes: int = Field(64, ge=1, description="units of the code")
    penalty: float = Field(0.02, gt=0, description="l, weight of the L1 norm of the code")

    def build(self, problem: Problem) -> Surface:
        """The shared network as the encoder, one hidden layer as the decoder."""
        return SparseAutoencoder(problem, self)

    def loss(self, surface: SparseAutoencoder, batch: Batch, rng: Generator) -> Tensor:
        """The mean energy."""
        return surface(batch.y).mean()

    @torch.no_grad()
    def after_step(self, surface: SparseAutoencoder) -> None:
        """The decoder's weights back into their balls."""
        surface.inner.weight.div_(surface.inner.weight.norm(dim=0, keepdim=True).clamp_min(1.0))
        surface.outer.weight.div_(surface.outer.weight.norm(dim=1, keepdim=True).clamp_min(1.0))
