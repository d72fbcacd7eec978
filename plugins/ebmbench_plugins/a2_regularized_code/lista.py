"""Sparse coding whose code is predicted, not inferred."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from ebmbench.api import Batch, GradientMethod, Problem, StandardizedSurface, Surface
from ebmbench_plugins.a2_regularized_code.sparse_coding import fista

FISTA_ITERATIONS = 500
"""What the amortized code is held against."""


def soft(a: Tensor, threshold: Tensor) -> Tensor:
    """sign(a) max(|a| - threshold, 0)."""
    return a - torch.minimum(torch.maximum(a, -threshold), threshold)


class PredictedCode(StandardizedSurface):
    """F(y) = E(y, z(y)), E = 1/2 |u - D z|^2 + l |z|_1, z(y) a few unrolled steps with weights of their own."""

    def __init__(self, problem: Problem, method: LISTA) -> None:
        super().__init__(problem)
        self.penalty, self.depth = method.penalty, method.depth
        atoms = torch.randn(method.atoms, problem.dim)
        atoms = atoms / atoms.norm(dim=-1, keepdim=True)
        gram = atoms @ atoms.T
        lipschitz = torch.linalg.eigvalsh(gram)[-1]
        self.atoms = nn.Parameter(atoms)
        self.filters = nn.Parameter(atoms / lipschitz)
        self.lateral = nn.Parameter(torch.eye(method.atoms) - gram / lipschitz)
        self.threshold = nn.Parameter((self.penalty / lipschitz).expand(method.atoms).clone())

    def infer(self, y: Tensor) -> Tensor:
        """The predicted code, z <- soft(W u + S z) ``depth`` times from zero, (B, d) -> (B, K)."""
        driven = self.standardize(y) @ self.filters.T
        threshold = self.threshold.clamp_min(0)
        code = soft(driven, threshold)
        for _ in range(self.depth - 1):
            code = soft(driven + code @ self.lateral.T, threshold)
        return code

    def energies(self, y: Tensor, code: Tensor) -> Tensor:
        """E(y, z), (B, d) and (B, K) -> (B,)."""
        error = self.standardize(y) - code @ self.atoms
        return 0.5 * error.square().sum(-1) + self.penalty * code.abs().sum(-1)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self.energies(y, self.infer(y))

    @torch.no_grad()
    def amortization_gap(self, y: Tensor) -> Tensor:
        """E at the predicted code minus the minimum of E by FISTA, (B, d) -> (B,): never negative but for rounding."""
        best = fista(self.standardize(y), self.atoms, self.penalty, FISTA_ITERATIONS)
        return self(y) - self.energies(y, best)


class LISTA(GradientMethod):
    """E(y, z) = 1/2 |u - D z|^2 + l |z|_1 with z predicted by ISTA, unrolled and learned (Gregor & LeCun 2010, alg. 3).

    L = E F(y) trains the dictionary (atoms of norm at most 1) and the encoder together: no code is ever inferred, so a
    step is as cheap as an auto-encoder's. F is the energy at the predicted code, above sparse coding's minimum by the
    amortization gap. Shapes: y (B, d), z (B, K), D (d, K). A row costs two passes, encoder and decoder.
    It fails as sparse coding does, one basin about the mean; and far from the data the prediction is poor, so that the
    energy rises there by the encoder's ignorance too.
    """

    atoms: int = Field(8, ge=1, description="atoms of the dictionary")
    penalty: float = Field(0.1, gt=0, description="l, weight of the L1 norm of the code")
    depth: int = Field(5, ge=1, description="unrolled steps of the encoder")

    def build(self, problem: Problem) -> Surface:
        """Random directions, and the encoder that is ISTA for them."""
        return PredictedCode(problem, self)

    def loss(self, surface: PredictedCode, batch: Batch, rng: Generator) -> Tensor:
        """The mean energy at the predicted codes."""
        return surface(batch.y).mean()

    @torch.no_grad()
    def after_step(self, surface: PredictedCode) -> None:
        """Atoms back into the unit ball."""
        surface.atoms.div_(surface.atoms.norm(dim=-1, keepdim=True).clamp_min(1.0))
