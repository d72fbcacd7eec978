"""Sparse coding with a linear dictionary."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, StandardizedSurface, Surface


def fista(u: Tensor, dictionary: Tensor, penalty: float, iterations: int) -> Tensor:
    """argmin_z 1/2 |u - D z|^2 + penalty |z|_1 by accelerated proximal gradient (Beck & Teboulle 2009, section 4).

    Args:
        u: (B, d).
        dictionary: D^T, (K, d): an atom a row.
        penalty: weight of the L1 norm.
        iterations: how many; fixed, so that each row's code depends on that row alone.

    Returns:
        The codes, (B, K).
    """
    gram = dictionary @ dictionary.T
    lipschitz = torch.linalg.eigvalsh(dictionary.T @ dictionary)[-1].clamp_min(1e-12)
    step, pull = (
        torch.eye(len(gram), dtype=gram.dtype, device=gram.device) - gram / lipschitz,
        u @ dictionary.T / lipschitz,
    )
    z = ahead = torch.zeros_like(pull)
    momentum, threshold = 1.0, penalty / lipschitz
    for _ in range(iterations):
        moved = torch.addmm(pull, ahead, step)
        new = moved - moved.clamp(-threshold, threshold)
        next_momentum = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = torch.lerp(z, new, 1 + (momentum - 1) / next_momentum)
        z, momentum = new, next_momentum
    return z


class Dictionary(StandardizedSurface):
    """F(y) = min_z 1/2 |u - D z|^2 + l |z|_1, u standardized; and what online learning remembers."""

    atoms: Tensor
    gram: Tensor
    cross: Tensor
    change: Tensor

    def __init__(self, problem: Problem, method: SparseCoding) -> None:
        super().__init__(problem)
        self.penalty, self.iterations = method.penalty, method.iterations
        atoms = torch.randn(method.atoms, problem.dim)
        self.register_buffer("atoms", atoms / atoms.norm(dim=-1, keepdim=True))
        self.register_buffer("gram", torch.zeros(method.atoms, method.atoms))
        self.register_buffer("cross", torch.zeros(method.atoms, problem.dim))
        self.register_buffer("change", torch.tensor(torch.inf))

    def infer(self, y: Tensor) -> Tensor:
        """The sparse code of each row, (B, d) -> (B, K)."""
        return fista(self.standardize(y), self.atoms, self.penalty, self.iterations)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,). The gradient holds the code fixed (the envelope theorem)."""
        return torch.cat([self._energy(rows) for rows in torch.split(y, 2048)])

    def _energy(self, y: Tensor) -> Tensor:
        with torch.no_grad():
            code = self.infer(y)
        error = self.standardize(y) - code @ self.atoms
        return 0.5 * error.square().sum(-1) + self.penalty * code.abs().sum(-1)


class SparseCoding(Method):
    """E(y, z) = 1/2 |u - D z|^2 + l |z|_1 with atoms of norm at most 1, F(y) = min_z E (Olshausen & Field 1996).

    The code by FISTA; the dictionary by online block coordinate descent on the accumulated statistics (Mairal et al.
    2009, algorithms 1 and 2). Older statistics fade, so that codes of a poor dictionary are forgotten. It ends when a
    step hardly moves an atom. Shapes: y (B, d), z (B, K), D (d, K).
    E is jointly convex, so F is convex, even and least at the mean: it cannot have several modes. It is right where
    data are sparse combinations (an ICA model), and wrong elsewhere, by theorem and not by accident.
    """

    atoms: int = Field(8, ge=1, description="atoms of the dictionary")
    penalty: float = Field(0.1, gt=0, description="l, weight of the L1 norm of the code")
    iterations: int = Field(200, ge=1, description="FISTA iterations to infer a code")
    batch: int = Field(4096, ge=1, description="rows of data in a step")
    tolerance: float = Field(1e-3, ge=0, description="largest move of an atom (of norm 1) in a step at which it ends")
    memory: float = Field(0.95, ge=0, lt=1, description="how much of the statistics a step keeps")

    def build(self, problem: Problem) -> Surface:
        """A dictionary of random directions."""
        return Dictionary(problem, self)

    @torch.no_grad()
    def step(self, surface: Dictionary, batch: Batch, rng: Generator) -> Logs:
        """Codes of the batch, then each atom in turn to the minimum of the accumulated energy."""
        u, before = surface.standardize(batch.y), surface.atoms.clone()
        code = surface.infer(batch.y)
        loss = 0.5 * (u - code @ surface.atoms).square().sum(-1) + self.penalty * code.abs().sum(-1)
        surface.gram.mul_(self.memory).add_(code.T @ code / len(u))
        surface.cross.mul_(self.memory).add_(code.T @ u / len(u))
        for k in range(self.atoms):
            moved = surface.atoms[k] + (surface.cross[k] - surface.gram[k] @ surface.atoms) / (
                surface.gram[k, k].clamp_min(1e-6)
            )
            surface.atoms[k] = moved / moved.norm().clamp_min(1.0)
        surface.change.copy_((surface.atoms - before).norm(dim=-1).max())
        return {"loss": loss.mean()}

    def finished(self, surface: Dictionary) -> bool:
        """Whether the last step moved no atom by more than the tolerance."""
        return bool(surface.change <= self.tolerance)
