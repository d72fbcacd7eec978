"""Noise distributions with their exact densities."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ebmbench.contracts.problem import Context, Noise, Problem
from ebmbench.contracts.surface import Contextual

NEGLIGIBLE = 1e-5
"""Of the largest eigenvalue of the correlations of x: below it lies the rounding of single precision."""


def normal(shape: tuple[int, ...], like: Tensor, rng: Generator) -> Tensor:
    """Standard normal draws with the dtype and device of ``like``."""
    return torch.randn(shape, generator=rng, dtype=like.dtype, device=like.device)


def uniform(shape: tuple[int, ...], like: Tensor, rng: Generator) -> Tensor:
    """Draws from [0, 1) with the dtype and device of ``like``."""
    return torch.rand(shape, generator=rng, dtype=like.dtype, device=like.device)


def signs(shape: tuple[int, ...], like: Tensor, rng: Generator) -> Tensor:
    """Draws of -1 and +1 with equal probability (Rademacher), with the dtype and device of ``like``."""
    return 1 - 2 * torch.randint(2, shape, generator=rng, device=like.device).to(like.dtype)


def log_uniform(shape: tuple[int, ...], low: float, high: float, like: Tensor, rng: Generator) -> Tensor:
    """Draws whose logarithm is uniform between those of ``low`` and ``high``."""
    return low * torch.pow(high / low, uniform(shape, like, rng))


class Gaussian(Noise):
    """A multivariate normal with fixed moments, kept as buffers."""

    mean: Tensor
    cholesky: Tensor

    def __init__(self, mean: Tensor, cov: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("cholesky", torch.linalg.cholesky(cov))

    def log_prob(self, y: Tensor) -> Tensor:
        """log N(y; mean, cov) in nats, (B, d) -> (B,)."""
        white: Tensor = torch.linalg.solve_triangular(self.cholesky, (y - self.mean).T, upper=False)
        log_det = self.cholesky.diagonal().log().sum()
        return -0.5 * white.square().sum(0) - log_det - 0.5 * y.shape[-1] * math.log(2 * math.pi)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent draws, (n, d)."""
        noise = normal((n, len(self.mean)), self.mean, generator)
        return self.mean + noise @ self.cholesky.T


class LinearGaussian(Gaussian, Contextual):
    """N(mean + A (x - mean_x), cov): what the best linear prediction of y from x leaves open.

    A = cov_yx cov_xx^-1; the covariance is that of the residuals, ``scale`` times.
    """

    origin: Tensor
    slope: Tensor

    def __init__(self, mean: Tensor, cov: Tensor, context: Context, scale: float) -> None:
        slope = best_slope(context)
        super().__init__(mean, scale * (cov - context.cross.T @ slope))
        self.register_buffer("origin", context.mean.clone())
        self.register_buffer("slope", slope)

    def _shift(self, rows: int) -> Tensor:
        return (self.context_of(rows) - self.origin) @ self.slope

    def log_prob(self, y: Tensor) -> Tensor:
        """log N(y; mean + A (x - mean_x), cov) in nats, (B, d) -> (B,)."""
        return super().log_prob(y - self._shift(len(y)))

    def sample(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent draws, (n, d), each given its own context."""
        return super().sample(n, generator) + self._shift(n)


def best_slope(context: Context) -> Tensor:
    """A' = cov_xx^-1 cov_xy, (c, d), by what x varies along: pictures have many more pixels than ways of varying.

    In double precision; directions in which x hardly varies, in units of its coordinates, are left out.
    """
    std = context.std.double()
    slope: Tensor = torch.linalg.lstsq(
        context.cov.double() / torch.outer(std, std),
        context.cross.double() / std[:, None],
        rcond=NEGLIGIBLE,
        driver="gelsd",
    ).solution
    return (slope / std[:, None]).to(context.cross)


def gaussian(problem: Problem, scale: float) -> Gaussian:
    """The normal with the training set's mean and ``scale`` times its covariance; given x, of its linear fit."""
    if problem.context is not None:
        return LinearGaussian(problem.mean, problem.cov, problem.context, scale)
    return Gaussian(problem.mean, scale * problem.cov)
