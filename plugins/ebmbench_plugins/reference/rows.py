"""The reference rows: nothing is trained."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ebmbench.api import Dataset, EnergySurface, Noise, Problem, ReferenceMethod, Surface


class FixedReference(ReferenceMethod):
    """A row whose surface is right from the start."""

    full_batch = True

    def finished(self, surface: Surface) -> bool:
        """Always."""
        return True


class TrueSurface(Surface):
    """F(y) = -log p(y)."""

    def __init__(self, truth: Dataset) -> None:
        super().__init__()
        self.truth = truth

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,), in float64."""
        return -self.truth.log_prob(y.cpu().double()).to(y.device)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draws from the dataset's own sampler."""
        return self.truth.sample(n, generator).y


class Oracle(FixedReference):
    """F(y) = -log p(y), the true energy: what every column reads at best."""

    works_on = ("continuous", "binary")

    def supports(self, problem: Problem) -> str | None:
        """Only a dataset that knows its density has a true energy."""
        unknown = problem.truth is not None and not problem.truth.has_density
        return "the true density of these data is not known" if unknown else None

    def build(self, problem: Problem) -> Surface:
        """The dataset's own log density."""
        if problem.truth is None:
            raise ValueError("the oracle needs a dataset whose density is known")
        return TrueSurface(problem.truth)


class Untrained(FixedReference):
    """F(y) = the shared energy net as it is initialized."""

    works_on = ("continuous", "binary")

    def build(self, problem: Problem) -> Surface:
        """A fresh net."""
        return EnergySurface(problem.energy_net())


class GaussianSurface(Surface):
    """F(y) = -log N(y; mean, cov)."""

    def __init__(self, gaussian: Noise) -> None:
        super().__init__()
        self.gaussian = gaussian

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return -self.gaussian.log_prob(y)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draws from the normal."""
        return self.gaussian.sample(n, generator)


class MomentMatched(FixedReference):
    """F(y) = -log N(y; m, S), the normal with the training set's mean and covariance."""

    def build(self, problem: Problem) -> Surface:
        """The Gaussian of the problem."""
        return GaussianSurface(problem.gaussian())


class IndependentBits(Surface):
    """F(y) = -sum_i log p_i(y_i), each bit a Bernoulli of its own."""

    mean: Tensor

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        return -(torch.xlogy(y, self.mean) + torch.xlogy(1 - y, 1 - self.mean)).sum(-1)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Each bit by itself."""
        return torch.bernoulli(self.mean.expand(n, -1), generator=generator)


class Independent(FixedReference):
    """F(y) = -sum_i log(m_i if y_i else 1 - m_i), independent bits with the training set's means: the floor of bits."""

    works_on = ("binary",)

    def build(self, problem: Problem) -> Surface:
        """The means alone."""
        return IndependentBits(problem.mean)
