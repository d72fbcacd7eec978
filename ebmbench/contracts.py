"""The records and protocols that every floor shares: what a method, a dataset and a metric are.

Nothing here imports torch at run time, so that listing and planning stay fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from ebmbench.parts.problem import Problem
    from ebmbench.parts.surface import Surface

API_VERSION = 1

Logs = Mapping[str, "Tensor"]
"""What a step reports: named 0-d tensors (read only now and then, so that no step waits for the device)."""


class Strategy(StrEnum):
    """The seven ways of shaping an energy surface (LeCun), and the reference rows beside them."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    REFERENCE = "reference"

    @property
    def family(self) -> str:
        """``contrastive``, ``architectural`` or ``reference``."""
        return {"C": "contrastive", "A": "architectural"}.get(self.value[0], "reference")

    @property
    def idea(self) -> str:
        """LeCun's own words for it."""
        return _IDEAS[self]


_IDEAS = {
    Strategy.C1: "push down the energy of data points, push up everywhere else",
    Strategy.C2: "push down the energy of data points, push up on chosen locations",
    Strategy.C3: "train a function that maps points off the data manifold to points on it",
    Strategy.A1: "build the machine so that the volume of low energy space is bounded",
    Strategy.A2: "use a regularization term that measures the volume of space that has low energy",
    Strategy.A3: "F(y) = C(y, G(y)), make G(y) as constant as possible with respect to y",
    Strategy.A4: "minimize the gradient and maximize the curvature around data points",
    Strategy.REFERENCE: "not a strategy: the truth above and the floors below every method",
}


class EnergyKind(StrEnum):
    """What an energy means, which decides what may be measured of it."""

    NORMALIZED = "normalized"
    """F = -log p: exp(-F) integrates to one."""
    DENSITY = "density"
    """F = -log p + an unknown constant."""
    SMOOTHED = "smoothed"
    """F = -log of the data density convolved with the method's own noise, + an unknown constant."""
    RANKING = "ranking"
    """Only the order counts: lower is more probable."""


class Status(StrEnum):
    """How a trial ended. Nothing that failed is ever dropped."""

    OK = "ok"
    FAILED = "failed"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    OOM = "oom"
    CRASHED = "crashed"
    SKIPPED = "skipped"


# --- the data --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Rows of data: ``y`` (B, d), the context ``x`` they depend on (None when unconditional), their indices if any."""

    y: Tensor
    x: Tensor | None = None
    index: Tensor | None = None


@dataclass(frozen=True)
class Support:
    """Where a surface is integrated: ``points`` (M, d) and ``log_weight`` (M,), the log volume that each stands for."""

    points: Tensor
    log_weight: Tensor


DomainKind = Literal["continuous", "binary"]
"""What the coordinates of y are: real numbers, or bits."""


class Domain(Protocol):
    """The space that y lives in."""

    @property
    def dim(self) -> int:
        """The number of coordinates of y."""
        ...

    @property
    def kind(self) -> DomainKind:
        """What the coordinates are."""
        ...

    def support(self, n: int) -> Support:
        """A quadrature of the domain: ``n`` points along each axis, or all of its states."""
        ...


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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def domain(self) -> Domain:
        """The space that y lives in."""
        raise NotImplementedError

    def sample(self, n: int, generator: Generator) -> Batch:
        """``n`` independent draws."""
        raise NotImplementedError

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The exact log density (nats) at ``y`` (B, d), as (B,)."""
        raise NotImplementedError

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The exact gradient of ``log_prob`` at ``y`` (B, d), as (B, d)."""
        raise NotImplementedError

    def smoothed(self, sigma: float) -> Dataset | None:
        """This distribution convolved with N(0, sigma^2 I), exactly; None where that has no closed form."""
        return None

    @property
    def density_known(self) -> bool:
        """Whether ``log_prob`` and ``score`` exist: not for rows of unknown origin, nor for a law without a density."""
        return True

    def rows(self) -> Tensor | None:
        """All rows (n, d) of a finite table, which are split and never drawn; None for a source without an end."""
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


# --- the methods -----------------------------------------------------------------------------------------------------


State = dict[str, Any]
"""Tensors and plain numbers in nested dicts and lists: what torch stores, and reads again without unpickling."""


class Stepper(Protocol):
    """What the harness holds of a method in training: it takes steps, and shows the surface to be measured."""

    @property
    def batch_rows(self) -> int | None:
        """Rows of a batch, or None when every step sees the whole training set."""
        ...

    def step(self, batch: Batch, rng: Generator, fraction: float) -> Logs:
        """One update; ``fraction`` of the budget is spent before it."""
        ...

    def warm_up(self, batch: Batch, rng: Generator) -> None:
        """Do what only the first step does, such as compiling, and leave everything as it was."""
        ...

    def readout(self) -> Surface:
        """The surface to be measured now (the moving average, where one is kept)."""
        ...

    def finished(self) -> bool:
        """Whether further steps would change nothing."""
        ...

    def state(self) -> State:
        """All that steps have changed so far."""
        ...

    def restore(self, state: State) -> None:
        """Go on from there: the next steps are those that would have followed."""
        ...


class Method(BaseModel):
    """One algorithm: a frozen record of hyper-parameters. Everything that training changes lives in the surface.

    A method that is not trained by gradients writes ``build`` and ``step``; a ``set_wise`` one is given the whole
    training set at each step. Methods with a loss derive from ``GradientMethod``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    set_wise: ClassVar[bool] = False
    works_on: ClassVar[tuple[DomainKind, ...]] = ("continuous",)

    def build(self, problem: Problem) -> Surface:
        """A blank surface from shapes alone: also how a stored model is rebuilt."""
        raise NotImplementedError

    def step(self, surface: Any, batch: Batch, rng: Generator) -> Logs:
        """One update of the surface in place."""
        raise NotImplementedError

    def finished(self, surface: Any) -> bool:
        """Whether further steps would change nothing (asked after each step of a set-wise method)."""
        return False

    def supports(self, problem: Problem) -> str | None:
        """Why this method cannot work on a problem of a kind that it works on, or None when it can."""
        return None

    def obstacle(self, problem: Problem) -> str | None:
        """Why the trial cannot be: the data are not of a kind that the method works on, or what it says itself."""
        if problem.domain.kind not in self.works_on:
            return f"works on {' and '.join(self.works_on)} data only"
        return self.supports(problem)

    def stepper(self, surface: Surface, compiled: bool = False) -> Stepper:
        """How the harness trains the surface."""
        return PlainStepper(self, surface)


DEFAULT_BATCH = 256
"""Rows of a batch of a method that has no field ``batch``."""


class PlainStepper:
    """Steps of a method that keeps no optimizer."""

    def __init__(self, method: Method, surface: Surface) -> None:
        self.method = method
        self.surface = surface
        self.batch_rows = None if method.set_wise else int(getattr(method, "batch", DEFAULT_BATCH))

    def step(self, batch: Batch, rng: Generator, fraction: float) -> Logs:
        """One update of the surface in place."""
        return self.method.step(self.surface, batch, rng)

    def warm_up(self, batch: Batch, rng: Generator) -> None:
        """Nothing is compiled."""

    def readout(self) -> Surface:
        """The surface itself."""
        return self.surface

    def finished(self) -> bool:
        """Whether the method says that it has converged."""
        return self.method.finished(self.surface)

    def state(self) -> State:
        """The surface's."""
        return {"surface": self.surface.state_dict()}

    def restore(self, state: State) -> None:
        """Fill the surface."""
        self.surface.load_state_dict(state["surface"])


# --- the catalog -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MethodSpec:
    """The catalog's facts of a method. ``target`` is the class, or ``"module:Class"`` so that listing imports nothing.

    ``params`` are presets: one class may stand in the catalog under several names.
    """

    name: str
    target: type[Method] | str
    strategy: Strategy
    kind: EnergyKind
    summary: str
    refs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with, never ranked."""
        return self.strategy is Strategy.REFERENCE


@dataclass(frozen=True)
class DatasetSpec:
    """The catalog's facts of a dataset."""

    name: str
    target: type[Dataset] | str
    summary: str
    refs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


Direction = Literal["up", "down", "one", "zero", "none"]
"""Where the best value lies: large, small, at one, at zero, or neither (a cost, a fact)."""
MetricSet = Literal["core", "all"]


@dataclass(frozen=True)
class MetricSpec:
    """The catalog's facts of a metric. ``target(context)`` gives a float; the context holds what it needs."""

    name: str
    target: Callable[[Any], float] | str
    summary: str
    unit: str
    direction: Direction
    kinds: frozenset[EnergyKind]
    variants: tuple[str, ...] = ("",)
    """The calibrations (``raw``, ``beta``, ``iso``) or samplers (``common``, ``native``) that it is computed for."""
    best: float | None = None
    """The value of the truth itself, where it is known beforehand."""
    in_core: bool = True
    refs: tuple[str, ...] = ()
    why_not: str = ""
    """Why it does not apply to the other kinds."""


Spec = MethodSpec | DatasetSpec | MetricSpec
