"""K-means by stochastic gradient descent."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, Surface
from ebmbench_plugins.a1_bounded_volume.kmeans import Prototypes


class CountedPrototypes(Prototypes):
    """K prototypes, and how many data each prototype has won so far."""

    wins: Tensor

    def __init__(self, clusters: int, dim: int) -> None:
        super().__init__(clusters, dim)
        self.register_buffer("wins", torch.zeros(clusters))


class KMeansSGD(Method):
    """F(y) = min_k |y - w_k|^2, as ``kmeans``, by stochastic gradients: the lecture's contrast to Lloyd's sweeps.

    A step is one gradient of a batch, w_k += r_k sum_{i won by k} (y_i - w_k), with r_k one over the data that k has
    won so far: for this loss that is Newton's scaling (Bottou & Bengio 1995, section 3.4). ``least_rate`` keeps the
    share of a batch in a prototype from falling below it: without it prototypes soon stand still, long before they have
    spread. The start is k-means++ on the first batch. Shapes: y (B, d), prototypes (K, d).
    It fails as ``kmeans`` does; a prototype that wins nothing never moves; and the least rate leaves some noise.
    """

    clusters: int = Field(64, ge=1, description="prototypes")
    least_rate: float = Field(0.01, ge=0, le=1, description="least share of a batch in a prototype (0: one over wins)")
    batch: int = Field(256, ge=1, description="rows of data in a step")

    def build(self, problem: Problem) -> Surface:
        """K prototypes at the origin."""
        return CountedPrototypes(self.clusters, problem.dim)

    @torch.no_grad()
    def step(self, surface: CountedPrototypes, batch: Batch, rng: Generator) -> Logs:
        """Assign the batch, and move each prototype towards the mean of what it won."""
        if torch.isinf(surface.inertia):
            surface.prototypes.copy_(self._start(batch.y, rng))
        energy, winner = surface.energies(batch.y).min(-1)
        won = torch.zeros_like(surface.wins).index_add_(0, winner, torch.ones_like(energy))
        total = torch.zeros_like(surface.prototypes).index_add_(0, winner, batch.y)
        surface.wins.add_(won)
        share = (won / surface.wins.clamp_min(1)).clamp_min(self.least_rate) * (won > 0)
        mean = total / won.clamp_min(1)[:, None]
        surface.prototypes.lerp_(mean, share[:, None].expand_as(mean))
        surface.inertia.copy_(energy.mean())
        return {"loss": energy.mean()}

    def _start(self, y: Tensor, rng: Generator) -> Tensor:
        from sklearn.cluster import kmeans_plusplus

        seed = int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device))
        rows = y.cpu().double().numpy()
        chosen, _ = kmeans_plusplus(rows, min(self.clusters, len(rows)), random_state=seed)
        again = -(-self.clusters // len(chosen))
        return torch.from_numpy(chosen).repeat(again, 1)[: self.clusters].to(y)
