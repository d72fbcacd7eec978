"""What a method may know when it builds its surface: shapes, the spread of the training data, the shared nets."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ebmbench.contracts import Dataset, Domain
from ebmbench.parts.nets import BinaryNet, EnergyNet, MapNet
from ebmbench.parts.noise import Gaussian
from ebmbench.suite.schema import NetConfig


@dataclass(frozen=True)
class Problem:
    """The domain, the first two moments of the training set, and the networks that every method shares.

    Attributes:
        domain: the space of y.
        mean: (d,) mean of the training set.
        cov: (d, d) covariance of the training set.
        net: the size of the shared networks.
        truth: the dataset itself; only reference rows are given it.
    """

    domain: Domain
    mean: Tensor
    cov: Tensor
    net: NetConfig = field(default_factory=NetConfig)
    truth: Dataset | None = None

    @property
    def dim(self) -> int:
        """The number of coordinates of y."""
        return self.domain.dim

    @property
    def std(self) -> Tensor:
        """(d,) standard deviations of the training set."""
        return self.cov.diagonal().sqrt()

    @property
    def spread(self) -> float:
        """The root mean square of the standard deviations: the unit of isotropic noise."""
        return float(self.cov.diagonal().mean().sqrt())

    def energy_net(self) -> EnergyNet:
        """The shared energy network, freshly initialized: that of bits on binary data."""
        if self.domain.kind == "binary":
            return BinaryNet(self.dim, self.net)
        return EnergyNet(self.mean, self.std, self.net)

    def map_net(self) -> MapNet:
        """The shared network from standardized y to as many outputs, freshly initialized."""
        return MapNet(self.dim, self.net)

    def gaussian(self, scale: float = 1.0) -> Gaussian:
        """The normal with the training set's mean and ``scale`` times its covariance."""
        return Gaussian(self.mean, scale * self.cov)

    @classmethod
    def blank(cls, domain: Domain, net: NetConfig, truth: Dataset | None = None) -> Problem:
        """The problem from shapes alone: what a stored model is rebuilt on."""
        return cls(domain, torch.zeros(domain.dim), torch.eye(domain.dim), net, truth)
