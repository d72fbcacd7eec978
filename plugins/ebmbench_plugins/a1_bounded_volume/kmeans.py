"""K-means as an energy."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, Surface, free_energy, minimum


class Prototypes(Surface):
    """F(y) = min_k |y - w_k|^2: a quadratic well about each prototype."""

    prototypes: Tensor
    inertia: Tensor
    change: Tensor

    def __init__(self, clusters: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("prototypes", torch.zeros(clusters, dim))
        self.register_buffer("inertia", torch.tensor(torch.inf))
        self.register_buffer("change", torch.tensor(torch.inf))

    def energies(self, y: Tensor) -> Tensor:
        """E(y, z) = |y - w_z|^2 for every z, (B, d) -> (B, K)."""
        return (y[:, None] - self.prototypes).square().sum(-1)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return torch.cat([minimum(self.energies(rows))[0] for rows in torch.split(y, 2048)])

    def infer(self, y: Tensor) -> Tensor:
        """The nearest prototype of each row, (B, d) -> (B,)."""
        return minimum(self.energies(y))[1]


class FreePrototypes(Prototypes):
    """F_beta(y) = -(1/beta) log mean_k exp(-beta |y - w_k|^2), with 1/beta the mean energy of the data, twice over d.

    That is the beta at which the data are likeliest under K normals of one width when each belongs to its nearest.
    """

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return torch.cat([free_energy(self.energies(rows), self.beta) for rows in torch.split(y, 2048)])

    @property
    def beta(self) -> Tensor:
        """Of the last sweep; 1 before the first."""
        dim = self.prototypes.shape[1]
        return torch.where(torch.isinf(self.inertia), 1.0, dim / (2 * self.inertia))


class KMeans(Method):
    """E(y, z) = |y - W z|^2 with z one-hot, F(y) = min_z E, or where it is ``free`` -(1/b) log mean_z exp(-b E).

    Coordinate descent (the lecture): one step is one sweep of the whole training set, which assigns each point to its
    nearest prototype and moves each prototype to the mean of its points (Lloyd 1982), by scikit-learn, from a k-means++
    start. It ends when a sweep lowers the mean energy by less than ``tolerance`` of itself. Shapes: y (B, d),
    prototypes (K, d).
    Nothing is pushed up: there are K points of zero energy and the volume below any level is at most K balls. It
    fails where the data do not look like K equal balls, as along a curve, where ridges stand between the wells.
    """

    full_batch = True
    clusters: int = Field(64, ge=1, description="prototypes")
    tolerance: float = Field(1e-4, ge=0, description="relative decrease of the mean energy at which it ends")
    free: bool = Field(False, description="the free energy F_beta over the prototypes in the place of the minimum")

    def build(self, problem: Problem) -> Surface:
        """K prototypes at the origin."""
        return (FreePrototypes if self.free else Prototypes)(self.clusters, problem.dim)

    def step(self, surface: Prototypes, batch: Batch, rng: Generator) -> Logs:
        """One sweep of Lloyd's algorithm."""
        from sklearn.cluster import KMeans as Lloyd

        y = batch.y.cpu().double().numpy()
        seed = int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device))
        first = bool(torch.isinf(surface.inertia))
        start = "k-means++" if first else surface.prototypes.cpu().double().numpy()
        fitted = Lloyd(self.clusters, init=start, n_init=1, max_iter=1, tol=0.0, random_state=seed).fit(y)
        surface.prototypes.copy_(torch.from_numpy(fitted.cluster_centers_))
        inertia = surface.inertia.new_tensor(fitted.inertia_ / len(y))
        surface.change.copy_(1 - inertia / surface.inertia if not first else surface.change)
        surface.inertia.copy_(inertia)
        return {"loss": inertia}

    def foreign_work(self, surface: Prototypes, batch: Batch) -> float:
        """A sweep: the products of each point with each prototype, and with its own to move it."""
        return 2.0 * batch.y.numel() * (self.clusters + 1)

    def finished(self, surface: Prototypes) -> bool:
        """Whether the last sweep changed the mean energy by no more than the tolerance."""
        return bool(surface.change <= self.tolerance)
