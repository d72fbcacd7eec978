"""Principal components: the squared distance from a subspace."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Problem, Surface
from ebmbench_plugins.a1_bounded_volume.closed_form import ClosedForm, FittedSurface


class Subspace(FittedSurface):
    """F(y) = |u - W W^T u|^2, u = y - mean, W (d, q) with orthonormal columns."""

    axes: Tensor

    def __init__(self, dim: int, components: int) -> None:
        super().__init__(dim)
        self.register_buffer("axes", torch.eye(dim, components, dtype=torch.float64))

    def infer(self, y: Tensor) -> Tensor:
        """The coordinates within the subspace, (B, d) -> (B, q)."""
        return self.centered(y) @ self.axes

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return (self.centered(y) - self.infer(y) @ self.axes.T).square().sum(-1)


class LinearMethod(ClosedForm):
    """A method with a subspace of ``components`` dimensions, found by scikit-learn's PCA; authors write the rest."""

    components: int = Field(1, ge=1, description="q, dimensions of the subspace")

    def supports(self, problem: Problem) -> str | None:
        """Some axis must be left out of the subspace."""
        needed = self.components + 1
        return f"needs at least {needed} coordinates for {self.components} components" if problem.dim < needed else None

    def decompose(self, surface: FittedSurface, y: Tensor) -> Any:
        """scikit-learn's fitted PCA of the rows, whose mean the surface takes over."""
        from sklearn.decomposition import PCA as Decomposition

        fitted = Decomposition(self.components, svd_solver="full").fit(y.numpy())
        surface.mean.copy_(torch.from_numpy(fitted.mean_))
        return fitted

    def foreign_work(self, surface: FittedSurface, batch: Batch) -> float:
        """The products of the covariance, which no decomposition can do without."""
        return 2.0 * batch.y.numel() * batch.y.shape[1]


class PCA(LinearMethod):
    """E(y, z) = |y - m - W z|^2 with W (d, q), q < d; F(y) = min_z E = |u - W W^T u|^2, u = y - m (Pearson 1901).

    The best subspace in closed form, by scikit-learn, in one step. Shapes: y (B, d), z (B, q).
    The volume of low energy is not bounded: F is zero on all of the subspace, and exp(-F) has no integral; only
    within the box can it be compared. It is convex, and fails on whatever does not lie about a flat.
    """

    def build(self, problem: Problem) -> Surface:
        """The first axes."""
        return Subspace(problem.dim, self.components)

    def fit(self, surface: Subspace, y: Tensor, rng: Generator) -> Tensor:
        """The principal axes."""
        surface.axes.copy_(torch.from_numpy(self.decompose(surface, y).components_.T))
        return surface(y.to(surface.mean.device)).mean()
