"""The reference rows: nothing is trained."""

from __future__ import annotations

from torch import Generator, Tensor

from ebmbench.api import Dataset, EnergyNet, Gaussian, Problem, ReferenceMethod, Surface


class FixedReference(ReferenceMethod):
    """A row whose surface is right from the start."""

    set_wise = True

    def finished(self, surface: Surface) -> bool:
        """Always."""
        return True


class TrueSurface(Surface):
    """F(y) = -log p(y)."""

    def __init__(self, truth: Dataset) -> None:
        super().__init__()
        self.truth = truth

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,), in float64."""
        return -self.truth.log_prob(y.cpu().double()).to(y.device)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """Draws from the dataset's own sampler."""
        return self.truth.sample(n, generator).y


class Oracle(FixedReference):
    """The true energy: what every column reads at best."""

    def supports(self, problem: Problem) -> str | None:
        """Only a dataset that knows its density has a true energy."""
        unknown = problem.truth is not None and not problem.truth.density_known
        return "the true density of these data is not known" if unknown else None

    def build(self, problem: Problem) -> Surface:
        """The dataset's own log density."""
        if problem.truth is None:
            raise ValueError("the oracle needs a dataset whose density is known")
        return TrueSurface(problem.truth)


class NetSurface(Surface):
    """An energy net and nothing else."""

    def __init__(self, net: EnergyNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        energy: Tensor = self.net(y)
        return energy


class Untrained(FixedReference):
    """The shared energy net as it is initialized."""

    def build(self, problem: Problem) -> Surface:
        """A fresh net."""
        return NetSurface(problem.energy_net())


class GaussianSurface(Surface):
    """F(y) = -log N(y; mean, cov)."""

    def __init__(self, gaussian: Gaussian) -> None:
        super().__init__()
        self.gaussian = gaussian

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        return -self.gaussian.log_prob(y)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """Draws from the normal."""
        return self.gaussian.sample(n, generator)


class MomentMatched(FixedReference):
    """The normal with the training set's mean and covariance."""

    def build(self, problem: Problem) -> Surface:
        """The Gaussian of the problem."""
        return GaussianSurface(problem.gaussian())
