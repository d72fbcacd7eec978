"""Distributions of independent parts in any number of dimensions, some seen through a rotation: all exact.

The parts are wells, Laplace sources, or a curve of the plane beside plain noise.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.datasets.curves import SwissRoll, TwoSpirals
from ebmbench.datasets.dimensions import REACH, SpaceDataset
from ebmbench.datasets.plane import Moons, NoisyDataset, PinkSpiral, legendre, uniform

PIECES, NODES = 400, 8
"""Of the quadrature of a double well on [-4, 4], beyond which its density is below e^-150."""
LOG_2PI = math.log(2 * math.pi)


def rotation(dim: int, seed: int) -> Tensor:
    """A rotation (or reflection) (dim, dim), uniform over all of them (Mezzadri 2007)."""
    normal = torch.randn(dim, dim, generator=Generator().manual_seed(seed), dtype=torch.float64)
    q, r = torch.linalg.qr(normal)
    found: Tensor = q * r.diagonal().sign()
    return found


class ManyWell(SpaceDataset):
    """p ∝ exp(-F), F = sum over pairs of x1^4 - 6 x1^2 - x1 / 2 + x2^2 / 2: d / 2 double wells, 2^(d/2) modes.

    The Z of a double well is by quadrature: 11784.50927, hence log Z = 164.69568 for d = 32 (Midgley et al. 2023). A
    piece of it is drawn by its mass, then a place in the piece by rejection, so that samples are exact. As modes count
    the two wells of the first pair, which stand for all: the left holds .15569.
    """

    dim: int = Field(32, ge=2, le=1024, multiple_of=2, description="d, twice the number of pairs")

    half_width: ClassVar[float] = 4.0

    @property
    def domain(self) -> Box:
        """Four on either side of each well, six of each normal."""
        high = (self.half_width, REACH) * (self.dim // 2)
        return Box(tuple(-side for side in high), high)

    @staticmethod
    def well(x: Tensor) -> Tensor:
        """x^4 - 6 x^2 - x / 2."""
        return x.square().square() - 6 * x.square() - x / 2

    @cached_property
    def _pieces(self) -> tuple[Tensor, Tensor]:
        """Edges (n + 1,) of the pieces, and the log mass (n,) of exp(-well) on each."""
        edges = torch.linspace(-self.half_width, self.half_width, PIECES + 1, dtype=torch.float64)
        place, weight = legendre(0, 1, NODES)
        width = edges.diff()
        nodes = edges[:-1, None] + width[:, None] * place
        return edges, torch.logsumexp(-self.well(nodes) + (width[:, None] * weight).log(), -1)

    @cached_property
    def log_z(self) -> float:
        """log of the integral of exp(-F)."""
        return self.dim // 2 * (float(torch.logsumexp(self._pieces[1], 0)) + 0.5 * LOG_2PI)

    def sample(self, n: int, generator: Generator) -> Batch:
        """Of each pair the double well, then the normal."""
        pairs = self.dim // 2
        wells = self._draw_wells(n * pairs, generator).reshape(n, pairs)
        normals = torch.randn(n, pairs, generator=generator, dtype=torch.float64)
        return Batch(torch.stack([wells, normals], -1).flatten(1))

    def _draw_wells(self, n: int, generator: Generator) -> Tensor:
        """Pieces by their mass, and in each a place that is drawn again until it is accepted.

        The density is largest at an end of a piece, or at a top inside of it, where the curvature is 24: within 3e-4
        nats of an end or the middle.
        """
        edges, log_mass = self._pieces
        which = torch.multinomial(log_mass.softmax(0), n, replacement=True, generator=generator)
        low, width = edges[which], float(edges[1] - edges[0])
        top = -torch.stack([self.well(low + share * width) for share in (0.0, 0.5, 1.0)]).amin(0) + 1e-3
        found, left = torch.empty_like(low), torch.arange(n)
        while len(left):
            place = low[left] + width * uniform(len(left), generator)
            accepted = uniform(len(left), generator).log() < -self.well(place) - top[left]
            found[left[accepted]] = place[accepted]
            left = left[~accepted]
        return found

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """-F - log Z, (B, d) -> (B,)."""
        return -(self.well(y[:, ::2]) + 0.5 * y[:, 1::2].square()).sum(-1) - self.log_z

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B, d)."""
        first = y[:, ::2]
        slope = 4 * first**3 - 12 * first - 0.5
        return -torch.stack([slope, y[:, 1::2]], -1).flatten(1)

    @property
    def modes(self) -> int:
        """The wells of the first pair."""
        return 2

    def assign_mode(self, y: Tensor) -> Tensor:
        """0 left of the first pair's barrier, 1 right of it."""
        return (y[:, 0] > 0).long()


class LaplaceSources(SpaceDataset):
    """y = A s, s of d independent unit-variance Laplace sources, A a random rotation; entropy d (1 + log sqrt 2)."""

    dim: int = Field(10, ge=2, le=1024, description="d, number of sources")
    mixing: int = Field(0, ge=0, description="seed of the rotation A")

    half_width: ClassVar[float] = 14

    @property
    def domain(self) -> Box:
        """A cube: a source goes beyond it once in 4e8 times."""
        return Box((-self.half_width,) * self.dim, (self.half_width,) * self.dim)

    @cached_property
    def _rotation(self) -> Tensor:
        return rotation(self.dim, self.mixing)

    def sample(self, n: int, generator: Generator) -> Batch:
        """Signed exponentials, rotated."""
        size = -torch.log1p(-uniform(n * self.dim, generator)).reshape(n, self.dim) / math.sqrt(2)
        signs = 1 - 2 * torch.randint(2, (n, self.dim), generator=generator).double()
        return Batch((signs * size) @ self._rotation.T)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """-sqrt(2) sum |s_i| - (d / 2) log 2, (B, d) -> (B,)."""
        return -math.sqrt(2) * (y @ self._rotation).abs().sum(-1) - self.dim / 2 * math.log(2)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B, d); zero across a kink."""
        return -math.sqrt(2) * (y @ self._rotation).sign() @ self._rotation.T


CURVES: dict[str, type[NoisyDataset]] = {
    "moons": Moons,
    "2spirals": TwoSpirals,
    "swissroll": SwissRoll,
    "pink_spiral": PinkSpiral,
}


class EmbeddedCurve(SpaceDataset):
    """y = A (c, e): c a curve of the plane with its noise, e ~ N(0, s^2 I) in the other d - 2, A a random rotation.

    The noise is of one size in all directions, so that p(y) = p(c) N(e; 0, s^2 I) is exact, and data lie about a curve
    whatever d is: all but one of the directions are to be pushed up in.
    """

    dim: int = Field(16, ge=2, le=1024, description="d, number of coordinates")
    curve: Literal["moons", "2spirals", "swissroll", "pink_spiral"] = Field("moons", description="which of the plane's")
    sigma: float = Field(0.2, gt=0, description="s, standard deviation of the noise")
    turn: int = Field(0, ge=0, description="seed of the rotation A")

    @cached_property
    def _plane(self) -> NoisyDataset:
        return CURVES[self.curve](sigma=self.sigma)

    @cached_property
    def _rotation(self) -> Tensor:
        return rotation(self.dim, self.turn)

    @property
    def domain(self) -> Box:
        """What the rotated square of the curve reaches along each axis, and six standard deviations more."""
        corner = torch.tensor(self._plane.domain.high, dtype=torch.float64)
        reach = (self._rotation[:, :2].abs() @ corner + REACH * self.sigma).tolist()
        return Box(tuple(-side for side in reach), tuple(reach))

    def sample(self, n: int, generator: Generator) -> Batch:
        """The curve, then the noise beside it, rotated."""
        plane = self._plane.sample(n, generator).y
        beside = self.sigma * torch.randn(n, self.dim - 2, generator=generator, dtype=torch.float64)
        return Batch(torch.cat([plane, beside], -1) @ self._rotation.T)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """log p(c) + log N(e; 0, s^2 I), (B, d) -> (B,)."""
        u = y @ self._rotation
        beside = u[:, 2:].square().sum(-1) / self.sigma**2 + (self.dim - 2) * (LOG_2PI + 2 * math.log(self.sigma))
        return self._plane.log_prob(u[:, :2]) - 0.5 * beside

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B, d)."""
        u = y @ self._rotation
        return torch.cat([self._plane.score(u[:, :2]), -u[:, 2:] / self.sigma**2], -1) @ self._rotation.T

    def smoothed(self, sigma: float) -> Dataset:
        """The same with the noise of both."""
        return type(self)(**{**self.model_dump(), "sigma": math.hypot(self.sigma, sigma)})

    @property
    def modes(self) -> int:
        """Those of the curve."""
        return self._plane.modes

    def assign_mode(self, y: Tensor) -> Tensor:
        """That of the curve, in its plane; whatever the noise beside it."""
        return self._plane.assign_mode((y.double() @ self._rotation)[:, :2])
