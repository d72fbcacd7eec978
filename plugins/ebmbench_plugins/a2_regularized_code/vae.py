"""Variational auto-encoder."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from ebmbench.api import (
    Batch,
    GradientMethod,
    ParamGroups,
    Problem,
    Surface,
    coarse_net,
    conditioned,
    free_energy,
    normal,
    normal_lattice,
)
from ebmbench_plugins.a2_regularized_code.decoder import ROWS_AT_ONCE, DecoderSurface


class Variational(DecoderSurface):
    """F(y) = -log mean_j N(y; D(z_j), s^2), z_j equally probable under N(0, I): exact, and no bound."""

    nodes: Tensor

    def __init__(self, problem: Problem, encoder: nn.Module, decoder: nn.Module, nodes: Tensor) -> None:
        super().__init__(problem, decoder)
        self.encoder = encoder
        self.register_buffer("nodes", nodes, persistent=False)

    def posterior(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z | y), (B, d) -> (B, k), (B, k)."""
        mean, log_std = self.encoder(self.standardize(y)).chunk(2, -1)
        return mean, log_std

    def infer(self, y: Tensor) -> Tensor:
        """The mean of q(z | y), (B, d) -> (B, k)."""
        return self.posterior(y)[0]

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self.over_codes(
            y, self.nodes, ROWS_AT_ONCE, lambda s, part, places: free_energy(s.energies(part, places))
        )

    def guessed_codes(self, n: int, generator: Generator) -> Tensor:
        """Draws of the prior."""
        return normal((n, self.nodes.shape[1]), self.mean, generator)

    def bound(self, y: Tensor, draws: int, rng: Generator) -> Tensor:
        """A lower bound of log p(y), (B, d) -> (B,): log of the mean weight of codes drawn from q (Burda 2016, 8)."""
        mean, log_std = self.posterior(y)
        noise = normal((draws, *mean.shape), mean, rng)
        code = mean + log_std.exp() * noise
        error = self.standardize(y) - self.decoder(code.flatten(0, 1)).view(draws, *y.shape)
        log_prior_ratio = (0.5 * noise.square() - 0.5 * code.square() + log_std).sum(-1)
        return -free_energy(self.gaussian_energies(error.square().sum(-1)).T - log_prior_ratio.T)

    @torch.no_grad()
    def sample(self, n: int, generator: Generator) -> Tensor:
        """A normal code, decoded, and noise."""
        code = normal((n, self.nodes.shape[1]), self.mean, generator)
        noise = normal((n, len(self.mean)), self.mean, generator)
        decoded: Tensor = self.decoder(code)
        return self.mean + self.std * (decoded + (self.log_variance / 2).exp() * noise)


class VAE(GradientMethod):
    """p(y) = int N(y; D(z), s^2) N(z; 0, I) dz, trained through q(z | y) (Kingma & Welling 2014; Burda et al. 2016).

    L = -E log mean_j p(y, z_j) / q(z_j | y) with ``draws`` codes from q: the ELBO for one. The energy is no bound but
    -log of the integral by a lattice of codes, equally probable ones: a mixture of Gaussians, Z = 1. The noise on the
    code is the regularizer: it limits what a code can tell. Shapes: y (B, d), z (B, k). A row costs a pass in the
    encoder and one for each draw in the decoder.
    It fails where modes are apart: D is continuous, so that the plane of codes is stretched over the gaps, and a
    Gaussian q cannot fit a posterior of several pieces, which keeps s wide. A decoder finer than the lattice's
    spacing would deceive the quadrature, so the lattice is fine and the decoder's features coarse.
    """

    conditional = True

    codes: int = Field(2, ge=1, le=3, description="k, dimensions of the code")
    draws: int = Field(8, ge=1, description="codes drawn for each datum (1: the ELBO)")
    nodes: int = Field(64, ge=2, description="nodes of the lattice along each axis of the code")

    def build(self, problem: Problem) -> Surface:
        """The shared network as encoder, and a smooth one as decoder."""
        encoder = conditioned(problem.dim, 2 * self.codes, problem.net, problem.context)
        decoder = coarse_net(self.codes, problem.dim, problem.net, problem.context)
        return Variational(problem, encoder, decoder, normal_lattice(self.codes, self.nodes))

    def param_groups(self, surface: Variational) -> ParamGroups:
        """The variance is one number, and goes faster."""
        nets = [*surface.encoder.parameters(), *surface.decoder.parameters()]
        return [{"params": nets}, {"params": [surface.log_variance], "lr_scale": 10.0}]

    def loss(self, surface: Variational, batch: Batch, rng: Generator) -> Tensor:
        """Minus the mean bound."""
        return -surface.bound(batch.y, self.draws, rng).mean()
