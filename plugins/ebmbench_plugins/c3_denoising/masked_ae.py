"""Masked auto-encoder: each coordinate is hidden in turn and predicted from the others."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from ebmbench.api import Batch, GradientMethod, Problem, Surface, conditioned, normal, without_features


class MaskedSurface(Surface):
    """F(y) = sum_i E_i(y_i, y without y_i): one network for each coordinate, which sees all others, standardized."""

    mean: Tensor
    std: Tensor
    others: Tensor

    def __init__(self, problem: Problem, outputs: int) -> None:
        super().__init__()
        dim, binary = problem.dim, problem.domain.kind == "binary"
        self.binary = binary
        half = torch.full_like(problem.mean, 0.5)
        self.register_buffer("mean", half if binary else problem.mean.clone())
        self.register_buffer("std", half.clone() if binary else problem.std.clone())
        others = torch.arange(dim).expand(dim, dim)[~torch.eye(dim, dtype=torch.bool)].view(dim, dim - 1)
        self.register_buffer("others", others, persistent=False)
        config = without_features(problem.net) if binary else problem.net
        self.nets = nn.ModuleList(conditioned(dim - 1, outputs, config, problem.context) for _ in range(dim))

    def standardize(self, y: Tensor) -> Tensor:
        """u = (y - mean) / std; on bits the signs 2 y - 1."""
        return (y - self.mean) / self.std

    def predict(self, u: Tensor) -> Tensor:
        """What each network says of its coordinate, (B, d) -> (B, d, outputs): row i does not depend on u_i."""
        return torch.stack([net(u[:, seen]) for net, seen in zip(self.nets, self.others, strict=True)], 1)

    def energies(self, y: Tensor, predicted: Tensor) -> Tensor:
        """E_i of each coordinate, (B, d) and (B, d, outputs) -> (B, d)."""
        raise NotImplementedError

    def errors(self, y: Tensor, predicted: Tensor) -> Tensor:
        """What training makes small, coordinate by coordinate, (B, d): the energies themselves."""
        return self.energies(y, predicted)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return self.energies(y, self.predict(self.standardize(y))).sum(-1)


class Bits(MaskedSurface):
    """E_i = -log p(y_i | rest): a softmax over the two values of a bit."""

    def energies(self, y: Tensor, predicted: Tensor) -> Tensor:
        """The logit is of y_i = 1."""
        return softplus((1 - 2 * y) * predicted.squeeze(-1))


class Bins(MaskedSurface):
    """E_i = -log p(y_i | rest): a softmax over bins of the box, its logarithm interpolated linearly between centers."""

    low: Tensor
    width: Tensor

    def __init__(self, problem: Problem, bins: int) -> None:
        super().__init__(problem, bins)
        low, high = (problem.mean.new_tensor(side) for side in (problem.box.low, problem.box.high))
        self.bins = bins
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("width", (high - low) / bins, persistent=False)

    def log_density(self, predicted: Tensor) -> Tensor:
        """log p at the bins' centers, (B, d, bins)."""
        return torch.log_softmax(predicted, -1) - self.width.log()[:, None]

    def place(self, y: Tensor) -> Tensor:
        """Where y lies in units of bins, 0 at the first center; beyond the last centers it stays there."""
        return ((y - self.low) / self.width - 0.5).clamp(0, self.bins - 1)

    def energies(self, y: Tensor, predicted: Tensor) -> Tensor:
        """Interpolated, so that the energy has a gradient in y_i too."""
        log_p, place = self.log_density(predicted), self.place(y)
        left = place.detach().floor().clamp_max(log_p.shape[-1] - 2).long()
        ends = log_p.gather(-1, torch.stack([left, left + 1], -1))
        return -torch.lerp(ends[..., 0], ends[..., 1], place - left)

    def errors(self, y: Tensor, predicted: Tensor) -> Tensor:
        """The cross-entropy of the bin that y_i falls into."""
        nearest = self.place(y).round().long()
        return -self.log_density(predicted).gather(-1, nearest[..., None]).squeeze(-1)


class Means(MaskedSurface):
    """E_i = (u_i - m_i(rest))^2: the squared distance from the predicted mean."""

    def energies(self, y: Tensor, predicted: Tensor) -> Tensor:
        """In standardized coordinates."""
        return (self.standardize(y) - predicted.squeeze(-1)).square()


class MaskedAE(GradientMethod):
    """Hide a coordinate and predict it from the others, as BERT does with words (Devlin et al. 2019).

    ``softmax``: L = -E sum_i log p_i(y_i | rest), a Bernoulli on bits and a softmax over ``bins`` of the box on the
    plane; F = -sum_i log p_i(y_i | rest), minus the pseudo-log-likelihood (Salazar et al. 2020). ``mean``: L = F =
    E sum_i (u_i - m_i(rest))^2, whose optimum is the conditional mean: blurred wherever the rest leaves y_i several
    values, which a softmax represents at no cost. On bits the mean is all there is to know. One network of the shared
    size a coordinate, so that a datum costs d passes. Shapes: y (B, d), predictions (B, d, outputs).
    It fails as a density: the pseudo-log-likelihood counts what coordinates share twice, and nothing makes the
    conditionals those of one joint law. The mean fails on anything that bends.
    """

    conditional = True

    works_on = ("continuous", "binary")

    head: Literal["softmax", "mean"] = Field("softmax", description="what is predicted of a hidden coordinate")
    bins: int = Field(64, ge=2, description="bins of the softmax along each side of the box")
    noise: float = Field(0.02, ge=0, description="noise on what is seen in training, in standard deviations (no bits)")

    def supports(self, problem: Problem) -> str | None:
        """There must be other coordinates, or a context."""
        alone = problem.dim < 2 and problem.context is None
        return "one coordinate has no others to be predicted from" if alone else None

    def build(self, problem: Problem) -> Surface:
        """A network for each coordinate."""
        if self.head == "mean":
            return Means(problem, 1)
        return Bits(problem, 1) if problem.domain.kind == "binary" else Bins(problem, self.bins)

    def loss(self, surface: MaskedSurface, batch: Batch, rng: Generator) -> Tensor:
        """The errors of all coordinates, each hidden in turn."""
        u = surface.standardize(batch.y)
        seen = u if surface.binary else u + self.noise * normal(tuple(u.shape), u, rng)
        return surface.errors(batch.y, surface.predict(seen)).sum(-1).mean()
