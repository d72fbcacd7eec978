"""Laws of y given x whose densities and scores are exact, so that a conditional energy can be held against the truth.

x is uniform on an interval. y is a number that scatters about one value or several, or a point of the plane that
scatters about an ellipse. Everything is row by row: each y has the x of its own row.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import AtContext, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.manifold import Curves, Points
from ebmbench.datasets.plane import COVERING_RADII, normal, uniform
from ebmbench.datasets.warped import normal_log_prob

REACH = 7.0
"""Standard deviations of normal noise that a domain leaves: 2.6e-12 of it lies beyond."""
NODE_SPACING = 0.75
"""Standard deviations of the noise between two quadrature nodes of a curve, where they are farthest apart."""
ROWS = 256
"""Of y, whose distances to all nodes are computed at once."""


class ConditionalDataset(Dataset):
    """A law of y given x, x uniform on an interval; ``sample_given`` gives float64 rows."""

    interval: ClassVar[tuple[float, float]] = (-3.0, 3.0)
    """Of x."""

    @property
    def context(self) -> Box:
        """The interval."""
        low, high = self.interval
        return Box((low,), (high,))

    def sample_context(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent places of the interval, (n, 1)."""
        low, high = self.interval
        return low + (high - low) * uniform(n, generator)[:, None]


def required(x: Tensor | None) -> Tensor:
    """The contexts.

    Raises:
        ValueError: if there are none.
    """
    if x is None:
        raise ValueError("the density is of y given x: expected contexts x (B, c), got None")
    return x


class NormalBranches(ConditionalDataset):
    """p(y | x) = sum_k w_k N(y; m_k(x), s_k(x)^2) on the line."""

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Means m, standard deviations s and weights w of the normals at ``x`` (B, 1): three of (B, K)."""
        raise NotImplementedError

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        """A branch and noise about it, (B, 1) -> (B, 1)."""
        mean, sigma, weight = self.branches(x)
        place = uniform(len(x), generator)[:, None] * weight.sum(-1, keepdim=True)
        index = (place >= weight.cumsum(-1)[:, :-1]).sum(-1, keepdim=True)
        noise = torch.randn(len(x), 1, generator=generator, dtype=torch.float64)
        return mean.gather(1, index) + sigma.gather(1, index) * noise

    def _log_each(self, y: Tensor, x: Tensor) -> Tensor:
        """log w_k N(y; m_k, s_k^2), (B, K)."""
        mean, sigma, weight = self.branches(x)
        return weight.log() + normal_log_prob(y, mean, sigma)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 1) given (B, 1) -> (B,)."""
        return logsumexp(self._log_each(y, required(x)))

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The responsibilities' mean of (m_k - y) / s_k^2; (B, 1) given (B, 1) -> (B, 1)."""
        x = required(x)
        mean, sigma, _ = self.branches(x)
        pull = (mean - y) / sigma**2
        return (torch.softmax(self._log_each(y, x), -1) * pull).sum(-1, keepdim=True)

    def at(self, x: Tensor) -> AtContext:
        """The law at one context ``x`` (1,), with its modes and the points that y scatters about."""
        return BranchesAt(law=self, x=tuple(x.tolist()))


class BranchesAt(AtContext):
    """Normals on the line at one context. They are modes where no y is within four deviations of two of them."""

    law: NormalBranches

    @cached_property
    def _branches(self) -> tuple[Tensor, Tensor, Tensor]:
        mean, sigma, weight = (part[0] for part in self.law.branches(self.contexts))
        return mean, sigma, weight

    @property
    def modes(self) -> int:
        """The normals, or one where two of them run into each other."""
        mean, sigma, _ = self._branches
        mean, order = mean.sort()
        apart = mean.diff() > COVERING_RADII * (sigma[order][1:] + sigma[order][:-1])
        return len(mean) if bool(apart.all()) else 1

    def assign_mode(self, y: Tensor) -> Tensor:
        """The nearest normal in its own standard deviations, or -1 when it is farther than four of them."""
        mean, sigma, _ = self._branches
        distance, index = ((y - mean).abs() / sigma).min(-1)
        return torch.where(distance <= COVERING_RADII, index if self.modes > 1 else 0, -1)

    @property
    def manifold(self) -> Points | None:
        """The means; None where the normals are not equally wide."""
        mean, sigma, weight = self._branches
        return Points(float(sigma[0]), mean[:, None], weight) if bool((sigma == sigma[0]).all()) else None


class TwoBranches(NormalBranches):
    """y = +f(x) + s e with probability w, else -f(x) + s e; f(x) = 1 + sin(2 x) / 2, x ~ U(-3, 3), e ~ N(0, 1).

    The mean of y given x is (2 w - 1) f(x), which least squares learns: with w = 1/2 it is 0, where no data are.
    """

    sigma: float = Field(0.1, gt=0, description="standard deviation of the noise")
    weight: float = Field(0.5, gt=0, lt=1, description="probability of the upper branch")

    @property
    def domain(self) -> Box:
        """Both branches and the noise about them."""
        reach = 1.5 + REACH * self.sigma
        return Box((-reach,), (reach,))

    @staticmethod
    def upper(x: Tensor) -> Tensor:
        """f(x), between 1/2 and 3/2."""
        return 1 + torch.sin(2 * x) / 2

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The upper one first."""
        f = self.upper(x.double())
        mean = torch.cat([f, -f], -1)
        return mean, torch.full_like(mean, self.sigma), mean.new_tensor([self.weight, 1 - self.weight]).expand_as(mean)

    def smoothed(self, sigma: float) -> Dataset:
        """The same with the noise of both."""
        return TwoBranches(sigma=math.hypot(self.sigma, sigma), weight=self.weight)


class Gustafsson2(NormalBranches):
    """y ~ N(sin x, (.15 / (1 + e^-x))^2), x ~ U(-3, 3): one branch, whose noise grows twentyfold from left to right.

    The Gaussian with the moments of y given x is the truth itself. (Gustafsson et al. 2020, second toy; they look at y
    on [-3, 3]; the domain here is [-2, 2], where all but 1e-11 of y lies whatever x is.)
    """

    @property
    def domain(self) -> Box:
        """All but 1e-11 of y, whatever x is."""
        return Box((-2.0,), (2.0,))

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One."""
        x = x.double()
        return torch.sin(x), 0.15 * torch.sigmoid(x), torch.ones_like(x)


class Gustafsson1(NormalBranches):
    """y ~ .8 N(sin x, .075^2) + .2 N(-sin x, .075^2) where x < 0, and y + 1 ~ LogNormal(0, .25^2) where x >= 0.

    x ~ U(-3, 3); no single Gaussian fits y on the left, and y > -1 on the right. (Gustafsson et al. 2020, first toy;
    they look at y on [-3, 3], beyond which 1.5e-8 of the log-normal lies; beyond the domain here, [-4, 4], lie 6e-11.)
    """

    sigma: ClassVar[float] = 0.075
    spread: ClassVar[float] = 0.25
    """Standard deviation of log(y + 1)."""

    @property
    def domain(self) -> Box:
        """All but 1e-10 of y, whatever x is."""
        return Box((-4.0,), (4.0,))

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The two on the left, whatever the sign of x: the likelier first."""
        mean = torch.cat([torch.sin(x.double()), -torch.sin(x.double())], -1)
        return mean, torch.full_like(mean, self.sigma), mean.new_tensor([0.8, 0.2]).expand_as(mean)

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        """(B, 1) -> (B, 1)."""
        left = super().sample_given(x, generator)
        right = torch.exp(self.spread * torch.randn(len(x), 1, generator=generator, dtype=torch.float64)) - 1
        return torch.where(x < 0, left, right)

    @staticmethod
    def _shifted(y: Tensor) -> tuple[Tensor, Tensor]:
        """y + 1 where it is positive, else 1; and where it is."""
        positive = y > -1
        return torch.where(positive, y + 1, 1.0), positive

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 1) given (B, 1) -> (B,); minus infinity where x >= 0 and y <= -1."""
        x = required(x)
        u, positive = self._shifted(y)
        right = torch.where(positive, normal_log_prob(u.log(), 0.0, self.spread) - u.log(), -torch.inf)
        return torch.where(x[:, 0] < 0, super().log_prob(y, x), right[:, 0])

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 1) given (B, 1) -> (B, 1); 0 where there is no density."""
        x = required(x)
        u, positive = self._shifted(y)
        right = torch.where(positive, -(1 + u.log() / self.spread**2) / u, 0.0)
        return torch.where(x < 0, super().score(y, x), right)

    def at(self, x: Tensor) -> AtContext:
        """Two branches on the left; on the right one piece, which scatters about no point."""
        return super().at(x) if float(x[0]) < 0 else AtContext(law=self, x=tuple(x.tolist()))


class Horn(ConditionalDataset):
    """y = (r1 cos t, r2 sin t) + s e, r = (a x + b (1 - x), b x + a (1 - x)) e^(g x), x ~ U(0, 1), t ~ U(0, 2 pi).

    a = 1.5, b = 2, e ~ N(0, I): with g = 2 an ellipse that grows from radii 2 and 1.5 to 11.1 and 14.8; its angle t
    is the latent variable. p(y | x) is the noise averaged over t by the trapezoidal rule, which for what is
    periodic converges faster than any power; the score is the exact gradient of what is computed. A row costs
    an exponential for each of some 2,500 nodes.
    """

    sigma: float = Field(0.05, gt=0, description="standard deviation of the noise")
    growth: float = Field(2.0, ge=0, le=4, description="g, the logarithm of how many times it grows from x = 0 to 1")

    interval: ClassVar[tuple[float, float]] = (0.0, 1.0)
    start: ClassVar[tuple[float, float]] = (2.0, 1.5)
    """The radii at x = 0; at x = 1 the other way round, times e^g."""

    @property
    def domain(self) -> Box:
        """The largest radii of any x and the noise about them; they are the last ones unless it hardly grows."""
        radii = self.radii(torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]).amax(0)
        reach = tuple((radii + REACH * self.sigma).tolist())
        return Box(tuple(-side for side in reach), reach)

    def radii(self, x: Tensor) -> Tensor:
        """r1 and r2, (B, 1) -> (B, 2)."""
        start = torch.tensor(self.start, dtype=torch.float64)
        return (start * (1 - x) + start.flip(0) * x) * torch.exp(self.growth * x.double())

    @property
    def node_count(self) -> int:
        """Quadrature nodes in t, as many as the largest ellipse takes."""
        return max(64, math.ceil(2 * math.pi * math.exp(self.growth) * max(self.start) / (NODE_SPACING * self.sigma)))

    @cached_property
    def _circle(self) -> Tensor:
        """cos t and sin t at the nodes, (2, K)."""
        t = torch.arange(self.node_count, dtype=torch.float64) * (2 * math.pi / self.node_count)
        return torch.stack([t.cos(), t.sin()])

    def _logits(self, y: Tensor, radii: Tensor) -> Tensor:
        """log N(y; c_k, s^2 I) up to the term in y alone, (B, K), c_k the nodes of each row's ellipse."""
        features = torch.cat([y * radii, -radii.square() / 2], -1) / self.sigma**2
        return features @ torch.cat([self._circle, self._circle.square()])

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        """An angle and noise, (B, 1) -> (B, 2)."""
        t = 2 * math.pi * uniform(len(x), generator)
        return self.radii(x) * torch.stack([t.cos(), t.sin()], -1) + self.sigma * normal(len(x), generator)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """log mean_k N(y; c_k(x), s^2 I), (B, 2) given (B, 1) -> (B,)."""
        parts = zip(torch.split(y, ROWS), torch.split(self.radii(required(x)), ROWS), strict=True)
        found = torch.cat([logsumexp(self._logits(rows, radii)) for rows, radii in parts])
        norm = math.log(2 * math.pi * self.sigma**2 * self.node_count)
        return found - y.square().sum(-1) / (2 * self.sigma**2) - norm

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(the responsibilities' mean of the nodes - y) / s^2, (B, 2) given (B, 1) -> (B, 2)."""
        parts = zip(torch.split(y, ROWS), torch.split(self.radii(required(x)), ROWS), strict=True)
        mean = [radii * (torch.softmax(self._logits(rows, radii), -1) @ self._circle.T) for rows, radii in parts]
        return (torch.cat(mean) - y) / self.sigma**2

    def smoothed(self, sigma: float) -> Dataset:
        """The same with the noise of both."""
        return Horn(sigma=math.hypot(self.sigma, sigma), growth=self.growth)

    def at(self, x: Tensor) -> HornAt:
        """The law at one context ``x`` (1,), with its ellipse."""
        return HornAt(law=self, x=tuple(x.tolist()))


class HornAt(AtContext):
    """A noisy ellipse of the plane: the horn at one context."""

    law: Horn

    @property
    def manifold(self) -> Curves:
        """The ellipse."""
        radii = self.law.radii(self.contexts)[0]
        return Curves.trace(self.law.sigma, [lambda t: radii * torch.stack([t.cos(), t.sin()], -1)], 0, 2 * math.pi)
