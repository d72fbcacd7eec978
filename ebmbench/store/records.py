"""What is written beside a trial: what it is, how it was trained, how each attempt at it ended, what was measured."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from ebmbench.contracts import EnergyKind, MetricSpec, Status, Strategy
from ebmbench.suite.keys import canonical, sha256
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile, NetConfig, Record

KEY_LENGTH = 16
"""Digits of a key that name a folder."""
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
        )


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
    identity: dict[str, Any]

    @property
    def key(self) -> str:
        """The hash that names this trial in the store."""
        return sha256(canonical(self.identity))[:KEY_LENGTH]


class Training(Record):
    """What training cost. Seconds are of a monotonic clock that stands still while anything else is done."""

    prepare_seconds: float
    train_seconds: float
    compile_seconds: float = 0.0
    steps: int
    passes: int
    energy_rows: int
    gradient_rows: int
    samples: int = Field(description="rows of data seen")
    peak_bytes: int
    device_peak_bytes: int | None = None
    interrupted: int = Field(0, description="how often it was cut and went on from a snapshot")
    model_sha256: str = Field("", description="of model.pt, so that a half-measured trial can tell a damaged one")


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
    neighbors: int = 0
    machine_id: str = ""

    @property
    def outdated(self) -> bool:
        """Whether the worker refused: the code was not the one that the trial was planned with."""
        return self.error_type == "CodeChanged"

    @property
    def error(self) -> str:
        """The reason in one line; empty when all went well."""
        return f"{self.error_type}: {self.message}".strip(": ")


def flat_name(metric: str, variant: str) -> str:
    """``kl``, ``kl_beta``, ``mmd2_common``: raw is the bare name."""
    return metric if variant in ("", "raw") else f"{metric}_{variant}"


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
    point: str = ""
    """The grid point, where the method's entry has a grid."""
    skipped: str = ""
    """Why it cannot be run."""
    density_known: bool = True
    """Whether there is a truth to hold the energy against."""

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with, never ranked."""
        return self.strategy is Strategy.REFERENCE


class RunRecord(Record):
    """A run: an ordered list of trials. Everything else about it is a view of their folders."""

    run_id: str
    suite: str
    plan_id: str
    started: str
    full: bool = Field(description="False when narrowed by -k, --seeds or --set")
    select: dict[str, str] = Field(default_factory=dict, description="row -> metric that its grid point is chosen by")
    metrics: tuple[MetricCell, ...]
    trials: tuple[TrialView, ...]
