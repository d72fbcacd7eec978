"""Gaussian mixture as an energy."""

from __future__ import annotations

import math
import warnings

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Problem, Surface


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
        white = torch.einsum("kij,bki->bkj", self.precisions, y[:, None] - self.means)
        log_det = self.precisions.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * white.square().sum(-1) + log_det - 0.5 * y.shape[-1] * math.log(2 * math.pi)

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        parts = [
            torch.logsumexp(self._component_log_prob(rows) + self.log_weights, -1)
            for rows in torch.split(y.to(self.means.dtype), 2048)
        ]
        return -torch.cat(parts)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """A component and a draw from it."""
        index = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype, device=index.device)
        deviation: Tensor = torch.linalg.solve(self.precisions[index].mT, noise[..., None]).squeeze(-1)
        return self.means[index] + deviation


class GMM(Method):
    """F(y) = -log sum_k w_k N(y; m_k, S_k) by expectation-maximization (Dempster, Laird & Rubin 1977).

    One step is one sweep of EM over the whole training set, by scikit-learn, from a k-means start; it ends when a
    sweep raises the mean log-likelihood by less than ``tolerance`` nats. Z = 1 whatever the parameters are: the
    volume of low energy is bounded by construction. Shapes: y (B, d), means (K, d), covariances (K, d, d).
    It fails by starving components and by local optima; few components blur thin manifolds.
    """

    full_batch = True
    components: int = Field(64, ge=1, description="Gaussians of the mixture")
    tolerance: float = Field(1e-4, ge=0, description="gain of the mean log-likelihood (nats) at which it ends")
    regularization: float = Field(1e-4, ge=0, description="added to the covariances, in units of the data's variance")

    def build(self, problem: Problem) -> Surface:
        """K standard normals."""
        return Mixture(self.components, problem.dim)

    def step(self, surface: Mixture, batch: Batch, rng: Generator) -> Logs:
        """One sweep of EM."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        y = batch.y.cpu().double().numpy()
        start = {}
        if not torch.isinf(surface.bound):
            start = {
                "weights_init": surface.log_weights.exp().cpu().numpy(),
                "means_init": surface.means.cpu().numpy(),
                "precisions_init": (surface.precisions @ surface.precisions.mT).cpu().numpy(),
            }
        seed = int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device))
        floor = self.regularization * float(y.var(0).mean())
        mixture = GaussianMixture(self.components, reg_covar=floor, max_iter=1, random_state=seed, **start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # one sweep never converges: we count the sweeps
            mixture.fit(y)
        surface.log_weights.copy_(torch.from_numpy(mixture.weights_).log())
        surface.means.copy_(torch.from_numpy(mixture.means_))
        surface.precisions.copy_(torch.from_numpy(mixture.precisions_cholesky_))
        bound = surface.bound.new_tensor(mixture.lower_bound_)
        surface.change.copy_(bound - surface.bound)
        surface.bound.copy_(bound)
        return {"loss": -bound}

    def foreign_work(self, surface: Mixture, batch: Batch) -> float:
        """A sweep: a point's precision matrix times its offset, and its part in each covariance, K 4 d^2 a row."""
        return 4.0 * batch.y.numel() * batch.y.shape[1] * self.components

    def finished(self, surface: Mixture) -> bool:
        """Whether the last sweep gained no more than the tolerance."""
        return bool(surface.change <= self.tolerance)
