"""Distributions of the plane that are a simple one seen through an exact change of variables."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.plane import PlaneDataset, SmoothCheckerboard, normal, uniform

LOG_2PI = math.log(2 * math.pi)


def normal_log_prob(x: Tensor, mean: Tensor | float, sigma: Tensor | float) -> Tensor:
    """log N(x; mean, sigma^2), elementwise."""
    return -0.5 * ((x - mean) / sigma) ** 2 - torch.log(torch.as_tensor(sigma, dtype=x.dtype)) - 0.5 * LOG_2PI


class Funnel(PlaneDataset):
    """Neal's funnel: x1 ~ N(0, s^2), x2 | x1 ~ N(0, e^x1); entropy log(2 pi e s)."""

    sigma: float = Field(1.5, gt=0, description="standard deviation of the first coordinate")

    @property
    def domain(self) -> Box:
        """A box that holds five standard deviations of x1, and of x2 all but 1e-4."""
        return Box((-5 * self.sigma, -24.0), (5 * self.sigma, 24.0))

    def draw(self, n: int, generator: Generator) -> Tensor:
        """The first coordinate, then the second."""
        z = normal(n, generator)
        first = self.sigma * z[:, 0]
        return torch.stack([first, torch.exp(first / 2) * z[:, 1]], -1)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        a, b = y.unbind(-1)
        return normal_log_prob(a, 0.0, self.sigma) + normal_log_prob(b, 0.0, torch.exp(a / 2))

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2)."""
        a, b = y.unbind(-1)
        pull = b * torch.exp(-a)
        return torch.stack([-a / self.sigma**2 + 0.5 * b * pull - 0.5, -pull], -1)


class Banana(PlaneDataset):
    """x1 ~ N(0, 4), x2 ~ N(b (x1^2 - 4), 1); entropy log(4 pi e)."""

    bend: float = Field(0.2, description="b, how much the second coordinate bends")

    half_width: ClassVar[float] = 14

    def draw(self, n: int, generator: Generator) -> Tensor:
        """The first coordinate, then the second about its parabola."""
        z = normal(n, generator)
        first = 2 * z[:, 0]
        return torch.stack([first, self.bend * (first**2 - 4) + z[:, 1]], -1)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        a, b = y.unbind(-1)
        return normal_log_prob(a, 0.0, 2.0) + normal_log_prob(b, self.bend * (a**2 - 4), 1.0)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2)."""
        a, b = y.unbind(-1)
        residual = b - self.bend * (a**2 - 4)
        return torch.stack([-a / 4 + 2 * self.bend * a * residual, -residual], -1)


class Cosine(PlaneDataset):
    """x1 ~ U(-4, 4), x2 ~ N(3 cos 2 x1, 1): a density with an edge, whose score is the one inside the strip."""

    half_width: ClassVar[float] = 8

    def draw(self, n: int, generator: Generator) -> Tensor:
        """The first coordinate, then the second about its wave."""
        first = 8 * uniform(n, generator) - 4
        return torch.stack([first, 3 * torch.cos(2 * first) + normal(n, generator)[:, 0]], -1)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,); minus infinity outside the strip."""
        a, b = y.unbind(-1)
        inside = normal_log_prob(b, 3 * torch.cos(2 * a), 1.0) - math.log(8)
        return torch.where(a.abs() <= 4, inside, -torch.inf)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2)."""
        a, b = y.unbind(-1)
        residual = b - 3 * torch.cos(2 * a)
        return torch.stack([-6 * torch.sin(2 * a) * residual, -residual], -1)


class LaplaceICA(PlaneDataset):
    """y = A s with independent unit-variance Laplace sources s and A a rotation; entropy 2 (1 + log sqrt 2)."""

    angle: float = Field(math.pi / 6, description="of the rotation A, in radians")

    half_width: ClassVar[float] = 12

    def _rotation(self) -> Tensor:
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """Two signed exponentials, rotated."""
        size = -torch.log1p(-torch.stack([uniform(n, generator), uniform(n, generator)], -1)) / math.sqrt(2)
        signs = torch.where(torch.stack([uniform(n, generator), uniform(n, generator)], -1) < 0.5, 1.0, -1.0)
        return (signs * size) @ self._rotation().T

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        sources = y @ self._rotation().to(y.dtype)
        return -math.sqrt(2) * sources.abs().sum(-1) - math.log(2)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B, 2); zero across a kink."""
        rotation = self._rotation().to(y.dtype)
        return -math.sqrt(2) * (y @ rotation).sign() @ rotation.T


class Pinwheel(PlaneDataset):
    """y = 2 R(2 pi k / 5 + twist e^|f|) f with f ~ N((1, 0), diag(.3^2, .1^2)) and k one of five arms.

    The twist depends on the radius |f|, which a rotation leaves alone: the determinant is 4 whatever f is, and the
    inverse is exact. (A twist by the first coordinate, as often written, has neither.)
    """

    twist: float = Field(0.25, description="how much an arm is wound")
    arms: int = Field(5, ge=1, description="number of arms")

    half_width: ClassVar[float] = 6

    def draw(self, n: int, generator: Generator) -> Tensor:
        """An arm, a point of it, the twist."""
        f = normal(n, generator) * torch.tensor([0.3, 0.1], dtype=torch.float64) + torch.tensor([1.0, 0.0])
        arm = torch.randint(self.arms, (n,), generator=generator)
        angle = 2 * math.pi * arm / self.arms + self.twist * torch.exp(f.norm(dim=-1))
        cos, sin = angle.cos(), angle.sin()
        return 2 * torch.stack([cos * f[:, 0] - sin * f[:, 1], sin * f[:, 0] + cos * f[:, 1]], -1)

    def _unwound(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The radius |f| (B,), and both coordinates of f on each arm (B, arms)."""
        radius = y.norm(dim=-1) / 2
        arm = torch.arange(self.arms, dtype=y.dtype)
        angle = 2 * math.pi * arm / self.arms + self.twist * torch.exp(radius)[:, None]
        cos, sin = angle.cos(), angle.sin()
        a, b = y[:, :1] / 2, y[:, 1:] / 2
        return radius, cos * a + sin * b, -sin * a + cos * b

    def _log_each(self, first: Tensor, second: Tensor) -> Tensor:
        return normal_log_prob(first, 1.0, 0.3) + normal_log_prob(second, 0.0, 0.1)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,)."""
        _, first, second = self._unwound(y)
        return logsumexp(self._log_each(first, second)) - math.log(4 * self.arms)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The responsibilities' mean of the arms' scores, through the rotation and its dependence on the radius."""
        radius, first, second = self._unwound(y)
        weight = torch.softmax(self._log_each(first, second), -1)
        pull_first, pull_second = -(first - 1) / 0.09, -second / 0.01
        arm = torch.arange(self.arms, dtype=y.dtype)
        angle = 2 * math.pi * arm / self.arms + self.twist * torch.exp(radius)[:, None]
        cos, sin = angle.cos(), angle.sin()
        along = torch.stack([cos * pull_first - sin * pull_second, sin * pull_first + cos * pull_second], -1) / 2
        torque = pull_first * second - pull_second * first  # d log p / d angle
        slope = self.twist * torch.exp(radius) / (4 * radius.clamp_min(torch.finfo(y.dtype).tiny))
        turning = torque[..., None] * (slope[:, None] * y)[:, None]
        return (weight[..., None] * (along + turning)).sum(-2)


class Checkerboard(PlaneDataset):
    """p = 1/32 on eight squares of side 2 of a 4 x 4 board on [-4, 4]^2, and nothing elsewhere."""

    half_width: ClassVar[float] = 5

    def draw(self, n: int, generator: Generator) -> Tensor:
        """A column, one of its two squares, a place in it."""
        column = torch.randint(4, (n,), generator=generator)
        row = 2 * torch.randint(2, (n,), generator=generator) + column % 2
        place = 2 * torch.stack([uniform(n, generator), uniform(n, generator)], -1)
        return torch.stack([column, row], -1) * 2.0 - 4.0 + place

    def smoothed(self, sigma: float) -> Dataset:
        """The smooth checkerboard."""
        return SmoothCheckerboard(sigma=sigma)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, 2) -> (B,): -log 32 or minus infinity."""
        cell = torch.floor((y + 4) / 2)
        held = ((cell >= 0) & (cell <= 3)).all(-1) & (cell.sum(-1) % 2 == 0)
        return torch.full_like(y[:, 0], -math.log(32)).masked_fill(~held, -math.inf)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """Zero: the density is flat where it is not nothing."""
        return torch.zeros_like(y)

    @property
    def modes(self) -> int:
        """The eight squares."""
        return 8

    def assign_mode(self, y: Tensor) -> Tensor:
        """The square that the row lies in, or -1."""
        column, row = torch.floor((y + 4) / 2).long().unbind(-1)
        held = torch.isfinite(self.log_prob(y))
        return torch.where(held, 2 * column + row // 2, -1)
