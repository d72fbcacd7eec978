"""Gaussian mixture as an energy."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from ebmbench.api import Batch, Logs, Method, Problem, Surface, logsumexp

CHUNK = 2048
"""Rows that are seen at once: what they need stays in the cache."""


def moments(y: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of rows y (B, d) that belong to components by shares (B, K): how many (K,), their sum (K, d), that of y y^T."""
    second = share.mT @ (y[:, :, None] * y[:, None]).flatten(1)
    return share.sum(0), share.mT @ y, second.reshape(-1, y.shape[1], y.shape[1])


class Mixture(Surface):
    """F(y) = -log sum_k w_k N(y; m_k, S_k), with S_k^-1 = P_k P_k^T."""

    log_weights: Tensor
    means: Tensor
    precisions: Tensor
    bound: Tensor
    change: Tensor

    def __init__(self, components: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("log_weights", torch.full((components,), -math.log(components), dtype=torch.float64))
        self.register_buffer("means", torch.zeros(components, dim, dtype=torch.float64))
        self.register_buffer("precisions", torch.eye(dim, dtype=torch.float64).repeat(components, 1, 1))
        self.register_buffer("bound", torch.tensor(-torch.inf, dtype=torch.float64))
        self.register_buffer("change", torch.tensor(torch.inf, dtype=torch.float64))

    def _component_log_prob(self, y: Tensor) -> Tensor:
        offset = torch.einsum("kij,ki->kj", self.precisions, self.means)
        white = (y @ self.precisions.permute(1, 0, 2).flatten(1)).reshape(len(y), *offset.shape) - offset
        log_det = self.precisions.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * white.square().sum(-1) + log_det - 0.5 * y.shape[-1] * math.log(2 * math.pi)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        parts = [
            logsumexp(self._component_log_prob(rows) + self.log_weights)
            for rows in torch.split(y.to(self.means.dtype), CHUNK)
        ]
        return -torch.cat(parts)

    def expected(self, y: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """The expected moments of the components given y (B, d), and the mean log-likelihood."""
        found, bound = [], y.new_zeros(())
        for rows in torch.split(y, CHUNK):
            joint = self._component_log_prob(rows) + self.log_weights
            total = logsumexp(joint)
            found.append(moments(rows, joint.softmax(-1)))
            bound += total.sum()
        count, first, second = (torch.stack(parts).sum(0) for parts in zip(*found, strict=True))
        return (count, first, second), bound / len(y)

    def fit(self, count: Tensor, first: Tensor, second: Tensor, floor: Tensor) -> None:
        """The mixture of these moments, its covariances raised by ``floor``."""
        count = count + 10 * torch.finfo(count.dtype).eps
        means = first / count[:, None]
        covariances = second / count[:, None, None] - means[:, :, None] * means[:, None]
        identity = torch.eye(means.shape[1], dtype=means.dtype, device=means.device).expand_as(covariances)
        factor = torch.linalg.cholesky(covariances + floor * identity)
        self.log_weights.copy_((count / count.sum()).log())
        self.means.copy_(means)
        self.precisions.copy_(torch.linalg.solve_triangular(factor, identity, upper=False).mT)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """A component and a draw from it."""
        index = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype, device=index.device)
        deviation: Tensor = torch.linalg.solve(self.precisions[index].mT, noise[..., None]).squeeze(-1)
        return self.means[index] + deviation


class GMM(Method):
    """F(y) = -log sum_k w_k N(y; m_k, S_k) by expectation-maximization (Dempster, Laird & Rubin 1977).

    One step is one sweep of EM over the whole training set, from a k-means start (scikit-learn) on its first
    ``start_rows``; it ends when a sweep raises the mean log-likelihood by less than ``tolerance`` nats. Z = 1 whatever
    the parameters are: the volume of low energy is bounded by construction. Shapes: y (B, d), means (K, d),
    covariances (K, d, d).
    It fails by starving components and by local optima; few components blur thin manifolds.
    """

    full_batch = True
    components: int = Field(64, ge=1, description="Gaussians of the mixture")
    tolerance: float = Field(1e-4, ge=0, description="gain of the mean log-likelihood (nats) at which it ends")
    regularization: float = Field(1e-4, ge=0, description="added to the covariances, in units of the data's variance")
    start_rows: int = Field(20_000, ge=1, description="rows that k-means starts from")

    def build(self, problem: Problem) -> Surface:
        """K standard normals."""
        return Mixture(self.components, problem.dim)

    def step(self, surface: Mixture, batch: Batch, rng: Generator) -> Logs:
        """One sweep of EM."""
        y = batch.y.to(surface.means.dtype)
        floor = self.regularization * y.var(0, correction=0).mean()
        if torch.isinf(surface.bound):
            surface.fit(*self._start(y[: self.start_rows], rng), floor)
        moments, bound = surface.expected(y)
        surface.fit(*moments, floor)
        surface.change.copy_(bound - surface.bound)
        surface.bound.copy_(bound)
        return {"loss": -bound}

    def _start(self, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The moments of the clusters of k-means."""
        from sklearn.cluster import KMeans

        seed = int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device))
        label = KMeans(self.components, n_init=1, random_state=seed).fit(y.cpu().numpy()).labels_
        return moments(y, one_hot(torch.from_numpy(label).long().to(y.device), self.components).to(y.dtype))

    def finished(self, surface: Mixture) -> bool:
        """Whether the last sweep gained no more than the tolerance."""
        return bool(surface.change <= self.tolerance)
