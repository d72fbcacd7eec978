"""The reference rows: nothing is trained."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from ebmbench.api import (
    Batch,
    Dataset,
    EnergySurface,
    GradientMethod,
    Noise,
    ParamGroups,
    Problem,
    ReferenceMethod,
    StandardizedSurface,
    Surface,
    conditioned,
)


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
        return -self.truth.log_prob(y.cpu().double(), self._context_of(len(y))).to(y.device)

    def _context_of(self, rows: int) -> Tensor | None:
        return None if self.truth.context is None else self.context_of(rows).cpu().double()

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draws from the dataset's own sampler."""
        x = self._context_of(n)
        return self.truth.sample(n, generator).y if x is None else self.truth.sample_given(x, generator)

    def guess(self, n: int, generator: Generator) -> Tensor:
        """Futures as often as their odds say, without noise, where y is noise about one of a few; elsewhere draws."""
        assert self.context is not None
        found = self.truth.futures(self.context.cpu().double())
        if found is None:
            return super().guess(n, generator)
        places = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        chosen = (places[:, None] >= found[1].cumsum(-1)[:, None, :-1]).sum(-1)
        return found[0][torch.arange(len(chosen))[:, None], chosen]


class Oracle(FixedReference):
    """F(y) = -log p(y), the true energy: what every column reads at best."""

    conditional = True
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

    conditional = True
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
    """F(y) = -log N(y; m, S), the normal with the training set's mean and covariance; given x, of its linear fit."""

    conditional = True

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


class MeanSurface(StandardizedSurface):
    """F(y, x) = |u - m(x)|^2 / (2 s^2) + d log s + const, u standardized: a normal about the predicted mean."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.net = conditioned(0, problem.dim, problem.net, problem.context)
        self.log_variance = nn.Parameter(torch.zeros(()))

    def mean_given(self, rows: int) -> Tensor:
        """m(x), the prediction in standardized coordinates, (rows, d)."""
        return self.net(self.mean.new_zeros(rows, 0))

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        error = (self.standardize(y) - self.mean_given(len(y))).square().sum(-1)
        constant = 0.5 * len(self.mean) * (math.log(2 * math.pi) + self.log_variance) + self.std.log().sum()
        return 0.5 * error * torch.exp(-self.log_variance) + constant

    @torch.no_grad()
    def guess(self, n: int, generator: Generator) -> Tensor:
        """The predicted mean, ``n`` times: least squares knows no other answer."""
        assert self.context is not None
        mean = self.mean + self.std * self.mean_given(len(self.context))
        return mean[:, None].expand(-1, n, -1)


class LeastSquares(GradientMethod, ReferenceMethod):
    """L = E |u - m(x)|^2: y predicted from x by its mean, as the lecture's blurry next frame is.

    The energy is that of a normal about the prediction, of the variance that is left; the variance is learned by its
    likelihood, and the mean by least squares alone. Shapes: x (B, c), y, m (B, d).
    It fails wherever y given x takes several values: the mean lies between them, where no data are.
    """

    conditional = True

    def supports(self, problem: Problem) -> str | None:
        """There must be something to predict from."""
        return "there is no context x to predict y from" if problem.context is None else None

    def build(self, problem: Problem) -> Surface:
        """The shared layers from x to y."""
        return MeanSurface(problem)

    def param_groups(self, surface: MeanSurface) -> ParamGroups:
        """The variance is one number, and goes faster."""
        return [
            {"params": list(surface.net.parameters())},
            {"params": [surface.log_variance], "lr_scale": 10.0},
        ]

    def loss(self, surface: MeanSurface, batch: Batch, rng: Generator) -> Tensor:
        """The squared error, and the likelihood of its size."""
        error = (surface.standardize(batch.y) - surface.mean_given(len(batch))).square().sum(-1).mean()
        left = 0.5 * error.detach() * torch.exp(-surface.log_variance)
        return error + left + 0.5 * batch.y.shape[1] * surface.log_variance
