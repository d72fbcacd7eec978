"""Probabilistic principal components."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, Surface


class LinearGaussian(Surface):
    """F(y) = -log N(y; mean, W W^T + s^2 I), W (d, q)."""

    mean: Tensor
    loadings: Tensor
    variance: Tensor
    fitted: Tensor

    def __init__(self, dim: int, components: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim, dtype=torch.float64))
        self.register_buffer("loadings", torch.zeros(dim, components, dtype=torch.float64))
        self.register_buffer("variance", torch.ones((), dtype=torch.float64))
        self.register_buffer("fitted", torch.tensor(False))

    def _cholesky(self) -> Tensor:
        noise = self.variance * torch.eye(len(self.mean), dtype=self.mean.dtype, device=self.mean.device)
        factor: Tensor = torch.linalg.cholesky(self.loadings @ self.loadings.T + noise)
        return factor

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        factor = self._cholesky()
        white: Tensor = torch.linalg.solve_triangular(factor, (y.to(self.mean.dtype) - self.mean).T, upper=False)
        log_det = factor.diagonal().log().sum()
        return 0.5 * white.square().sum(0) + log_det + 0.5 * y.shape[-1] * math.log(2 * math.pi)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """A normal code through W, and isotropic noise."""
        dim, codes = self.loadings.shape
        drawn = torch.randn(n, codes + dim, generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + drawn[:, :codes] @ self.loadings.T + self.variance.sqrt() * drawn[:, codes:]


class PPCA(Method):
    """F(y) = -log N(y; m, W W^T + s^2 I), W (d, q): a Gaussian, thick along q axes alone (Tipping & Bishop 1999).

    The maximum of the likelihood in closed form (their eq. 8), by scikit-learn, in one step: W spans the leading
    eigenvectors of the covariance, s^2 is the mean of the eigenvalues left out. Shapes: y (B, d).
    F is a convex parabola: on data with several modes it is worse than the full Gaussian, to which q = d - 1 leads.
    """

    set_wise = True
    components: int = Field(1, ge=1, description="q, axes along which the variance is free")

    def supports(self, problem: Problem) -> str | None:
        """Some axis must be left for the noise."""
        needed = self.components + 1
        return f"needs at least {needed} coordinates for {self.components} components" if problem.dim < needed else None

    def build(self, problem: Problem) -> Surface:
        """The standard normal."""
        return LinearGaussian(problem.dim, self.components)

    def step(self, surface: LinearGaussian, batch: Batch, rng: Generator) -> Logs:
        """The whole fit."""
        from sklearn.decomposition import PCA

        fitted = PCA(self.components, svd_solver="full").fit(batch.y.cpu().double().numpy())
        gain = torch.from_numpy(fitted.explained_variance_ - fitted.noise_variance_).clamp_min(0).sqrt()
        surface.mean.copy_(torch.from_numpy(fitted.mean_))
        surface.loadings.copy_(torch.from_numpy(fitted.components_.T) * gain)
        surface.variance.fill_(fitted.noise_variance_)
        surface.fitted.fill_(True)
        return {"loss": surface(batch.y).mean()}

    def finished(self, surface: LinearGaussian) -> bool:
        """After the one step."""
        return bool(surface.fitted)
