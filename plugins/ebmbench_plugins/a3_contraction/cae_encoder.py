"""Contractive auto-encoder of one sigmoid layer."""

from __future__ import annotations

from typing import cast

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional

from ebmbench.api import Batch, MapModel, Problem, ReconstructionMethod, ReconstructionSurface


class TiedSigmoid(MapModel):
    """G(u) = W' h + c, h = sigmoid(W u + b), (B, d) -> (B, d): one matrix W (units, d) there and back."""

    def __init__(self, dim: int, units: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(dim, units)
        self.offset = nn.Parameter(torch.zeros(dim))

    def encode(self, u: Tensor) -> Tensor:
        """h, (B, d) -> (B, units)."""
        return torch.sigmoid(self.encoder(u))

    def decode(self, h: Tensor) -> Tensor:
        """W' h + c, (B, units) -> (B, d)."""
        return functional.linear(h, self.encoder.weight.T, self.offset)

    def contraction(self, h: Tensor) -> Tensor:
        """|dh/du|_F^2 = sum_j (h_j (1 - h_j))^2 |w_j|^2, (B, units) -> (B,)."""
        return (h * (1 - h)).square() @ self.encoder.weight.square().sum(-1)

    def forward(self, u: Tensor) -> Tensor:
        """G(u)."""
        return self.decode(self.encode(u))


class CAEEncoder(ReconstructionMethod):
    """The contractive auto-encoder of its paper: one layer of sigmoids, the same weights back, the code made constant.

    L = E |u - G(u)|^2 + l |dh/du|_F^2,  h = sigmoid(W u + b),  G(u) = W' h + c (Rifai et al. 2011, eq. 4 and 9). The
    penalty has the closed form sum_j (h_j (1 - h_j))^2 |w_j|^2: exact, and no pass more. The weights are tied, lest W
    shrink while the decoder grows. The layer sees u itself, no Fourier features. Shapes: u (B, d), h (B, units).
    It fails on all that is curved: a sharp step of h takes a long w_j, which the penalty forbids, so that G stays near
    an affine map and reconstructs far more than the data. Only the order of its energies means anything.
    """

    units: int = Field(128, ge=1, description="sigmoids of the code")
    lr: float = Field(0.01, gt=0, description="peak learning rate of Adam")
    contraction: float = Field(0.3, ge=0, description="l, weight of the penalty on the code's Jacobian")

    def map_of(self, problem: Problem) -> MapModel:
        """One tied layer of sigmoids."""
        return TiedSigmoid(problem.dim, self.units)

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """Reconstruction error, and l times the squared Frobenius norm of the code's Jacobian."""
        layer = cast(TiedSigmoid, surface.map)
        u = surface.standardize(batch.y)
        h = layer.encode(u)
        error = (layer.decode(h) - u).square().sum(-1)
        return (error + self.contraction * layer.contraction(h)).mean()
