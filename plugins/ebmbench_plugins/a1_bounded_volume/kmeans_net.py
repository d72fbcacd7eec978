"""K-means whose prototypes are a network of the context."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, StandardizedSurface, Surface, conditioned, minimum


class PrototypeNet(StandardizedSurface):
    """F(y, x) = min_k |u - w_k(x)|^2: a quadratic well about each prototype, all of which follow x."""

    def __init__(self, problem: Problem, clusters: int) -> None:
        super().__init__(problem)
        self.clusters = clusters
        self.net = conditioned(0, clusters * problem.dim, problem.net, problem.context)

    def prototypes(self, rows: int) -> Tensor:
        """w(x) in standardized coordinates, (rows, K, d)."""
        found = self.net(self.mean.new_zeros(rows, 0)).view(rows, self.clusters, -1)
        spread = torch.linspace(-1.5, 1.5, self.clusters, dtype=found.dtype, device=found.device)
        return found + spread[:, None]

    def energies(self, y: Tensor) -> Tensor:
        """E(y, x, z) = |u - w_z(x)|^2 for every z, (B, d) -> (B, K)."""
        return (self.standardize(y)[:, None] - self.prototypes(len(y))).square().sum(-1)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return minimum(self.energies(y))[0]

    def infer(self, y: Tensor) -> Tensor:
        """The nearest prototype of each row, (B, d) -> (B,)."""
        return minimum(self.energies(y))[1]

    @torch.no_grad()
    def guess(self, n: int, generator: Generator) -> Tensor:
        """The prototypes given each context (B, n, d), again and again where there are fewer than n, at random."""
        assert self.context is not None
        copies = -(-n // self.clusters)
        device = self.mean.device
        order = [torch.randperm(self.clusters, generator=generator, device=device) for _ in range(copies)]
        return self.mean + self.std * self.prototypes(len(self.context))[:, torch.cat(order)[:n]]


class KMeansNet(GradientMethod):
    """E(y, x, z) = |u - w_z(x)|^2 with z one of K, F(y, x) = min_z E; L = E F (Guzman-Rivera et al. 2012, eq. 3).

    The conditional k-means: a network of x gives K answers, and only the one nearest to y learns from it (multiple
    choice learning). ``slack`` of the gradient goes to all others alike, so that a prototype that never wins is not
    lost (Rupprecht et al. 2017, eq. 10). Shapes: x (B, c), y (B, d), prototypes (B, K, d). A row costs a pass.
    It fails as ``kmeans`` does: K wells of one width, and no word of how probable each is.
    """

    conditional = True

    clusters: int = Field(8, ge=1, description="K, prototypes given each context")
    slack: float = Field(0.05, ge=0, lt=1, description="share of the loss that all prototypes have")

    def supports(self, problem: Problem) -> str | None:
        """There must be something that prototypes follow."""
        return "its prototypes are a function of a context x, and there is none" if problem.context is None else None

    def build(self, problem: Problem) -> Surface:
        """The shared layers from x to all prototypes."""
        return PrototypeNet(problem, self.clusters)

    def loss(self, surface: PrototypeNet, batch: Batch, rng: Generator) -> Tensor:
        """The mean of the minima, and a little of the mean of all."""
        energies = surface.energies(batch.y)
        return (1 - self.slack) * minimum(energies)[0].mean() + self.slack * energies.mean()
