"""Vector-quantized auto-encoder."""

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
    logsumexp,
    minimum,
    squared_distances,
    uniform,
)
from ebmbench_plugins.a2_regularized_code.decoder import ROWS_AT_ONCE, DecoderSurface

DEAD = 0.05
"""A code that wins less than this share of its due is dead."""


class Quantized(DecoderSurface):
    """F(y) = -log sum_k p_k N(y; D(e_k), s^2): a soft choice of the code e_k, whose prior is p_k."""

    codebook: Tensor
    wins: Tensor
    sums: Tensor

    def __init__(self, problem: Problem, clusters: int, codes: int) -> None:
        super().__init__(problem, coarse_net(codes, problem.dim, problem.net, problem.context))
        self.encoder = conditioned(problem.dim, codes, problem.net, problem.context)
        self.log_prior = nn.Parameter(torch.zeros(clusters))
        self.register_buffer("codebook", torch.randn(clusters, codes))
        self.register_buffer("wins", torch.zeros(clusters))
        self.register_buffer("sums", torch.zeros(clusters, codes))

    def encode(self, y: Tensor) -> Tensor:
        """The code before quantization, (B, d) -> (B, c)."""
        code: Tensor = self.encoder(self.standardize(y))
        return code

    def infer(self, y: Tensor) -> Tensor:
        """The nearest code of each row, (B, d) -> (B,)."""
        return minimum(squared_distances(self.encode(y), self.codebook))[1]

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self.over_codes(y, self.codebook, 8 * ROWS_AT_ONCE, Quantized.soft_energy)

    def guessed_codes(self, n: int, generator: Generator) -> Tensor:
        """Codes of the book, by their prior."""
        chosen = torch.multinomial(self.log_prior.softmax(-1), n, replacement=True, generator=generator)
        return self.codebook[chosen]

    def soft_energy(self, y: Tensor, places: Tensor) -> Tensor:
        """-log sum_k p_k N(y; place_k, s^2), (B, d) and (K, d) or (B, K, d) -> (B,)."""
        return -logsumexp(torch.log_softmax(self.log_prior, -1) - self.energies(y, places))

    def sample(self, n: int, generator: Generator) -> Tensor:
        """A code from its prior, decoded, and noise."""
        with torch.no_grad():
            chosen = torch.multinomial(self.log_prior.softmax(-1), n, replacement=True, generator=generator)
            decoded = self.decoder(self.codebook[chosen])
            noise = torch.randn(decoded.shape, generator=generator, dtype=decoded.dtype, device=decoded.device)
            place: Tensor = decoded + (self.log_variance / 2).exp() * noise
            return self.mean + self.std * place

    @torch.no_grad()
    def follow(self, code: Tensor, winner: Tensor, decay: float, rng: Generator) -> None:
        """Each code to the moving mean of what it won; dead ones to codes of the batch, drawn at random."""
        won = torch.zeros_like(self.wins).index_add_(0, winner, torch.ones_like(code[:, 0]))
        total = torch.zeros_like(self.sums).index_add_(0, winner, code)
        self.wins.lerp_(won, 1 - decay)
        self.sums.lerp_(total, 1 - decay)
        due = len(code) / len(self.wins)
        dead = self.wins < DEAD * due
        drawn = code[(uniform((len(self.wins),), code, rng) * len(code)).long()]
        self.wins.copy_(torch.where(dead, due, self.wins))
        self.sums.copy_(torch.where(dead[:, None], due * drawn, self.sums))
        self.codebook.copy_(self.sums / self.wins[:, None])


class VQVAE(GradientMethod):
    """z = the nearest of K codes to net(u); L = |u - D(z)|^2 + b |net(u) - z|^2 (van den Oord et al. 2017, eq. 3).

    Gradients pass the choice straight through; codes follow the moving mean of what they win, and dead ones restart on
    data. Prior p_k and variance s^2 come second, as in the paper: they minimize F = -log sum_k p_k N(y; D(e_k), s^2)
    with the decoded codes held fixed. Few codes bound the volume: F is a mixture of K Gaussians of one width, Z = 1.
    Shapes: y (B, d), codes (K, c). A row costs two passes, and the K codes are decoded once.
    It fails along long curves: the codes stand farther apart than the data are thick, and s must span the gaps.
    """

    conditional = True

    clusters: int = Field(64, ge=2, description="K, codes of the book")
    codes: int = Field(2, ge=1, description="c, dimensions of a code")
    commitment: float = Field(0.25, ge=0, description="b, how strongly the encoder is held to its code")
    decay: float = Field(0.98, ge=0, lt=1, description="decay of the codes' moving means")

    def build(self, problem: Problem) -> Surface:
        """Random codes, even odds."""
        return Quantized(problem, self.clusters, self.codes)

    def param_groups(self, surface: Quantized) -> ParamGroups:
        """Prior and variance go faster."""
        nets = [*surface.encoder.parameters(), *surface.decoder.parameters()]
        return [{"params": nets}, {"params": [surface.log_variance, surface.log_prior], "lr_scale": 10.0}]

    def loss(self, surface: Quantized, batch: Batch, rng: Generator) -> Tensor:
        """Reconstruction, commitment, and the cross-entropy of prior and variance."""
        code = surface.encode(batch.y)
        winner = minimum(squared_distances(code.detach(), surface.codebook))[1]
        chosen = surface.codebook[winner]
        rebuilt: Tensor = surface.decoder(code + (chosen - code).detach())
        error = (surface.standardize(batch.y) - rebuilt).square().sum(-1).mean()
        held = (code - chosen).square().sum(-1).mean()
        with torch.no_grad():
            places = surface.places(surface.codebook, len(batch))
        prior = surface.soft_energy(batch.y, places).mean()
        surface.follow(code.detach(), winner, self.decay, rng)
        return error + self.commitment * held + prior
