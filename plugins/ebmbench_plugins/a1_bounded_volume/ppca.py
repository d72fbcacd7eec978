"""Probabilistic principal components."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ebmbench.api import Problem, Surface
from ebmbench_plugins.a1_bounded_volume.closed_form import FittedSurface
from ebmbench_plugins.a1_bounded_volume.pca import LinearMethod


class LinearGaussian(FittedSurface):
    """F(y) = -log N(y; mean, W W^T + s^2 I), W (d, q)."""

    loadings: Tensor
    variance: Tensor

    def __init__(self, dim: int, components: int) -> None:
        super().__init__(dim)
        self.register_buffer("loadings", torch.zeros(dim, components, dtype=torch.float64))
        self.register_buffer("variance", torch.ones((), dtype=torch.float64))

    def _cholesky(self) -> Tensor:
        noise = self.variance * torch.eye(len(self.mean), dtype=self.mean.dtype, device=self.mean.device)
        factor: Tensor = torch.linalg.cholesky(self.loadings @ self.loadings.T + noise)
        return factor

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        factor = self._cholesky()
        white: Tensor = torch.linalg.solve_triangular(factor, self.centered(y).T, upper=False)
        log_det = factor.diagonal().log().sum()
        return 0.5 * white.square().sum(0) + log_det + 0.5 * y.shape[-1] * math.log(2 * math.pi)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """A normal code through W, and isotropic noise."""
        dim, codes = self.loadings.shape
        drawn = torch.randn(n, codes + dim, generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + drawn[:, :codes] @ self.loadings.T + self.variance.sqrt() * drawn[:, codes:]


class PPCA(LinearMethod):
    """F(y) = -log N(y; m, W W^T + s^2 I), W (d, q): a Gaussian, thick along q axes alone (Tipping & Bishop 1999).

    The maximum of the likelihood in closed form (their eq. 8), by scikit-learn, in one step: W spans the leading
    eigenvectors of the covariance, s^2 is the mean of the eigenvalues left out. Shapes: y (B, d).
    F is a convex parabola: on data with several modes it is worse than the full Gaussian, to which q = d - 1 leads.
    """

    def build(self, problem: Problem) -> Surface:
        """The standard normal."""
        return LinearGaussian(problem.dim, self.components)

    def fit(self, surface: LinearGaussian, y: Tensor, rng: Generator) -> Tensor:
        """Axes by what each has beyond the noise."""
        fitted = self.decompose(surface, y)
        gain = torch.from_numpy(fitted.explained_variance_ - fitted.noise_variance_).clamp_min(0).sqrt()
        surface.loadings.copy_(torch.from_numpy(fitted.components_.T) * gain)
        surface.variance.fill_(fitted.noise_variance_)
        return surface(y.to(surface.mean.device)).mean()
