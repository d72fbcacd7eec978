"""What is written beside a trial: what it is, how it was trained, how each attempt at it ended, what was measured."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from ebmbench.contracts.records import EnergyKind, MetricSpec, NetConfig, Protocol, Record, Status, Strategy, Track
from ebmbench.identity.keys import key_of
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile

SMALL = ConfigDict(extra="forbid", ser_json_inf_nan="constants")
"""Records that a large run holds by the million: slots instead of a dictionary each. Their values may be infinite."""


class MethodCell(Record):
    """The method of a trial: where its class is, its parameters with defaults, and what reports say of it."""

    name: str
    target: str
    owner: str
    file: str | None = None
    strategy: Strategy
    kind: EnergyKind
    summary: str
    params: dict[str, Any]

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with, never ranked."""
        return self.strategy is Strategy.REFERENCE


class DatasetCell(Record):
    """The dataset of a trial: where its class is and its parameters with defaults."""

    name: str
    target: str
    owner: str
    file: str | None = None
    params: dict[str, Any]


class MetricCell(Record):
    """A metric to be measured; ``code`` is the hash of its source, so that a changed one is measured anew."""

    name: str
    target: str
    owner: str
    file: str | None = None
    summary: str
    unit: str
    direction: str
    kinds: tuple[EnergyKind, ...]
    variants: tuple[str, ...]
    code: str
    why_not: str = ""
    on_board: bool = False

    def spec(self) -> MetricSpec:
        """The catalog's record of it."""
        return MetricSpec(
            name=self.name,
            target=self.target,
            summary=self.summary,
            unit=self.unit,
            direction=self.direction,  # type: ignore[arg-type]
            kinds=frozenset(self.kinds),
            variants=self.variants,
            why_not=self.why_not,
            on_board=self.on_board,
        )


class ParametersCell(BaseModel):
    """Of a ``MethodCell`` its parameters."""

    model_config = ConfigDict(frozen=True)
    params: dict[str, Any]


class Parameters(BaseModel):
    """Of a ``TrialSpec`` the parameters of its method, all that tables show of it: the whole is four times as slow."""

    model_config = ConfigDict(frozen=True)
    method: ParametersCell

    @property
    def values(self) -> dict[str, Any]:
        """By name."""
        return self.method.params


ComponentCell = MethodCell | DatasetCell | MetricCell
"""What a run holds of a component of the catalog."""


class TrialSpec(Record):
    """One cell of a suite: all that a worker needs, and all that reports say. ``identity`` is what the key hashes."""

    method: MethodCell
    dataset: DatasetCell
    data: DataRegime
    net: NetConfig
    budget: Budget
    seed: int
    device: DeviceProfile
    metrics: tuple[MetricCell, ...]
    track: Track
    protocol: Protocol
    identity: dict[str, Any]

    @property
    def key(self) -> str:
        """The hash that names this trial in the store."""
        return key_of(self.identity)


class Training(Record):
    """What training cost. Seconds are of a monotonic clock that stands still while anything else is done."""

    prepare_seconds: float
    train_seconds: float
    processor_seconds: float | None = Field(None, description="of all threads while the training's clock ran")
    compile_seconds: float = 0.0
    steps: int
    passes: int = Field(description="charged: at least one a row of data in each step")
    flops: int = Field(description="of matrix products and convolutions, forward and backward")
    operations: int = Field(description="calls of aten")
    energy_rows: int
    gradient_rows: int
    samples: int = Field(description="rows of data seen, as often as they were seen")
    rows: int = Field(description="different rows of data seen")
    peak_bytes: int
    device_peak_bytes: int | None = None
    interrupted: int = Field(0, description="how often it was cut and went on from a snapshot")
    sha256: dict[str, str] = Field(
        default_factory=dict, description="of what was trained, so that a half-measured trial can tell a damaged file"
    )


@dataclass(frozen=True, slots=True, config=SMALL)
class Value:
    """One number: metric, variant (``raw``, ``beta``, ``common``, ... or empty); the value, or the reason for none."""

    metric: str
    variant: str = ""
    value: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, config=SMALL)
class Point:
    """A value at a milestone of the training."""

    step: int
    passes: int
    train_seconds: float
    metric: str
    variant: str = ""
    value: float | None = None

    def as_json(self) -> str:
        """A line of ``curve.jsonl``."""
        return POINT.dump_json(self).decode()


POINT: TypeAdapter[Point] = TypeAdapter(Point)


class Measurements(Record):
    """Everything measured of a trained model, and the code that measured it."""

    values: tuple[Value, ...]
    code: dict[str, str]
    eval_seconds: float


class Attempt(Record):
    """How one attempt at a trial ended."""

    status: Status
    error_type: str = ""
    message: str = ""
    exit_code: int | None = None
    signal: str = ""
    stderr: tuple[str, ...] = ()
    started: str
    total_seconds: float
    n_concurrent: int = 0
    machine_id: str = ""

    @property
    def outdated(self) -> bool:
        """Whether the worker refused: the code was not the one that the trial was planned with."""
        return self.error_type == "CodeChanged"

    @property
    def error(self) -> str:
        """The reason in one line; empty when all went well."""
        return f"{self.error_type}: {self.message}".strip(": ")


@dataclass(frozen=True, slots=True, config=SMALL)
class TrialView:
    """A trial as one run sees it: its place in the suite, and the key of the folder that holds it."""

    key: str
    name: str
    row: str
    method: str
    dataset: str
    seed: int
    device: str
    strategy: Strategy
    kind: EnergyKind
    track: str
    grid_point: str = ""
    """The point of the grid, where the method's entry has one."""
    skipped: str = ""
    """Why it cannot be run."""
    tuned_on: tuple[str, ...] = ()
    """The datasets by whose exact density a default of its method was chosen."""

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with, never ranked."""
        return self.strategy is Strategy.REFERENCE


class Revision(Record):
    """A commit of a git repository, and whether files in it had been changed since."""

    commit: str
    dirty: bool


class RunRecord(Record):
    """A run: an ordered list of trials. Everything else about it is a view of their folders."""

    run_id: str
    suite: str
    plan_id: str
    started: str
    full: bool = Field(description="False when narrowed by -k, --seeds or --set")
    select: dict[str, str] = Field(default_factory=dict, description="row -> metric that its grid point is chosen by")
    metrics: tuple[MetricCell, ...]
    tracks: tuple[Track, ...]
    trials: tuple[TrialView, ...]
    revision: Revision | None = Field(None, description="of the folder that the suite, or else the package, stands in")
    versions: dict[str, str] = Field(default_factory=dict, description="of Python and the main packages")
    machine: dict[str, str] = Field(default_factory=dict, description="that the run was started on")

    def track(self, name: str) -> Track:
        """The track of that name."""
        return next(track for track in self.tracks if track.name == name)
