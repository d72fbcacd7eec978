"""Principal components: the squared distance from a subspace."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, Surface


class Subspace(Surface):
    """F(y) = |u - W W^T u|^2, u = y - mean, W (d, q) with orthonormal columns."""

    mean: Tensor
    axes: Tensor
    fitted: Tensor

    def __init__(self, dim: int, components: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim, dtype=torch.float64))
        self.register_buffer("axes", torch.eye(dim, components, dtype=torch.float64))
        self.register_buffer("fitted", torch.tensor(False))

    def infer(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The coordinates within the subspace, (B, d) -> (B, q)."""
        return (y.to(self.mean.dtype) - self.mean) @ self.axes

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        u = y.to(self.mean.dtype) - self.mean
        return (u - self.infer(y) @ self.axes.T).square().sum(-1)


class PCA(Method):
    """E(y, z) = |y - m - W z|^2 with W (d, q), q < d; F(y) = min_z E = |u - W W^T u|^2, u = y - m (Pearson 1901).

    The best subspace in closed form, by scikit-learn, in one step. Shapes: y (B, d), z (B, q).
    The volume of low energy is not bounded: F is zero on all of the subspace, and exp(-F) has no integral; only
    within the box can it be compared. It is convex, and fails on whatever does not lie about a flat.
    """

    set_wise = True
    components: int = Field(1, ge=1, description="q, dimensions of the subspace")

    def supports(self, problem: Problem) -> str | None:
        """A subspace that is everything has no energy."""
        needed = self.components + 1
        return f"needs at least {needed} coordinates for {self.components} components" if problem.dim < needed else None

    def build(self, problem: Problem) -> Surface:
        """The first axes."""
        return Subspace(problem.dim, self.components)

    def step(self, surface: Subspace, batch: Batch, rng: Generator) -> Logs:
        """The whole fit."""
        from sklearn.decomposition import PCA as Decomposition

        fitted = Decomposition(self.components, svd_solver="full").fit(batch.y.cpu().double().numpy())
        surface.mean.copy_(torch.from_numpy(fitted.mean_))
        surface.axes.copy_(torch.from_numpy(fitted.components_.T))
        surface.fitted.fill_(True)
        return {"loss": surface(batch.y).mean()}

    def finished(self, surface: Subspace) -> bool:
        """After the one step."""
        return bool(surface.fitted)
