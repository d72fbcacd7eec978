"""Mixtures of normals in any number of dimensions, whose density, score and samples are exact.

Their track is ``dimensions`` whatever d is: a number may be followed from the plane to where no lattice reaches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.plane import COVERING_RADII

ROWS = 2048
"""Rows whose distances to all centers are held at once."""
REACH = 6.0
"""Standard deviations of its noise that the box of a mixture leaves about each center."""


class SpaceDataset(Dataset):
    """A distribution on R^d with an exact density; ``sample`` gives float64 rows (n, d)."""

    @property
    def track(self) -> str:
        """Without a lattice, in the plane too."""
        return "dimensions"


class Mixture(SpaceDataset):
    """p = sum_k w_k N(m_k, s_k^2 I): authors write ``components``."""

    widths: ClassVar[tuple[str, ...]] = ("sigma",)
    """The fields that are standard deviations, where all of them are."""

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """Centers m (K, d), log weights (K,) that sum to one, and standard deviations s (K,)."""
        raise NotImplementedError

    @cached_property
    def _components(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.components()

    @property
    def domain(self) -> Box:
        """The box that leaves six standard deviations about each center."""
        centers, _, sigma = self._components
        room = REACH * sigma[:, None]
        return Box(tuple((centers - room).amin(0).tolist()), tuple((centers + room).amax(0).tolist()))

    def sample(self, n: int, generator: Generator) -> Batch:
        """A component, then noise about its center."""
        centers, log_weight, sigma = self._components
        which = torch.multinomial(log_weight.exp(), n, replacement=True, generator=generator)
        noise = torch.randn(n, centers.shape[1], generator=generator, dtype=torch.float64)
        return Batch(centers[which] + sigma[which, None] * noise)

    def _logits(self, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Some of the rows at a time, with log w_k N(y; m_k, s_k^2 I) (B, K)."""
        centers, log_weight, sigma = self._components
        bias = log_weight - centers.shape[1] * (sigma.log() + 0.5 * math.log(2 * math.pi))
        for rows in torch.split(y, ROWS):
            yield rows, bias - 0.5 * _squared(rows, centers) / sigma.square()

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """log sum_k w_k N(y; m_k, s_k^2 I), (B, d) -> (B,)."""
        return torch.cat([logsumexp(logits) for _, logits in self._logits(y)])

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """sum_k r_k (m_k - y) / s_k^2, r the responsibilities, (B, d) -> (B, d)."""
        centers, _, sigma = self._components
        found = []
        for rows, logits in self._logits(y):
            pull = torch.softmax(logits, -1) / sigma.square()
            found.append(pull @ centers - pull.sum(-1, keepdim=True) * rows)
        return torch.cat(found)

    def smoothed(self, sigma: float) -> Dataset | None:
        """The same with the noise of both; None where the standard deviations are no fields of it."""
        if not self.widths:
            return None
        wider = {name: math.hypot(getattr(self, name), sigma) for name in self.widths}
        return type(self)(**{**self.model_dump(), **wider})

    @property
    def modes(self) -> int:
        """The components."""
        return len(self._components[0])

    def assign_mode(self, y: Tensor) -> Tensor:
        """The component that is nearest in its own standard deviations; -1 beyond sqrt(d) + 4 of them.

        The distance of a normal's own draws is about sqrt(d), and strays from that by less than one.
        """
        centers, _, sigma = self._components
        distance, index = (_squared(y.double(), centers).sqrt() / sigma).min(-1)
        plane = centers.shape[1] == 2
        reach = COVERING_RADII if plane else math.sqrt(centers.shape[1]) + COVERING_RADII
        return torch.where(distance <= reach, index, -1)


def _squared(y: Tensor, centers: Tensor) -> Tensor:
    """|y - m_k|^2, (B, d) and (K, d) -> (B, K): differences first, as far centers would eat the digits of a product."""
    return torch.cdist(y, centers, compute_mode="donot_use_mm_for_euclid_dist").square()


def scattered(count: int, dim: int, half: float, apart: float, generator: Generator) -> Tensor:
    """``count`` points (count, dim) uniform in a cube of that half width, none nearer than ``apart`` to another.

    Raises:
        ValueError: if they do not find room.
    """
    found = torch.empty(0, dim, dtype=torch.float64)
    for _ in range(1000 * count):
        point = half * (2 * torch.rand(1, dim, generator=generator, dtype=torch.float64) - 1)
        if not len(found) or float(torch.cdist(point, found).min()) >= apart:
            found = torch.cat([found, point])
        if len(found) == count:
            return found
    raise ValueError(f"{count} points {apart:g} apart have no room in a cube of half width {half:g}")


class FortyGaussians(Mixture):
    """p = 1/40 sum_k N(m_k, s^2 I), m_k uniform in a cube and at least 4 apart, from a fixed seed.

    As the 40 normals of the plane that samplers are tried on, in d dimensions. The half width of the cube is
    20 sqrt(2 / d): the distance between two centers is on the average the same, 20 sqrt(4 / 3), for every d, lest the
    task change with d only because its normals drift apart.
    """

    dim: int = Field(2, ge=2, le=1024, description="d, number of coordinates")
    sigma: float = Field(1.0, gt=0, description="standard deviation of each normal")
    centers: int = Field(0, ge=0, description="seed of the centers")

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """The forty, equally likely."""
        generator = Generator().manual_seed(self.centers)
        found = scattered(40, self.dim, 20 * math.sqrt(2 / self.dim), 4.0, generator)
        return found, torch.full((40,), -math.log(40)).double(), torch.full((40,), self.sigma).double()


class TwoModes(Mixture):
    """p = 1/4 N(-7.5 e_1, s^2 I) + 3/4 N(2.5 e_1, s^2 I): ten apart along the first axis, with mean zero.

    The task that contrastive divergence fails: no chain passes between them, and their masses are not even.
    (Carbone et al. 2023 have the same masses sixteen apart.)
    """

    dim: int = Field(50, ge=2, le=1024, description="d, number of coordinates")
    sigma: float = Field(1.0, gt=0, description="standard deviation of each normal")

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """The smaller mode first."""
        centers = torch.zeros(2, self.dim, dtype=torch.float64)
        centers[:, 0] = torch.tensor([-7.5, 2.5])
        return centers, torch.tensor([0.25, 0.75]).double().log(), torch.full((2,), self.sigma).double()


class RandomMixture(Mixture):
    """p = sum_k w_k N(m_k, s_k^2 I) with twenty random centers, weights and sizes from a fixed seed.

    m_k ~ N(0, 3^2 I), w ∝ exp(N(0, 1/4)), and s_k log-uniform in [1/2, 3/2], times ``sigma``.
    """

    dim: int = Field(10, ge=2, le=1024, description="d, number of coordinates")
    sigma: float = Field(1.0, gt=0, description="unit of the standard deviations of the normals")
    centers: int = Field(0, ge=0, description="seed of the centers, weights and sizes")

    widths: ClassVar[tuple[str, ...]] = ()

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """The twenty."""
        generator = Generator().manual_seed(self.centers)
        centers = 3 * torch.randn(20, self.dim, generator=generator, dtype=torch.float64)
        logits = 0.5 * torch.randn(20, generator=generator, dtype=torch.float64)
        sizes = 0.5 * 3 ** torch.rand(20, generator=generator, dtype=torch.float64)
        return centers, torch.log_softmax(logits, 0), self.sigma * sizes


class ScaleMixture(Mixture):
    """p = w N(0, a^2 I) + (1 - w) N(0, b^2 I): one center and two scales, as figure 1 of Guth et al. 2025.

    In many dimensions the two lie in shells that hardly touch, a sqrt(d) and b sqrt(d) from the center: a chain that
    heats and cools does not pass from one to the other.
    """

    dim: int = Field(16, ge=2, le=1024, description="d, number of coordinates")
    narrow: float = Field(1.0, gt=0, description="a, the smaller standard deviation")
    wide: float = Field(2.0, gt=0, description="b, the larger standard deviation")
    weight: float = Field(0.5, gt=0, lt=1, description="w, mass of the narrow one")

    widths: ClassVar[tuple[str, ...]] = ("narrow", "wide")

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """The narrow one first."""
        weights, sizes = torch.tensor([self.weight, 1 - self.weight]), torch.tensor([self.narrow, self.wide])
        return torch.zeros(2, self.dim, dtype=torch.float64), weights.double().log(), sizes.double()

    def assign_mode(self, y: Tensor) -> Tensor:
        """The component that is likelier to have drawn the row."""
        return torch.cat([logits.argmax(-1) for _, logits in self._logits(y.double())])
