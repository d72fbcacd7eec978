"""Mixture density network."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import (
    Batch,
    GradientMethod,
    Problem,
    StandardizedSurface,
    Surface,
    conditioned,
    logsumexp,
    normal,
)

NARROWEST = 1e-3
"""Smallest standard deviation of a component, in units of the data's: the likelihood of a spike has no bound."""


class MixtureNet(StandardizedSurface):
    """F(y, x) = -log sum_k w_k(x) N(y; m_k(x), diag s_k(x)^2), all of them outputs of one network of x."""

    starts: Tensor

    def __init__(self, problem: Problem, components: int) -> None:
        super().__init__(problem)
        self.components = components
        self.register_buffer("starts", first_means(components, problem.dim))
        self.net = conditioned(0, components * (1 + 2 * problem.dim), problem.net, problem.context)

    def mixture(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """log weights (rows, K), means and log standard deviations (rows, K, d) in standardized coordinates."""
        found = self.net(self.mean.new_zeros(rows, 0)).view(rows, self.components, -1)
        means, log_stds = found[..., 1:].chunk(2, -1)
        log_stds = math.log(NARROWEST) + torch.nn.functional.softplus(log_stds - math.log(NARROWEST) - 1)
        return found[..., 0].log_softmax(-1), means + self.starts, log_stds

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        log_weights, means, log_stds = self.mixture(len(y))
        white = (self.standardize(y)[:, None] - means) * (-log_stds).exp()
        log_prob = -0.5 * white.square().sum(-1) - log_stds.sum(-1)
        constant = 0.5 * y.shape[-1] * math.log(2 * math.pi) + self.std.log().sum()
        return constant - logsumexp(log_weights + log_prob)

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """A component given each context, and a draw of it."""
        log_weights, means, log_stds = self.mixture(n)
        chosen = torch.multinomial(log_weights.exp(), 1, generator=generator)[..., None].expand(-1, -1, means.shape[-1])
        mean, log_std = (part.gather(1, chosen).squeeze(1) for part in (means, log_stds))
        return self.mean + self.std * (mean + log_std.exp() * normal(tuple(mean.shape), mean, generator))

    @torch.no_grad()
    def guess(self, n: int, generator: Generator) -> Tensor:
        """The means (B, n, d) of components drawn by their weights, without the noise about them."""
        assert self.context is not None
        log_weights, means, _ = self.mixture(len(self.context))
        chosen = torch.multinomial(log_weights.exp(), n, replacement=True, generator=generator)
        return self.mean + self.std * means[torch.arange(len(means), device=means.device)[:, None], chosen]


def first_means(components: int, dim: int) -> Tensor:
    """Where the means start, (K, d): evenly along the diagonal of the data; off the plane in any directions.

    On a diagonal of many coordinates the one or two in the middle would be nearer to all data than any other.
    """
    if dim <= 2:
        return torch.linspace(-1.5, 1.5, components)[:, None].expand(-1, dim).clone()
    return 1.5 / math.sqrt(dim) * torch.randn(components, dim)


class MDN(GradientMethod):
    """F(y, x) = -log sum_k w_k(x) N(y; m_k(x), s_k(x)^2), by maximum likelihood: L = E F (Bishop 1994, eq. 23).

    A mixture of Gaussians whose weights, means and widths a network of x gives. Z = 1 given any x: the volume of low
    energy is bounded by construction, and several answers to one x are several components. The means start evenly
    spread over the data, off the plane apart from one another. Shapes: x (B, c), y (B, d), K components of diagonal
    covariance. A row costs a pass.
    It fails where y given x is no sum of few Gaussians, as a sharp edge or a thin curve, and by components that starve.
    """

    conditional = True

    components: int = Field(8, ge=1, description="Gaussians of the mixture")
    clip: float | None = Field(5.0, gt=0, description="largest norm of the gradient")

    def supports(self, problem: Problem) -> str | None:
        """There must be something to be a mixture of."""
        return "its mixture is a function of a context x, and there is none" if problem.context is None else None

    def build(self, problem: Problem) -> Surface:
        """The shared layers from x to all numbers of the mixture."""
        return MixtureNet(problem, self.components)

    def loss(self, surface: MixtureNet, batch: Batch, rng: Generator) -> Tensor:
        """The mean negative log-likelihood in nats."""
        return surface(batch.y).mean()
