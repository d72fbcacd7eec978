"""What a suite file may say: pydantic records, frozen, every unknown key an error."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from ebmbench.contracts.records import NAME_PATTERN, NetConfig, Record
from ebmbench.errors import suggest

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?\s*$")
MAX_SEEDS = 10_000
_SECONDS = {"ms": 1e-3, None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> float:
    """Seconds from ``90``, ``"90s"``, ``"5m"``, ``"1.5h"``.

    Raises:
        ValueError: if it is not a positive duration.
    """
    match = _DURATION.match(str(value)) if not isinstance(value, bool) else None
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError(f"expected a positive duration such as 90s, 5m or 2h, got {str(value)[:40]!r}")
    return seconds


class DataRegime(Record):
    """How much data the methods see, and how much is held out."""

    train: Literal["stream"] | Annotated[int, Field(ge=2)] = "stream"
    set: int = Field(20_000, ge=2, description="size of the training set of a full-batch method in the stream regime")
    validation: int = Field(5_000, ge=2)
    test: int = Field(10_000, ge=2)


class Budget(Record):
    """What a trial may spend: passes (the work of a row forward through the shared energy network), or steps."""

    passes: int | None = Field(None, gt=0)
    steps: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.passes is None) == (self.steps is None):
            raise ValueError("a budget names either passes or steps")
        return self


class DeviceProfile(Record):
    """Where and how a trial computes."""

    device: str = Field("cpu", pattern=r"^(cpu|mps|cuda(:\d{1,3})?)$")
    compile: bool = False
    dtype: Literal["float32", "float64"] = "float32"
    threads: int = Field(1, ge=1, le=1024)

    @property
    def name(self) -> str:
        """``cpu``, ``cuda:1``, ``cpu-compile-float64-4t``: the device and whatever is not the default."""
        parts = [self.device]
        parts += ["compile"] * self.compile + [self.dtype] * (self.dtype != "float32")
        parts += [f"{self.threads}t"] * (self.threads != 1)
        return "-".join(parts)


class SuiteEntry(Record):
    """A method or dataset of a suite: its catalog name and the fields that differ from the defaults.

    Own data have a ``file`` and no name: they are called after the file.
    """

    name: str
    file: str | None = None
    label: str | None = Field(None, pattern=NAME_PATTERN)
    params: dict[str, JsonValue] = Field(default_factory=dict)
    grid: dict[str, list[JsonValue]] = Field(default_factory=dict)
    select: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        """``nce`` and ``{name: nce, noise_ratio: 8}``: keys that are not ours are the component's fields."""
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, dict):
            raise ValueError("expected a name, or a mapping with a name")
        own = {"name", "label", "grid", "select"}
        if "file" in value and "name" not in value:
            own.add("file")
            value = {"name": safe_stem(value["file"]), **value}
        fields = {str(key): item for key, item in value.items() if key not in own}
        return {**{key: item for key, item in value.items() if key in own}, "params": fields}

    @field_validator("grid")
    @classmethod
    def _not_empty(cls, grid: dict[str, list[JsonValue]]) -> dict[str, list[JsonValue]]:
        for key, values in grid.items():
            if not values:
                raise ValueError(f"the grid of {key} is empty")
        return grid

    @property
    def row(self) -> str:
        """What the row of a table is called."""
        return self.label or self.name


def safe_stem(file: object) -> str:
    """A name made of a file's: no path, no terminal code, at most eighty characters."""
    stem = re.split(r"[/\\]", str(file))[-1].rpartition(".")[0] or str(file)
    return re.sub(r"[^A-Za-z0-9_.\-]", "_", stem).lstrip("_.-")[:80] or "data"


def _seeds(value: object) -> object:
    """``3`` means 0, 1, 2."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return value
    if value > MAX_SEEDS:
        raise ValueError(f"expected at most {MAX_SEEDS} seeds")
    return list(range(value))


def _devices(value: object) -> object:
    items = value if isinstance(value, list | tuple) else [value]
    return [{"device": item} if isinstance(item, str) else item for item in items]


def _no_truth(value: object) -> object:
    """``true`` is no number of bytes."""
    return str(value) if isinstance(value, bool) else value


class Suite(Record):
    """A benchmark: datasets x methods x seeds x devices under one budget."""

    name: str = Field(pattern=NAME_PATTERN)
    datasets: tuple[SuiteEntry, ...] = Field(min_length=1)
    methods: tuple[SuiteEntry, ...] = Field(min_length=1)
    data: DataRegime = DataRegime()
    net: NetConfig = NetConfig()
    budget: Budget
    sweep: dict[str, list[JsonValue]] = Field(
        default_factory=dict,
        description="'data.train', 'budget.passes', ... -> values: every dataset stands for one with each of them",
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_seeds), Field(min_length=1)] = (0, 1, 2)
    devices: Annotated[tuple[DeviceProfile, ...], BeforeValidator(_devices), Field(min_length=1)] = (DeviceProfile(),)
    metrics: Literal["core", "all"] | tuple[str, ...] = "core"
    tolerances: dict[str, Annotated[float, Field(gt=0, lt=10)]] = Field(
        default_factory=dict, description="of a gate: 'time' or a metric's flat name -> relative change that is none"
    )
    plugins: tuple[str, ...] = ()
    timeout: Annotated[float, BeforeValidator(parse_duration)] = 600.0
    memory: Annotated[ByteSize, BeforeValidator(_no_truth), Field(ge=1, lt=2**62)] = ByteSize(4_000_000_000)

    @model_validator(mode="after")
    def _swept(self) -> Self:
        for path, values in self.sweep.items():
            part, _, field = path.partition(".")
            if part not in SWEPT or field not in SWEPT[part].model_fields:
                known = [f"{name}.{key}" for name, record in SWEPT.items() for key in record.model_fields]
                raise ValueError(f"sweep: no setting '{path}'{suggest(path, known)}")
            if not values:
                raise ValueError(f"sweep: the values of {path} are none")
            for value in values:
                try:
                    self._at({path: value})
                except ValidationError as error:
                    raise ValueError(f"sweep: {path}: {value}: {error.errors()[-1]['msg']}") from None
        return self

    @property
    def points(self) -> Iterator[tuple[str, Suite]]:
        """Itself without a sweep; else a suite for each point of it, with what is added to the names of its data."""
        for values in itertools.product(*self.sweep.values()):
            point = dict(zip(self.sweep, values, strict=True))
            name = ",".join(f"{path.partition('.')[2]}={value}" for path, value in point.items())
            yield name, self._at(point)

    def _at(self, point: Mapping[str, JsonValue]) -> Suite:
        parts: dict[str, Record] = {}
        for path, value in point.items():
            part, _, field = path.partition(".")
            before = parts.get(part, getattr(self, part))
            parts[part] = SWEPT[part].model_validate({**before.model_dump(), field: value})
        return self.model_copy(update={**parts, "sweep": {}})


SWEPT: dict[str, type[Record]] = {"data": DataRegime, "budget": Budget, "net": NetConfig}
"""What of a suite may be swept."""
