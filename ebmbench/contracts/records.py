"""The records that every floor shares: strategies, kinds of energies, what a method, a dataset and a metric are called.

Nothing here imports torch, so that listing and planning stay fast; nothing here makes a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}$"
"""Names of suites, labels: never a path, a tag or a terminal code."""


class Record(BaseModel):
    """A frozen record that knows its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


DomainKind = Literal["continuous", "binary"]
"""What the coordinates of y are: real numbers, or bits."""


class NetConfig(Record):
    """The size of the network that every method shares."""

    features: int = Field(64, ge=0, description="random Fourier features, spread evenly over the scales")
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field((1.0, 2.0, 4.0, 8.0), min_length=1)
    width: int = Field(128, ge=1)
    depth: int = Field(2, ge=1)

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.features % len(self.scales):
            raise ValueError(f"features ({self.features}) must be a multiple of the number of scales")
        return self


class Protocol(Record):
    """How surfaces are measured: a part of the key of every metric."""

    lattice: int = Field(400, ge=2, description="cells along each axis of the plane when training has ended")
    milestone_lattice: int = Field(200, ge=2, description="the same at milestones")
    samples: int = Field(5000, ge=1, description="samples drawn of each surface")
    seed: str = Field("evaluation", description="axis of the random numbers")


# --- the catalog -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MethodSpec:
    """The catalog's facts of a method. ``target`` is the class, or ``"module:Class"`` so that listing imports nothing.

    ``params`` are presets: one class may stand in the catalog under several names. ``tuned_on`` names the datasets by
    whose exact density a default was chosen: boards of these say so. ``needs`` are packages that not everybody has who
    has the plugin, each with what pip is to install: ``{"zuko": "ebmbench[flows]"}``. Where one is missing the trials
    are skipped, and the reason says so.
    """

    name: str
    target: type[BaseModel] | str
    strategy: Strategy
    kind: EnergyKind
    summary: str
    refs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    tuned_on: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with, never ranked."""
        return self.strategy is Strategy.REFERENCE


@dataclass(frozen=True)
class DatasetSpec:
    """The catalog's facts of a dataset."""

    name: str
    target: type[BaseModel] | str
    summary: str
    refs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


Direction = Literal["up", "down", "one", "zero", "none"]
"""Where the best value lies: large, small, at one, at zero, or neither (a cost, a fact)."""


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
    on_board: bool = False
    """Whether it has a column on every leaderboard, beside those that the track of the data names."""
    selects: bool = False
    """Whether choices may be made by it: it is computed from validation data alone, and less is better."""

    def obstacle(self, kind: EnergyKind, variant: str = "") -> str:
        """Why it, or a variant of it, does not apply to a kind of energy; empty when it does."""
        if kind in self.kinds:
            return NO_SCALE if variant == "raw" and kind is EnergyKind.RANKING else ""
        return self.why_not or f"not for {kind} energies"


NO_SCALE = "the scale of a ranking energy means nothing"


def flat_name(metric: str, variant: str) -> str:
    """``kl``, ``kl_beta``, ``mmd2_common``: raw is the bare name."""
    return metric if variant in ("", "raw") else f"{metric}_{variant}"


@dataclass(frozen=True)
class Column:
    """A number that tables show.

    Attributes:
        title: what stands above it.
        metric: the flat name of the metric (``kl_beta``).
        ranking: what takes its place, marked with a beta, where an energy only ranks.
        wide: whether it is left out where there is room for eighty characters only.
        typical: whether there is an average only of what has a number on every dataset that any method has one on.
        unless: what makes a table of it superfluous on a dataset where any method has that.
        ceiling: a metric that is 1 where nothing can be had beyond. Where a reference row has it, what is shown is how
            far a method is below the number of that row.
    """

    title: str
    metric: str
    ranking: str = ""
    wide: bool = False
    typical: bool = False
    unless: str = ""
    ceiling: str = ""

    def of(self, kind: EnergyKind) -> str:
        """The metric that is shown of such an energy."""
        return self.ranking if self.ranking and kind is EnergyKind.RANKING else self.metric


@dataclass(frozen=True)
class Badge:
    """A share that a reader is warned of on the row of a method, whatever the board is of.

    Attributes:
        word: what stands before the share.
        metric: the flat name of the metric.
        ranking: what takes its place where an energy only ranks.
        above: the share from which on it is shown.
    """

    word: str
    metric: str
    ranking: str = ""
    above: float = 0.01


@dataclass(frozen=True)
class Ruler:
    """A loss that methods are ranked by: how many times that of the best it is.

    Attributes:
        title: what its board is called.
        metric: the flat name of the metric.
        scale: what its loss is: the number (``ratio``), one minus it (``gap``), or the number taken for the logarithm
            of a loss, as nats are (``nats``), or minus it, where much is good (``minus``).
        of_order: whether an energy that only ranks stands on the board.
        legend: what the loss is, in words.
    """

    title: str
    metric: str
    scale: Literal["ratio", "gap", "nats", "minus"]
    of_order: bool = True
    legend: str = ""


@dataclass(frozen=True)
class Track:
    """What a family of datasets is judged by.

    Attributes:
        name: how datasets refer to it.
        summary: what the family is.
        columns: of the leaderboard; the first is the headline.
        better: whether a large headline is good, or a small one.
        failed: what a trial that did not end well counts as in averages of the headline; None: it does not.
        rulers: what ranks, a board each; none: the headline, differences in it taken for nats.
        tables: a table each, methods by datasets.
        badges: what the row of a method is marked with on any of the datasets.
        milestones: flat names of the metrics that are kept on the way.
        curve: what is drawn over the training, and what ``targets`` are of.
        targets: values of it that a training is timed to.
        progress: what is said of a trial when it ends: words, and flat names.
        picture: how its surfaces are drawn; empty when they are not.
        legend: what the numbers mean.
    """

    name: str
    summary: str
    columns: tuple[Column, ...]
    better: Literal["up", "down"]
    failed: float | None
    tables: tuple[Column, ...]
    milestones: tuple[str, ...]
    curve: Column
    targets: tuple[float, ...] = ()
    rulers: tuple[Ruler, ...] = ()
    badges: tuple[Badge, ...] = ()
    progress: tuple[tuple[str, str], ...] = ()
    picture: Literal["plane", "frames", ""] = ""
    legend: str = ""

    @property
    def headline(self) -> Column:
        """The number that stands first."""
        return self.columns[0]

    @property
    def ruled_by(self) -> tuple[Ruler, ...]:
        """What ranks."""
        scale: Literal["nats", "minus"] = "nats" if self.better == "down" else "minus"
        return self.rulers or (Ruler(self.headline.title, self.headline.metric, scale),)

    @property
    def needed(self) -> tuple[str, ...]:
        """The metrics, by flat name, without which nothing can be ranked or timed."""
        return _metrics_of((self.headline, self.curve))

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics, by flat name, that its tables show: measured unless a suite asks for others."""
        ranked = tuple(ruler.metric for ruler in self.ruled_by)
        return tuple(dict.fromkeys((*_metrics_of((*self.columns, *self.tables, self.curve, *self.badges)), *ranked)))


def _metrics_of(columns: tuple[Column | Badge, ...]) -> tuple[str, ...]:
    return tuple(name for column in columns for name in (column.metric, column.ranking) if name)


@dataclass(frozen=True)
class ReporterSpec:
    """The catalog's facts of a reporter. ``target(report)`` gives the content of a file from a finished run.

    That is text, bytes, a matplotlib figure (written as the suffix of the file says: png, svg or pdf), or None where
    the run has nothing for it.

    Attributes:
        name: what ``ebmbench report --format`` calls it.
        product: the file that every run writes; empty when it is made on demand only.
    """

    name: str
    target: Callable[[Any], Any] | str
    summary: str
    product: str = ""


Spec = MethodSpec | DatasetSpec | MetricSpec | Track | ReporterSpec
