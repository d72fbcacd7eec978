"""Joint embedding: an encoder held to a normal law, and the density that its Jacobian tells."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, MapModel, Problem, StandardizedSurface, Surface, coarse_net, normal

REACH = 3.0
"""The largest frequency, in units of the width of the weight."""
FLOOR = 1e-3
"""A singular value below it counts as this much: codes have unit variance, and so has what is encoded."""


def epps_pulley(x: Tensor, knots: int, width: float) -> Tensor:
    """N int |phi(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2 w^2) dt, phi(t) = mean_n exp(i t x_n), (N, m) -> (m,).

    How far each column is from N(0, 1) (Epps & Pulley 1983), by the trapezoidal rule on ``knots`` frequencies from 0 to
    3 w and their mirror images. Of draws from N(0, 1) it is 1.06 on average for w = 1, whatever N.
    """
    t = torch.linspace(0, REACH * width, knots, dtype=x.dtype, device=x.device)
    weight = 2 * torch.exp(-(t / width).square() / 2) * (REACH * width / (knots - 1))
    ends = torch.ones_like(t)
    ends[0] = ends[-1] = 0.5
    phase = x[..., None] * t
    real, imaginary = phase.cos().mean(0), phase.sin().mean(0)
    gap = (real - torch.exp(-t.square() / 2)).square() + imaginary.square()
    return len(x) * (gap * weight * ends).sum(-1)


class Encoder(MapModel):
    """f(u) = [u, 0] + net(u), (B, d) -> (B, k): the smooth shared network beside the identity."""

    identity: Tensor

    def __init__(self, problem: Problem, codes: int) -> None:
        super().__init__()
        self.net = coarse_net(problem.dim, codes, problem.net)
        self.register_buffer("identity", torch.eye(problem.dim, codes), persistent=False)

    def forward(self, u: Tensor) -> Tensor:
        """(B, d) -> (B, k)."""
        return u @ self.identity + self.net(u)

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """f(u) (B, k) and how fast it moves (B, m, k) along directions (B, m, d)."""
        code, slope = self.net.with_tangents(u, directions)
        return u @ self.identity + code, directions @ self.identity + slope


class Embedding(StandardizedSurface):
    """F(y) = -sum_k log sigma_k(df/du), and -log N(f; 0, I) + sum_i log std_i, and |u|^2 / 2 b, where asked for."""

    def __init__(self, problem: Problem, encoder: MapModel, prior: bool = False, base: float | None = None) -> None:
        super().__init__(problem)
        self.encoder, self.prior, self.base = encoder, prior, base

    def infer(self, y: Tensor) -> Tensor:
        """The code of each row, (B, d) -> (B, k)."""
        return self.encoder(self.standardize(y))

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        u = self.standardize(y)
        code, jacobian = self.encoder.with_jacobian(u)
        energy = -log_stretch(jacobian)
        if self.prior:
            energy = energy + 0.5 * code.square().sum(-1) + 0.5 * code.shape[-1] * math.log(2 * math.pi)
            energy = energy + self.std.log().sum()
        return energy if self.base is None else energy + u.square().sum(-1) / (2 * self.base)


def log_stretch(jacobian: Tensor) -> Tensor:
    """sum_k log sigma_k, each raised a little at zero: 1/2 log det(J J' + floor^2 I), (B, d, k) -> (B,).

    The determinant is taken in double precision, as squared singular values lie far apart where f folds.
    """
    jacobian = jacobian if jacobian.shape[-1] >= jacobian.shape[-2] else jacobian.mT
    wide = jacobian.double()
    gram = wide @ wide.mT + FLOOR**2 * torch.eye(wide.shape[-2], dtype=wide.dtype, device=wide.device)
    log_det: Tensor = torch.linalg.slogdet(gram).logabsdet
    return (0.5 * log_det).to(jacobian.dtype)


class JEPA(GradientMethod):
    """F(y) = -sum_k log sigma_k(df/du): codes f(u) are held to N(0, I), so that f stretches where the data are dense.

    L = l SIGReg(f(u)) + (1 - l) E |f(u) - f(u + s e)|^2 / 4 k, e ~ N(0, I), l = .05 (Balestriero & LeCun 2025: LeJEPA);
    SIGReg is the mean of ``epps_pulley`` over random slices of the codes. F is JEPA-SCORE (Balestriero et al. 2025),
    and here |u|^2 / 2 b beside it, as it is bounded far away. It leaves out -log N(f; 0, I), as codes of many
    dimensions lie near a sphere; where k = d and the data are normal that is all there is. ``prior`` keeps it, for
    k = d: then F is -log p wherever f is one to one. Shapes: y (B, d), f (B, k). A row costs five passes.
    It fails where f folds: the law of f(u) may be right with several preimages, and exp(-F) is then p over the share of
    each (k = d; there were 1.0 to 4.6 on average). The published width w = 1 sees nothing in the codes that is finer
    than their standard deviation: of 256 rows of whitened rings SIGReg is 1.5, of normal ones 1.06. Knots more than 0.6
    apart take codes for one that stand ten apart.
    """

    codes: int | None = Field(16, ge=1, description="k, dimensions of the code; none: as many as y has")
    noise: float = Field(0.1, ge=0, description="s, how far the other view is, in units of the data's spread")
    tradeoff: float = Field(0.05, gt=0, lt=1, description="l, weight of SIGReg against that of prediction")
    slices: int = Field(64, ge=1, description="random directions along which codes are tested, new ones at each step")
    knots: int = Field(17, ge=2, description="frequencies at which their characteristic functions are compared")
    width: float = Field(3.0, gt=0, description="w, spread of the weight of the frequencies")
    prior: bool = Field(False, description="whether the energy holds the density of the code too")
    base: float | None = Field(4.0, gt=0, description="b, variance of a Gaussian factor of exp(-F), in data units")

    def supports(self, problem: Problem) -> str | None:
        """A density of y is told by a code of as many dimensions alone."""
        if self.prior and self.codes not in (None, problem.dim):
            return f"a code of {self.codes} dimensions has no density that tells that of {problem.dim}"
        return None

    def build(self, problem: Problem) -> Surface:
        """The shared network beside the identity."""
        return Embedding(problem, Encoder(problem, self.codes or problem.dim), self.prior, self.base)

    def loss(self, surface: Embedding, batch: Batch, rng: Generator) -> Tensor:
        """SIGReg of the codes of the data, and the error of predicting them from those of noisy data."""
        u = surface.standardize(batch.y)
        views = torch.cat([u, u + self.noise * normal(tuple(u.shape), u, rng)])
        code, other = surface.encoder(views).chunk(2)
        error = (code - other).square().mean() / 4
        return self.tradeoff * self.regularizer(code, rng) + (1 - self.tradeoff) * error

    def regularizer(self, code: Tensor, rng: Generator) -> Tensor:
        """SIGReg: the mean of the Epps-Pulley statistic along random directions, (B, k) -> ()."""
        directions = normal((code.shape[-1], self.slices), code, rng)
        slices = code @ (directions / directions.norm(dim=0))
        return epps_pulley(slices, self.knots, self.width).mean()
