"""Generated video whose next frames are known: which there may be, and how probable each is.

x is the past, a few frames of 16 x 16 pixels without noise, out of a finite number of scenes, all of them equally
probable. y is what comes next: one of a few futures, and noise on each pixel. So p(y | x) is a mixture of normals whose
centers are pictures, exact in any dimension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Generator, Tensor

from ebmbench.contracts.dataset import AtContext, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import logsumexp
from ebmbench.datasets.conditional import REACH, required
from ebmbench.datasets.manifold import Points
from ebmbench.datasets.plane import uniform

SIDE = 16
"""Pixels of a frame's side."""
BLOB = 1.2
"""Pixels: the blob is exp(-r^2 / (2 BLOB^2)), of brightness one."""
PAST = 2
"""Frames of the past."""


def painted(places: Tensor) -> Tensor:
    """Frames (..., 16, 16) of a blob at each of some places (..., 2), as row and column."""
    pixel = torch.arange(SIDE, dtype=torch.float64)
    profile = torch.exp(-((pixel - places[..., None]) ** 2) / (2 * BLOB**2))
    return profile[..., 0, :, None] * profile[..., 1, None, :]


class Scenes(Dataset):
    """p(y | x) = sum_k w_k N(y; f_k(x), sigma^2 I), f_k(x) the futures of the scene whose past is nearest to x.

    Authors write ``places`` and ``weights``, and ``backdrop`` where there is one.
    """

    sigma: float = Field(0.25, gt=0, description="standard deviation of the noise on each pixel of y")

    @property
    def frames(self) -> int:
        """Of the future."""
        return 1

    def places(self) -> tuple[Tensor, Tensor]:
        """Where the blob is, as row and column: in the past (S, 2, 2), and in each future (S, K, frames, 2)."""
        raise NotImplementedError

    def weights(self) -> Tensor:
        """How probable each future of each scene is, (S, K)."""
        raise NotImplementedError

    def backdrop(self, frames: Tensor) -> Tensor:
        """Frames (..., 16, 16) with what stands before the blob."""
        return frames

    @property
    def track(self) -> str:
        """Futures, and no density on a lattice."""
        return "sequences"

    @property
    def domain(self) -> Box:
        """The frames to come, and the noise about them."""
        shape = (self.frames, SIDE, SIDE)
        reach = REACH * self.sigma
        return Box((-reach,) * math.prod(shape), (1 + reach,) * math.prod(shape), shape)

    @property
    def context(self) -> Box:
        """Two frames."""
        shape = (PAST, SIDE, SIDE)
        return Box((0.0,) * math.prod(shape), (1.0,) * math.prod(shape), shape)

    @cached_property
    def scenes(self) -> tuple[Tensor, Tensor]:
        """The pasts (S, c) and the futures (S, K, d) of all scenes."""
        past, future = (self.backdrop(painted(places)) for places in self.places())
        return past.flatten(1), future.flatten(2)

    @cached_property
    def odds(self) -> Tensor:
        """The weights (S, K)."""
        return self.weights()

    def scene_of(self, x: Tensor) -> Tensor:
        """The scene whose past is nearest to each row of x (B, c), as (B,)."""
        return torch.cdist(x.double(), self.scenes[0]).argmin(-1)

    def futures(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and their weights, (B, K, d) and (B, K)."""
        scene = self.scene_of(x)
        return self.scenes[1][scene], self.odds[scene]

    def sample_context(self, n: int, generator: Generator) -> Tensor:
        """The past of scenes drawn alike, (n, c)."""
        past = self.scenes[0]
        return past[torch.randint(len(past), (n,), generator=generator)]

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        """A future and noise on its pixels, (B, c) -> (B, d)."""
        future, weight = self.futures(x)
        place = uniform(len(x), generator)[:, None]
        chosen = (place >= weight.cumsum(-1)[:, :-1]).sum(-1)
        noise = torch.randn(len(x), future.shape[-1], generator=generator, dtype=torch.float64)
        return future[torch.arange(len(x)), chosen] + self.sigma * noise

    def _log_each(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """log w_k N(y; f_k, sigma^2 I) (B, K), and the futures (B, K, d)."""
        future, weight = self.futures(x)
        squared = (y[:, None].double() - future).square().sum(-1)
        constant = future.shape[-1] / 2 * math.log(2 * math.pi * self.sigma**2)
        return weight.log() - squared / (2 * self.sigma**2) - constant, future

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) given (B, c) -> (B,)."""
        return logsumexp(self._log_each(y, required(x))[0])

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(the responsibilities' mean of the futures - y) / sigma^2, (B, d) given (B, c) -> (B, d)."""
        log_each, future = self._log_each(y, required(x))
        mean = (torch.softmax(log_each, -1)[..., None] * future).sum(1)
        return (mean - y) / self.sigma**2

    def smoothed(self, sigma: float) -> Dataset:
        """The same with the noise of both."""
        return self.model_copy(update={"sigma": math.hypot(self.sigma, sigma)})

    def at(self, x: Tensor) -> AtContext:
        """The law at one past ``x`` (c,), whose modes are its futures."""
        return SceneAt(law=self, x=tuple(x.tolist()))


class SceneAt(AtContext):
    """The futures of one scene, noise about each."""

    law: Scenes

    @cached_property
    def _futures(self) -> tuple[Tensor, Tensor]:
        future, weight = self.law.futures(self.contexts)
        return future[0], weight[0]

    @property
    def modes(self) -> int:
        """Its futures."""
        return len(self._futures[1])

    def assign_mode(self, y: Tensor) -> Tensor:
        """The nearest future; -1 where y is farther from it than noise strays but once in ten thousand times."""
        squared, index = torch.cdist(y.double(), self._futures[0]).square().min(-1)
        dim = y.shape[1]
        return torch.where(squared <= self.law.sigma**2 * (dim + 4 * math.sqrt(2 * dim)), index, -1)

    @property
    def manifold(self) -> Points:
        """The futures."""
        future, weight = self._futures
        return Points(self.law.sigma, future, weight)


class Occluder(Scenes):
    """p(y | x) = w N(y; to its left, s^2 I) + (1 - w) N(y; to its right, s^2 I): a blob comes out from behind a bar.

    It flies level behind the bar and comes out three pixels beside its course. 108 scenes: from the left or from the
    right, at six heights, from three starts, with three speeds. The bar has a fifth of the blob's brightness, and hides
    it; what went in at column c with v pixels a frame comes out at c + 3 v. The left of its course is above where it
    flies to the right, and below where it flies to the left.
    """

    weight: float = Field(0.7, gt=0, lt=1, description="probability that it turns to its left")

    bar: ClassVar[slice] = slice(6, 10)
    """Columns."""
    brightness: ClassVar[float] = 0.2
    turn: ClassVar[float] = 3.0

    def weights(self) -> Tensor:
        """Above, then below: of those that fly to the right, then of the others."""
        odds = torch.tensor([self.weight, 1 - self.weight], dtype=torch.float64)
        return torch.stack([odds, odds.flip(0)]).repeat_interleave(54, 0)

    def places(self) -> tuple[Tensor, Tensor]:
        """As it flies to the right, then mirrored."""
        row, start, speed = _all_of([5, 6, 7, 8, 9, 10], [2, 2.5, 3], [3, 3.25, 3.5])
        past = torch.stack([torch.stack([row, start + step * speed], -1) for step in range(PAST)], 1)
        ways = [torch.stack([row + turn, start + 3 * speed], -1) for turn in (-self.turn, self.turn)]
        future = torch.stack(ways, 1)[:, :, None]
        return torch.cat([past, _mirrored(past)]), torch.cat([future, _mirrored(future)])

    def backdrop(self, frames: Tensor) -> Tensor:
        """The bar, in the middle of the frame."""
        covered = frames.clone()
        covered[..., self.bar] = self.brightness
        return covered


_ROWS, _SLOPES, _SPEEDS = (6.0, 7.0, 8.0, 9.0), (-1.0, 0.0, 1.0), (3.0, 3.5, 4.0)
"""Of what flies to the wall on the right: where it hits, pixels down for each frame, and pixels to the right."""


class Bounce(Scenes):
    """p(y | x) = sum_k w_k N(y; off at angle k, s^2 I): a blob flies at a wall and bounces off at one of three angles.

    144 scenes: four walls, four places where it hits, three slopes, three speeds. It leaves at -50, 0 or 50 degrees,
    likeliest at the one that goes on along the wall as it came, and is five pixels away from where it hit, then seven
    and a half where two frames are to come.
    """

    ways: tuple[float, float, float] = Field(
        (0.5, 0.3, 0.2), description="probabilities of the likeliest angle, of the next in turn, and of the third"
    )
    steps: int = Field(1, ge=1, le=2, description="frames to come")

    angles: ClassVar[tuple[float, ...]] = (-50.0, 0.0, 50.0)
    away: ClassVar[tuple[float, ...]] = (5.0, 7.5)
    """Pixels."""
    wall: ClassVar[float] = 13.0
    """The column of the blob when it hits the wall on the right."""

    @field_validator("ways")
    @classmethod
    def _sum(cls, ways: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(ways) <= 0 or abs(sum(ways) - 1) > 1e-9:
            raise ValueError("expected probabilities above zero whose sum is 1")
        return ways

    @property
    def frames(self) -> int:
        """As asked."""
        return self.steps

    def weights(self) -> Tensor:
        """By the slope."""
        odds = torch.tensor(self.ways, dtype=torch.float64)
        by_slope = torch.stack([odds.roll(turn) for turn in range(len(_SLOPES))])
        return by_slope.repeat_interleave(len(_SPEEDS), 0).repeat(4 * len(_ROWS), 1)

    def places(self) -> tuple[Tensor, Tensor]:
        """At the wall on the right, then a quarter turned, and so on."""
        row, slope, speed = _all_of(_ROWS, _SLOPES, _SPEEDS)
        hit = torch.stack([row, torch.full_like(row, self.wall)], -1)
        flight = torch.stack([slope, speed], -1)
        past = torch.stack([hit - (PAST - step) * flight for step in range(PAST)], 1)
        angle = torch.deg2rad(torch.tensor(self.angles, dtype=torch.float64))
        leaving = torch.stack([angle.sin(), -angle.cos()], -1)
        away = torch.tensor(self.away[: self.steps], dtype=torch.float64)
        future = hit[:, None, None] + leaving[:, None] * away[:, None]
        turned = [(past, future)]
        for _ in range(3):
            turned.append((_turned(turned[-1][0]), _turned(turned[-1][1])))
        return torch.cat([one for one, _ in turned]), torch.cat([other for _, other in turned])


def _all_of(*choices: Sequence[float]) -> tuple[Tensor, ...]:
    """Every combination of some numbers, a column for each of the lists."""
    columns = torch.cartesian_prod(*(torch.tensor(each, dtype=torch.float64) for each in choices))
    return columns.unbind(-1)


def _mirrored(places: Tensor) -> Tensor:
    """Left and right exchanged."""
    row, column = places.unbind(-1)
    return torch.stack([row, SIDE - 1 - column], -1)


def _turned(places: Tensor) -> Tensor:
    """By a quarter of a turn about the middle of the frame."""
    row, column = places.unbind(-1)
    return torch.stack([column, SIDE - 1 - row], -1)
