"""Independent components: a square linear map to sources of known law."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Problem, Surface
from ebmbench_plugins.a1_bounded_volume.closed_form import ClosedForm, FittedSurface


def sech_energy(s: Tensor) -> Tensor:
    """-log(1/2 sech^2 s), elementwise and without overflow: 2 log cosh s + log 2."""
    return 2 * (s.abs() + softplus(-2 * s.abs())) - math.log(2)


class Unmixing(FittedSurface):
    """F(y) = -log|det B| - sum_i log g(s_i), s = B (y - mean), g(s) = 1/2 sech^2 s."""

    unmixing: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.register_buffer("unmixing", torch.eye(dim, dtype=torch.float64))

    def infer(self, y: Tensor) -> Tensor:
        """The sources, (B, d) -> (B, d)."""
        return self.centered(y) @ self.unmixing.T

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        log_det: Tensor = torch.linalg.slogdet(self.unmixing).logabsdet
        return sech_energy(self.infer(y)).sum(-1) - log_det

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Sources s = artanh(2 v - 1), v uniform, mixed."""
        shape = (n, len(self.mean))
        v = torch.rand(shape, generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        sources = torch.atanh((2 * v - 1).clamp(-1 + 1e-12, 1 - 1e-12))
        mixed: Tensor = torch.linalg.solve(self.unmixing, sources.T).T
        return self.mean + mixed


class ICA(ClosedForm):
    """F(y) = -log|det B| - sum_i log g(b_i (y - m)), g(s) = 1/2 sech^2 s (Bell & Sejnowski 1995; Cardoso 1997).

    The likelihood itself is maximized, by L-BFGS of the whole set in double precision (SciPy), in one step, from the
    whitening transform in a random rotation. scikit-learn's FastICA maximizes another contrast on white sources of unit
    variance, and its scale is not that of this prior. Shapes: y (B, d), B (d, d).
    g is log-concave, so F is convex: right for sparse sources mixed linearly, wrong wherever there are several modes;
    sources with lighter tails than a normal are not separated.
    """

    def build(self, problem: Problem) -> Surface:
        """Nothing is mixed."""
        return Unmixing(problem.dim)

    def fit(self, surface: Unmixing, y: Tensor, rng: Generator) -> Tensor:
        """The maximum of the likelihood."""
        from scipy.optimize import minimize

        mean, dim = y.mean(0), y.shape[1]
        u = y - mean
        second = u.T @ u / len(u)
        values, vectors = torch.linalg.eigh(second)
        turn = torch.linalg.qr(torch.randn(dim, dim, generator=rng, device=rng.device).cpu().double()).Q
        start = turn @ (vectors / values.sqrt()).T

        def objective(flat: object) -> tuple[float, object]:
            unmixing = torch.as_tensor(flat).view(dim, dim)
            sources = u @ unmixing.T
            loss = sech_energy(sources).sum(-1).mean() - torch.linalg.slogdet(unmixing).logabsdet
            slope = 2 * torch.tanh(sources).T @ u / len(u) - torch.linalg.inv(unmixing).T
            return float(loss), slope.flatten().numpy()

        found = minimize(objective, start.flatten().numpy(), jac=True, method="L-BFGS-B")
        surface.mean.copy_(mean)
        surface.unmixing.copy_(torch.as_tensor(found.x).view(dim, dim))
        return surface.mean.new_tensor(found.fun)
