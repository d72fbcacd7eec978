"""Distributions on the plane whose log density and score are exact, so that an energy can be held against the truth.

Samplers draw every random number independently (the usual generators lay their angles on a regular grid). A curve with
Gaussian noise has the density of its noise averaged along it, by Gauss-Legendre quadrature: the score is then the exact
gradient of the very log density that is computed.
"""

from __future__ import annotations

import math
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.manifold import Curves, Points

COVERING_RADII = 4.0
"""A sample within so many standard deviations of a mode covers it."""


def uniform(n: int, generator: Generator) -> Tensor:
    """``n`` draws from [0, 1), float64."""
    return torch.rand(n, generator=generator, dtype=torch.float64)


def normal(n: int, generator: Generator) -> Tensor:
    """``n`` draws (n, 2) from the standard normal, float64."""
    return torch.randn(n, 2, generator=generator, dtype=torch.float64)


def polar(radius: Tensor | float, angle: Tensor) -> Tensor:
    """Points (..., 2) from polar coordinates."""
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], -1)


def legendre(low: float, high: float, n: int) -> tuple[Tensor, Tensor]:
    """The ``n`` Gauss-Legendre nodes of [low, high] and their weights, float64."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    half = (high - low) / 2
    return torch.from_numpy(low + half * (nodes + 1)), torch.from_numpy(half * weights)


class PlaneDataset(Dataset):
    """A distribution on the plane; ``sample`` gives float64 rows (n, 2)."""

    half_width: ClassVar[float]
    """Of the square that is its domain."""

    @property
    def domain(self) -> Box:
        """A square about the origin."""
        return square(self.half_width)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent points (n, 2)."""
        raise NotImplementedError

    def sample(self, n: int, generator: Generator) -> Batch:
        """``n`` independent draws."""
        return Batch(self.draw(n, generator))


class NoisyDataset(PlaneDataset):
    """A distribution that is something convolved with N(0, sigma^2 I): smoothing it only widens its own noise."""

    sigma: float = Field(gt=0, description="standard deviation of the noise")

    def smoothed(self, sigma: float) -> Dataset:
        """The same with the noise of both."""
        return type(self)(**{**self.model_dump(), "sigma": math.hypot(self.sigma, sigma)})


class GaussianNodes(NoisyDataset):
    """A mixture of isotropic normals about nodes: the clusters themselves, or the quadrature nodes of a curve."""

    def nodes(self) -> tuple[Tensor, Tensor]:
        """The centers (K, 2) and their log weights (K,), which sum to one."""
        raise NotImplementedError

    @cached_property
    def _nodes(self) -> tuple[Tensor, Tensor]:
        return self.nodes()

    def _logits(self, y: Tensor) -> Tensor:
        """log w_k N(y; c_k, s^2 I) up to the term in y alone, (B, K): one matrix product."""
        centers, log_weights = self._nodes
        bias = log_weights - centers.square().sum(-1) / (2 * self.sigma**2)
        return torch.addmm(bias, y / self.sigma**2, centers.T)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """log sum_k w_k N(y; c_k, s^2 I), (B, 2) -> (B,)."""
        parts = [logsumexp(self._logits(rows)) for rows in torch.split(y, 1024)]
        return torch.cat(parts) - y.square().sum(-1) / (2 * self.sigma**2) - math.log(2 * math.pi * self.sigma**2)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(the responsibilities' mean of the centers - y) / s^2, (B, 2) -> (B, 2)."""
        centers, _ = self._nodes
        mean = torch.cat([torch.softmax(self._logits(rows), -1) @ centers for rows in torch.split(y, 8192)])
        return (mean - y) / self.sigma**2

    def assign_mode(self, y: Tensor) -> Tensor:
        """The mode of the nearest node, or -1 when it is farther than four standard deviations.

        The nodes stand in the order of the modes, as many for each.
        """
        from scipy.spatial import cKDTree

        centers, reach = self._nodes[0].numpy(), COVERING_RADII * self.sigma
        distance, index = cKDTree(centers).query(y.cpu().numpy(), distance_upper_bound=reach * (1 + 1e-9))
        return torch.from_numpy(np.where(distance <= reach, index // (len(centers) // self.modes), -1)).to(y.device)


class Clusters(GaussianNodes):
    """Equally likely normals: the nodes are the clusters themselves."""

    def draw(self, n: int, generator: Generator) -> Tensor:
        """A center and noise about it."""
        centers, _ = self._nodes
        return centers[torch.randint(len(centers), (n,), generator=generator)] + self.sigma * normal(n, generator)

    @property
    def modes(self) -> int:
        """The clusters."""
        return len(self._nodes[0])

    @property
    def manifold(self) -> Points:
        """The centers."""
        return Points(self.sigma, self._nodes[0])


class EightGaussians(Clusters):
    """p = 1/8 sum_k N(m_k, s^2 I), m_k on a circle of radius 2 sqrt 2: eight equal normals."""

    sigma: float = Field(0.5 / math.sqrt(2), gt=0, description="standard deviation of each normal")

    half_width: ClassVar[float] = 6

    def nodes(self) -> tuple[Tensor, Tensor]:
        """The eight centers, equally likely."""
        angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
        return polar(2 * math.sqrt(2), angle), torch.full((8,), -math.log(8), dtype=torch.float64)


class Moons(GaussianNodes):
    """y = m(t) + s e, m one of two interleaved half circles of radius 2, t uniform in angle, e ~ N(0, I)."""

    sigma: float = Field(0.2, gt=0, description="standard deviation of the noise")

    half_width: ClassVar[float] = 5

    @staticmethod
    def _arcs(t: Tensor) -> tuple[Tensor, Tensor]:
        upper = torch.stack([2 * torch.cos(t) - 1, 2 * torch.sin(t) - 0.2], -1)
        lower = torch.stack([2 * (1 - torch.cos(t)) - 1, 2 * (0.5 - torch.sin(t)) - 0.2], -1)
        return upper, lower

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Quadrature nodes of both arcs, the upper one first."""
        t, weight = legendre(0, math.pi, node_count(2 * math.pi, self.sigma))
        return torch.cat(self._arcs(t)), torch.log(weight / (2 * math.pi)).repeat(2)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """An arc, an angle and noise."""
        upper, lower = self._arcs(math.pi * uniform(n, generator))
        first = (uniform(n, generator) < 0.5)[:, None]
        return torch.where(first, upper, lower) + self.sigma * normal(n, generator)

    @property
    def modes(self) -> int:
        """Two arcs."""
        return 2

    @property
    def manifold(self) -> Curves:
        """The arcs."""
        arcs = [lambda t: self._arcs(t)[0], lambda t: self._arcs(t)[1]]
        return Curves.trace(self.sigma, arcs, 0, math.pi)


class PinkSpiral(GaussianNodes):
    """y = r (cos t, sin t) + s e, r = R t / 2 pi: one turn of the lecture's spiral (its figure 5), t of density ∝ t.

    With ``sigma: 0`` it is the manifold itself: data on a curve have no density, and only what needs none is measured.
    """

    radius: float = Field(2.0, gt=0, description="radius R at the outer end")
    sigma: float = Field(0.05, ge=0, description="standard deviation of the noise; 0 for the bare curve")

    @property
    def domain(self) -> Box:
        """The square of half width 2 R."""
        return square(2 * self.radius)

    def curve(self, t: Tensor) -> Tensor:
        """The points of the spiral at the angles ``t`` in [0, 2 pi]."""
        return polar(self.radius * t / (2 * math.pi), t)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Quadrature nodes of the spiral, weighted by t."""
        t, weight = legendre(0, 2 * math.pi, node_count(3.3830 * self.radius, self.sigma))
        return self.curve(t), torch.log(weight * t / (2 * math.pi**2))

    def draw(self, n: int, generator: Generator) -> Tensor:
        """An angle with density proportional to itself, and noise."""
        return self.curve(2 * math.pi * uniform(n, generator).sqrt()) + self.sigma * normal(n, generator)

    @property
    def has_density(self) -> bool:
        """Whether there is one: not on the bare curve."""
        return self.sigma > 0

    @property
    def manifold(self) -> Curves:
        """The spiral; without noise its width is a fortieth of its radius, for want of another scale."""
        return Curves.trace(self.sigma or self.radius / 40, [self.curve], 0, 2 * math.pi, lambda t: t)


def node_count(length: float, sigma: float) -> int:
    """Quadrature nodes for a curve of that length: three in each standard deviation of the noise."""
    return max(32, math.ceil(3 * length / sigma))


def ring_log_prob(distance: Tensor, radius: Tensor, sigma: float) -> Tensor:
    """log density of a uniform circle with Gaussian noise at that distance from its center; shapes broadcast."""
    bessel: Tensor = torch.special.i0e(distance * radius / sigma**2).log()
    return bessel - (distance - radius).square() / (2 * sigma**2) - math.log(2 * math.pi * sigma**2)


class Rings(NoisyDataset):
    """Concentric circles, equally likely, with Gaussian noise in the plane.

    p_r(d) = (2 pi s^2)^-1 exp(-(d^2 + r^2) / 2 s^2) I_0(d r / s^2) is the density of one circle of radius r at distance
    d from the center: not a normal density in d, which lacks the Jacobian.
    """

    radii: tuple[float, ...] = Field((0.75, 1.5, 2.25, 3.0), min_length=1, description="radii of the circles")
    sigma: float = Field(0.08, gt=0, description="standard deviation of the noise")

    @property
    def domain(self) -> Box:
        """A square that leaves 5/3 of the largest radius."""
        return square(max(self.radii) * 5 / 3)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """A circle, an angle and noise."""
        radii = torch.tensor(self.radii, dtype=torch.float64)
        radius = radii[torch.randint(len(radii), (n,), generator=generator)]
        return polar(radius, 2 * math.pi * uniform(n, generator)) + self.sigma * normal(n, generator)

    def _circles(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The distance (B, 1) from the center, the radii (R,), and each circle's log density (B, R)."""
        radii = torch.tensor(self.radii, dtype=y.dtype)
        distance = y.norm(dim=-1, keepdim=True)
        return distance, radii, ring_log_prob(distance, radii, self.sigma)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        _, radii, log_each = self._circles(y)
        return logsumexp(log_each) - math.log(len(radii))

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The responsibilities' mean of [r I_1/I_0(d r / s^2) - d] / s^2, along y / d; (B, 2) -> (B, 2)."""
        distance, radii, log_each = self._circles(y)
        z = distance * radii / self.sigma**2
        pull = radii * torch.special.i1e(z) / torch.special.i0e(z) - distance
        radial: Tensor = (torch.softmax(log_each, -1) * pull).sum(-1, keepdim=True) / self.sigma**2
        return radial * y / distance.clamp_min(torch.finfo(y.dtype).tiny)

    @property
    def modes(self) -> int:
        """The circles."""
        return len(self.radii)

    def assign_mode(self, y: Tensor) -> Tensor:
        """The nearest circle, or -1 when it is farther than four standard deviations."""
        gap = (y.norm(dim=-1, keepdim=True) - torch.tensor(self.radii, dtype=y.dtype)).abs()
        distance, index = gap.min(-1)
        return torch.where(distance <= COVERING_RADII * self.sigma, index, -1)

    @property
    def manifold(self) -> Curves:
        """The circles."""
        return Curves.trace(self.sigma, [partial(polar, radius) for radius in self.radii], 0, 2 * math.pi)


class SmoothCheckerboard(NoisyDataset):
    """p = U * N(0, s^2 I), U uniform on eight squares of a 4 x 4 board on [-4, 4]^2: differences of normal cdfs."""

    sigma: float = Field(0.1, gt=0, description="standard deviation of the smoothing")

    half_width: ClassVar[float] = 5

    def draw(self, n: int, generator: Generator) -> Tensor:
        """A column, one of its two squares, a place in it, and noise."""
        column = torch.randint(4, (n,), generator=generator)
        row = 2 * torch.randint(2, (n,), generator=generator) + column % 2
        corner = torch.stack([column, row], -1) * 2.0 - 4.0
        place = 2 * torch.stack([uniform(n, generator), uniform(n, generator)], -1)
        return corner + place + self.sigma * normal(n, generator)

    def _strips(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """log(Phi(b) - Phi(a)) of the four strips of each axis, and its derivative; both (B, 2, 4)."""
        low = torch.arange(4, dtype=y.dtype) * 2.0 - 4.0
        a, b = (y[..., None] - low - 2) / self.sigma, (y[..., None] - low) / self.sigma
        flip = a + b > 0  # the difference is taken in the lower tail, where it does not cancel
        lower, upper = torch.where(flip, -b, a), torch.where(flip, -a, b)
        top = torch.special.log_ndtr(upper)
        log_mass = top + torch.log(-torch.expm1(torch.special.log_ndtr(lower) - top))
        log_pdf = -0.5 * torch.stack([a, b]).square() - math.log(math.sqrt(2 * math.pi) * self.sigma)
        slope = torch.exp(log_pdf[1] - log_mass) - torch.exp(log_pdf[0] - log_mass)
        return log_mass, slope

    def _cells(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """log mass of each of the eight squares at y (B, 8), and its gradient (B, 8, 2)."""
        log_mass, slope = self._strips(y)
        column = torch.arange(4).repeat_interleave(2)
        row = torch.tensor([0, 2, 1, 3]).repeat(2)
        log_cell = log_mass[:, 0, column] + log_mass[:, 1, row]
        return log_cell, torch.stack([slope[:, 0, column], slope[:, 1, row]], -1)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        return logsumexp(self._cells(y)[0]) - math.log(32)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2)."""
        log_cell, gradient = self._cells(y)
        return (torch.softmax(log_cell, -1)[..., None] * gradient).sum(-2)

    @property
    def modes(self) -> int:
        """The eight squares."""
        return 8

    def assign_mode(self, y: Tensor) -> Tensor:
        """The nearest dark square, or -1 when it is farther than four standard deviations."""
        column = torch.arange(4).repeat_interleave(2)
        row = torch.tensor([0, 2, 1, 3]).repeat(2)
        center = torch.stack([column, row], -1).to(y.dtype) * 2.0 - 3.0
        outside = ((y[:, None] - center).abs() - 1).clamp_min(0).norm(dim=-1)
        distance, index = outside.min(-1)
        return torch.where(distance <= COVERING_RADII * self.sigma, index, -1)
