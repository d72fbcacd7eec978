"""Rows of data, and the distributions that they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict

from ebmbench.contracts.domain import MAX_AXES, Domain

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True)
class Batch:
    """Rows of data: ``y`` (B, d), and the context ``x`` (B, c) that they depend on (None when unconditional)."""

    y: Tensor
    x: Tensor | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.y)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Some of the rows, with their contexts."""
        return self.map(lambda part: part[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same change made to y and to x."""
        return Batch(change(self.y), None if self.x is None else change(self.x))

    def to(self, like: Tensor) -> Batch:
        """With the dtype and on the device of ``like``."""
        return self.map(lambda part: part.to(like))

    def repeat(self, times: int) -> Batch:
        """The whole batch so many times over, one copy below the other: (B, d) -> (times B, d)."""
        return self.map(lambda part: part.repeat(times, *[1] * (part.ndim - 1)))

    @classmethod
    def cat(cls, parts: list[Batch]) -> Batch:
        """The rows of several batches below one another."""
        import torch

        if len(parts) == 1:
            return parts[0]
        contexts = [part.x for part in parts if part.x is not None]
        if contexts and len(contexts) < len(parts):
            raise ValueError("some of the batches have a context x and some have none")
        return cls(torch.cat([part.y for part in parts]), torch.cat(contexts) if contexts else None)


class Manifold(Protocol):
    """Where the data of a noiseless world would lie: what a point off it can be mapped back to."""

    @property
    def width(self) -> float:
        """How far the data stray from it: the standard deviation of their noise."""
        ...

    @property
    def dim(self) -> int:
        """1 for curves, 0 for single points."""
        ...

    def draw(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """``n`` points of it as the data fall on it, and a unit normal at each: two of (n, d)."""
        ...

    def closest(self, y: Tensor) -> Tensor:
        """The point of it nearest to each row of ``y`` (B, d), as (B, d)."""
        ...


class Dataset(BaseModel):
    """A distribution with an iid sampler and, wherever possible, its exact log density. Its fields are its parameters.

    ``log_prob`` and ``score`` work in float64 on the CPU; ``sample`` draws on the CPU from the generator it is given.
    Where there is a context x (``context``), ``sample_context`` and ``sample_given`` take the place of ``sample``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def domain(self) -> Domain:
        """The space that y lives in."""
        raise NotImplementedError

    @property
    def context(self) -> Domain | None:
        """The space that x lives in; None when the data are unconditional."""
        return None

    def sample(self, n: int, generator: Generator) -> Batch:
        """``n`` independent draws: where there is a context, of it first and then of y given it."""
        if self.context is None:
            raise NotImplementedError
        x = self.sample_context(n, generator)
        return Batch(self.sample_given(x, generator), x)

    def sample_context(self, n: int, generator: Generator) -> Tensor:
        """``n`` independent draws of x, (n, c); only where there is a context."""
        raise NotImplementedError

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        """One draw of y for each row of ``x`` (B, c), as (B, d); only where there is a context."""
        raise NotImplementedError

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The exact log density (nats) at ``y`` (B, d) given ``x``, as (B,)."""
        raise NotImplementedError

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The exact gradient of ``log_prob`` with respect to ``y`` (B, d), as (B, d)."""
        raise NotImplementedError

    def at(self, x: Tensor) -> Dataset:
        """The law of y at one context ``x`` (c,): a dataset without a context; only where there is a context."""
        if self.context is None:
            raise NotImplementedError
        return AtContext(law=self, x=tuple(x.tolist()))

    def futures(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """The few values of y given each row of ``x`` (B, c) that noise scatters about, and their weights.

        (B, K, d) and (B, K), apart from one another by far more than the noise; None where there are none.
        """
        return None

    def smoothed(self, sigma: float) -> Dataset | None:
        """This distribution convolved with N(0, sigma^2 I), exactly; None where that has no closed form."""
        return None

    @property
    def has_density(self) -> bool:
        """Whether ``log_prob`` exists: not for rows of unknown origin, nor for a law without a density."""
        return True

    @property
    def track(self) -> str:
        """The name of the track that it is judged by."""
        if not self.has_density:
            return "user_data"
        if self.context is not None:
            return "conditional"
        if self.domain.kind == "binary":
            return "binary"
        return "plane" if self.domain.dim <= MAX_AXES else "dimensions"

    def kept_in(self, folder: Path) -> Dataset:
        """The same dataset, which finds in a folder of tables what it needs of it."""
        return self

    def rows(self) -> Batch | None:
        """All rows of a finite table, which are split and never drawn; None for a source without an end."""
        return None

    @property
    def modes(self) -> int:
        """How many separate modes there are; one when the distribution is in one piece."""
        return 1

    def assign_mode(self, y: Tensor) -> Tensor:
        """The mode that each row of ``y`` covers, as (B,) integers; -1 for none."""
        raise NotImplementedError

    @property
    def manifold(self) -> Manifold | None:
        """The curves or points that the data scatter about; None where there are none."""
        return None


class AtContext(Dataset):
    """The law of y at one context x: a dataset of its own, which has none.

    Modes and a manifold depend on x: a law that knows them gives, as its ``at``, a class that derives from this one.
    """

    law: Dataset
    x: tuple[float, ...]

    @property
    def contexts(self) -> Tensor:
        """x as one row (1, c), float64."""
        import torch

        return torch.tensor([self.x], dtype=torch.float64)

    @property
    def domain(self) -> Domain:
        """That of the law, whatever x is."""
        return self.law.domain

    @property
    def has_density(self) -> bool:
        """Whether the law has one."""
        return self.law.has_density

    def sample(self, n: int, generator: Generator) -> Batch:
        """``n`` independent draws of y given x."""
        return Batch(self.law.sample_given(self.contexts.repeat(n, 1), generator))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """log p(y | x), (B, d) -> (B,)."""
        return self.law.log_prob(y, self.contexts.expand(len(y), -1))

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The gradient of log p(y | x) with respect to y, (B, d) -> (B, d)."""
        return self.law.score(y, self.contexts.expand(len(y), -1))

    def smoothed(self, sigma: float) -> Dataset | None:
        """The smoothed law at the same context."""
        blurred = self.law.smoothed(sigma)
        return None if blurred is None else blurred.at(self.contexts[0])
