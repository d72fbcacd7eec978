"""What a method may know when it builds its surface: shapes, the spread of the training data, the shared parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, Domain
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel, MapModel


class Noise(nn.Module):
    """A distribution with an exact density that is sampled without a chain; one that is contextual follows x."""

    def log_prob(self, y: Tensor) -> Tensor:
        """The log density in nats, (B, d) -> (B,)."""
        raise NotImplementedError

    def sample(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent draws, (n, d)."""
        raise NotImplementedError


class Parts(Protocol):
    """What every method may build with, freshly made for a problem."""

    def energy_net(self, problem: Problem) -> EnergyModel:
        """The shared energy network."""
        ...

    def map_net(self, problem: Problem) -> MapModel:
        """The shared network from standardized y to as many outputs."""
        ...

    def gaussian(self, problem: Problem, scale: float) -> Noise:
        """The normal with the training set's mean and ``scale`` times its covariance."""
        ...


def units(domain: Domain, cov: Tensor) -> Tensor:
    """(d,) what coordinates are measured in: their standard deviations.

    A picture's pixels have the root mean square of theirs alike: in units of its own, a pixel that nothing ever moves
    through would be all noise.
    """
    variance = cov.diagonal()
    return (variance.mean().expand_as(variance) if domain.is_picture else variance).sqrt()


@dataclass(frozen=True)
class Context:
    """The space of x, and its moments in the training set.

    Attributes:
        domain: the space of x.
        mean: (c,) mean of x.
        cov: (c, c) covariance of x.
        cross: (c, d) covariance of x and y.
    """

    domain: Domain
    mean: Tensor
    cov: Tensor
    cross: Tensor

    @classmethod
    def of(cls, domain: Domain, batch: Batch, dtype: torch.dtype) -> Context:
        """The moments of rows (n, d) and their contexts (n, c), taken in double precision on the CPU."""
        assert batch.x is not None
        y, x = batch.y.double().cpu(), batch.x.double().cpu()
        centered = x - x.mean(0)
        cov, cross = (centered.T @ (part - part.mean(0)) / (len(x) - 1) for part in (x, y))
        return cls(domain, x.mean(0).to(dtype), cov.to(dtype), cross.to(dtype))

    @property
    def dim(self) -> int:
        """The number of coordinates of x."""
        return self.domain.dim

    @property
    def std(self) -> Tensor:
        """(c,) standard deviations of x; one where x never varies."""
        std = units(self.domain, self.cov)
        return std.where(std > 0, 1.0)


@dataclass(frozen=True)
class Problem:
    """The domain, the first two moments of the training set, and what every method may build with.

    Attributes:
        domain: the space of y.
        mean: (d,) mean of the training set.
        cov: (d, d) covariance of the training set.
        net: the size of the shared networks.
        parts: makes the shared networks and noises.
        context: x and its moments; None when the data are unconditional.
        truth: the dataset itself; only reference rows are given it.
    """

    domain: Domain
    mean: Tensor
    cov: Tensor
    net: NetConfig
    parts: Parts
    context: Context | None = None
    truth: Dataset | None = None

    @property
    def dim(self) -> int:
        """The number of coordinates of y."""
        return self.domain.dim

    @property
    def box(self) -> Box:
        """The domain, where it is a box.

        Raises:
            TypeError: if it is none.
        """
        if not isinstance(self.domain, Box):
            raise TypeError(f"expected a box, got {type(self.domain).__name__}")
        return self.domain

    @property
    def std(self) -> Tensor:
        """(d,) standard deviations of the training set; the pixels of a picture have their root mean square alike."""
        return units(self.domain, self.cov)

    @property
    def spread(self) -> float:
        """The root mean square of the standard deviations: the unit of isotropic noise."""
        return float(self.cov.diagonal().mean().sqrt())

    def energy_net(self) -> EnergyModel:
        """The shared energy network, freshly initialized: that of bits on binary data."""
        return self.parts.energy_net(self)

    def map_net(self) -> MapModel:
        """The shared network from standardized y to as many outputs, freshly initialized."""
        return self.parts.map_net(self)

    def gaussian(self, scale: float = 1.0) -> Noise:
        """The normal with the training set's mean and ``scale`` times its covariance; given x, of its linear fit."""
        return self.parts.gaussian(self, scale)
