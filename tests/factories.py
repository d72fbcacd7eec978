"""Builders of what tests need again and again; each has a default for whatever a test does not speak of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, Domain, square
from ebmbench.contracts.problem import Context, Problem
from ebmbench.contracts.records import EnergyKind, NetConfig, Protocol, Status, Strategy, Track
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import Clusters
from ebmbench.identity.canonical import sha256
from ebmbench.identity.keys import KEY_LENGTH
from ebmbench.metrics.conditional import evaluation_of
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.tracks import PLANE, TRACKS
from ebmbench.parts.shared import shared_problem
from ebmbench.report.report import Report
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import (
    Attempt,
    DatasetCell,
    Measurements,
    MethodCell,
    MetricCell,
    Point,
    RunRecord,
    Training,
    TrialSpec,
    TrialView,
    Value,
)
from ebmbench.store.runs import RunResult, TrialResult
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.truth import TruthOnSupport

STARTED = "2026-01-01T00:00:00+00:00"
VARIANTS = ("beta", "iso", "common", "native")
NOWHERE = Path("/nonexistent")


# --- records ---------------------------------------------------------------------------------------------------------


def make_view(row: str = "nce", *, seed: int = 0, **facts: Any) -> TrialView:
    """A trial as a run sees it; it is called ``row/dataset/seed/device``, with the grid point if there is one."""
    defaults: dict[str, Any] = {
        "row": row,
        "method": row,
        "dataset": "moons",
        "seed": seed,
        "device": "cpu",
        "strategy": Strategy.C2,
        "kind": EnergyKind.DENSITY,
        "track": "plane",
    }
    said = {**defaults, **facts}
    point = f"[{said['grid_point']}]" if said.get("grid_point") else ""
    said.setdefault("name", f"{row}{point}/{said['dataset']}/{seed}/{said['device']}")
    said.setdefault("key", sha256(said["name"])[:KEY_LENGTH])
    return TrialView(**said)


def make_spec(seed: int = 0, *, method: str = "nce", dataset: str = "moons", **facts: Any) -> TrialSpec:
    """All that a worker is given; ``params`` are the method's."""
    strategy, kind = facts.pop("strategy", Strategy.C2), facts.pop("kind", EnergyKind.DENSITY)
    params = facts.pop("params", {})
    cell = MethodCell(name=method, target="a:B", owner="o", strategy=strategy, kind=kind, summary="", params=params)
    defaults: dict[str, Any] = {
        "method": cell,
        "dataset": DatasetCell(name=dataset, target="c:D", owner="o", params={}),
        "data": DataRegime(),
        "net": NetConfig(),
        "budget": Budget(steps=5),
        "seed": seed,
        "device": DeviceProfile(),
        "metrics": (),
        "track": PLANE,
        "protocol": Protocol(),
        "identity": {"seed": seed},
    }
    return TrialSpec(**{**defaults, **facts})


def make_training(**facts: Any) -> Training:
    """What a training cost: ten steps, a second."""
    defaults: dict[str, Any] = {
        "prepare_seconds": 0.1,
        "train_seconds": 1.0,
        "steps": 10,
        "passes": 1000,
        "flops": 10**6,
        "operations": 300,
        "energy_rows": 500,
        "gradient_rows": 100,
        "samples": 250,
        "rows": 200,
        "peak_bytes": 1,
    }
    return Training(**{**defaults, **facts})


def make_attempt(status: Status = Status.OK, **facts: Any) -> Attempt:
    """How an attempt ended."""
    return Attempt(**{"status": status, "started": STARTED, "total_seconds": 1.0, **facts})


def make_values(numbers: Mapping[str, float]) -> tuple[Value, ...]:
    """Values by flat name: ``kl_beta`` is the variant ``beta`` of ``kl``, ``kl`` itself is ``raw``."""
    return tuple(Value(*split_name(name), value) for name, value in numbers.items())


def split_name(flat: str) -> tuple[str, str]:
    """The metric and the variant of a flat name."""
    base, _, variant = flat.rpartition("_")
    if base and variant in VARIANTS:
        return base, variant
    return flat, "raw" if flat in ("kl", "nll", "tv", "fisher", "kl_reverse") else ""


def make_measurements(numbers: Mapping[str, float] | Iterable[Value] = (), **facts: Any) -> Measurements:
    """What was measured, by flat name or value by value."""
    values = make_values(numbers) if isinstance(numbers, Mapping) else tuple(numbers)
    return Measurements(**{"values": values, "code": {}, "eval_seconds": 1.0, **facts})


def make_cell(name: str, *variants: str, **facts: Any) -> MetricCell:
    """A metric that was asked for."""
    defaults: dict[str, Any] = {
        "name": name,
        "target": "m:f",
        "owner": "o",
        "summary": "what it is",
        "unit": "",
        "direction": "up",
        "kinds": tuple(EnergyKind),
        "variants": variants or ("",),
        "code": "",
    }
    return MetricCell(**{**defaults, **facts})


def make_cells(names: Iterable[str]) -> tuple[MetricCell, ...]:
    """The metrics of some flat names."""
    found: dict[str, dict[str, None]] = {}
    for name in names:
        metric, variant = split_name(name)
        found.setdefault(metric, {})[variant] = None
    units = {name: "nats" if name.startswith(("kl", "nll")) else "" for name in found}
    return tuple(make_cell(metric, *variants, unit=units[metric]) for metric, variants in found.items())


def make_run(views: Iterable[TrialView] = (), **facts: Any) -> RunRecord:
    """A run of these trials; what is asked for are the metrics of all tracks, unless ``metrics`` says otherwise."""
    columns = [c for track in TRACKS for c in (*track.columns, *track.tables, track.curve)]
    badges = [(badge.metric, badge.ranking) for track in TRACKS for badge in track.badges]
    known = dict.fromkeys(
        name for pair in (*((c.metric, c.ranking) for c in columns), *badges) for name in pair if name
    )
    views = tuple(views)
    held = {view.track for view in views} or {"plane"}
    defaults: dict[str, Any] = {
        "run_id": "20260101-000000-12345678",
        "suite": "toy",
        "plan_id": "12345678",
        "started": STARTED,
        "full": True,
        "metrics": make_cells(known),
        "tracks": tuple(track for track in TRACKS if track.name in held),
        "trials": views,
    }
    return RunRecord(**{**defaults, **facts})


# --- trials ----------------------------------------------------------------------------------------------------------


def make_trial(
    view: TrialView,
    numbers: Mapping[str, float] | Iterable[Value] = (),
    *,
    status: Status | None = Status.OK,
    training: Training | None = None,
    curve: Iterable[Point] = (),
    attempts: Sequence[Attempt] = (),
) -> TrialResult:
    """A trial with its results at hand: no folder is read."""
    trial = TrialResult(view, TrialFolder(NOWHERE))
    ok = status is Status.OK
    trial.__dict__.update(
        status=status,
        measurements=make_measurements(numbers) if ok else None,
        training=(training or make_training()) if ok else training,
        curve=list(curve),
        attempts=list(attempts),
    )
    return trial


def make_report(trials: Iterable[TrialResult], **facts: Any) -> Report:
    """The report of a run of trials that have their results at hand."""
    trials = list(trials)
    run = make_run((trial.view for trial in trials), **facts)
    return Report(RunResult(run, Store(NOWHERE), trials))


@dataclass
class Lab:
    """A store of made-up trials on disk, in the order in which they were made."""

    root: Path
    trials: list[TrialResult] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Where they are."""
        return Store(self.root)

    def trial(
        self,
        row: str = "nce",
        numbers: Mapping[str, float] | None = None,
        *,
        status: Status | None = Status.OK,
        training: Training | None = None,
        attempt: Attempt | None = None,
        **facts: Any,
    ) -> TrialResult:
        """One trial; a ``status`` of None is one that has not ended."""
        skipped = "no such device" if status is Status.SKIPPED else ""
        view = make_view(row, **{"key": f"{len(self.trials):016x}", "skipped": skipped, **facts})
        folder = self.store.trial_folder(view.key)
        if status is not Status.SKIPPED:
            spec = make_spec(
                view.seed, method=view.method, dataset=view.dataset, strategy=view.strategy, kind=view.kind
            )
            folder.begin(spec)
        if status is Status.OK:
            write_atomic(folder.file("TRAINED"), (training or make_training()).model_dump_json())
            write_atomic(folder.file("metrics.json"), make_measurements(numbers or {}).model_dump_json())
        if status not in (None, Status.SKIPPED):
            error = {} if status is Status.OK else {"error_type": "Boom", "message": "it went wrong"}
            folder.finish(attempt or make_attempt(status, **error))
        self.trials.append(TrialResult(view, folder))
        return self.trials[-1]

    def result(self, **facts: Any) -> RunResult:
        """A run of them all."""
        return RunResult(make_run((trial.view for trial in self.trials), **facts), self.store)

    def report(self, **facts: Any) -> Report:
        """What reporters are given of them all."""
        return Report(self.result(**facts))


# --- data and energies with closed forms -----------------------------------------------------------------------------


class Pair(Clusters):
    """Two normals at (+-2, 0)."""

    @property
    def domain(self) -> Box:
        return square(6)

    def nodes(self) -> tuple[Tensor, Tensor]:
        return torch.tensor([[-2.0, 0.0], [2.0, 0.0]], dtype=torch.float64), torch.full((2,), -math.log(2)).double()


class Normal(Dataset):
    """N(0, scale^2 I) in any dimension, on a box about the origin; ``hidden`` keeps its density to itself."""

    dim: int = 2
    scale: float = 1.0
    half_width: float = 9.0
    hidden: bool = False

    @property
    def domain(self) -> Box:
        return Box((-self.half_width,) * self.dim, (self.half_width,) * self.dim)

    @property
    def has_density(self) -> bool:
        return not self.hidden

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(self.scale * torch.randn(n, self.dim, generator=generator, dtype=torch.float64))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert not self.hidden, "nobody may ask"
        return -y.square().sum(-1) / (2 * self.scale**2) - 0.5 * self.dim * math.log(2 * math.pi * self.scale**2)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert not self.hidden, "nobody may ask"
        return -y / self.scale**2

    def smoothed(self, sigma: float) -> Dataset:
        return self.model_copy(update={"scale": math.hypot(self.scale, sigma)})


class Bowl(Surface):
    """F = a |y - center|^2 / 2 + constant: (up to the constant) a normal of variance 1 / a about the center."""

    def __init__(self, a: float = 1.0, center: Sequence[float] = (0.0,), constant: float = 0.0) -> None:
        super().__init__()
        self.a, self.center, self.constant = a, torch.tensor(center, dtype=torch.float64), constant

    def forward(self, y: Tensor) -> Tensor:
        return self.a * (y - self.center.to(y)).square().sum(-1) / 2 + self.constant


class TrueEnergy(Surface):
    """F = constant - scale log p."""

    def __init__(self, dataset: Dataset, scale: float = 1.0, constant: float = 0.0) -> None:
        super().__init__()
        self.dataset, self.scale, self.constant = dataset, scale, constant

    def forward(self, y: Tensor) -> Tensor:
        return self.constant - self.scale * self.dataset.log_prob(y.double(), self._context_of(len(y)))

    def _context_of(self, rows: int) -> Tensor | None:
        return None if self.dataset.context is None else self.context_of(rows)


class Oracle(TrueEnergy):
    """The true energy, with the dataset's own sampler."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        x = self._context_of(n)
        return self.dataset.sample(n, generator).y if x is None else self.dataset.sample_given(x, generator)


class Regression(Dataset):
    """y given x is N(m(x), I) on the plane, m(x) = (x1, x1 x2); x is uniform on [-1, 1]^2."""

    @property
    def domain(self) -> Box:
        return Box((-9.0, -9.0), (9.0, 9.0))

    @property
    def context(self) -> Box:
        return Box((-1.0, -1.0), (1.0, 1.0))

    def sample_context(self, n: int, generator: Generator) -> Tensor:
        return 2 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 1

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        return self.mean(x) + torch.randn(len(x), 2, generator=generator, dtype=torch.float64)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return -0.5 * (y - self.mean(x)).square().sum(-1) - math.log(2 * math.pi)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return self.mean(x) - y

    @staticmethod
    def mean(x: Tensor) -> Tensor:
        """m(x), (B, 2)."""
        return torch.stack([x[:, 0], x[:, 0] * x[:, 1]], -1)


class RegressionEnergy(Surface):
    """F(y, x) = a |y - m(x)|^2 / 2 + constant, with the sampler of its own density."""

    def __init__(self, a: float = 1.0, constant: float = 0.0) -> None:
        super().__init__()
        self.a, self.constant = a, constant

    def forward(self, y: Tensor) -> Tensor:
        mean = Regression.mean(self.context_of(len(y)))
        return self.a * (y - mean).square().sum(-1) / 2 + self.constant

    def sample(self, n: int, generator: Generator) -> Tensor:
        mean = Regression.mean(self.context_of(n))
        return mean + torch.randn(n, 2, generator=generator, dtype=mean.dtype) / math.sqrt(self.a)


# --- problems and evaluations ----------------------------------------------------------------------------------------


def make_problem(
    domain: Domain,
    net: NetConfig | None = None,
    rows: Tensor | None = None,
    *,
    mean: Tensor | None = None,
    cov: Tensor | None = None,
    truth: Dataset | None = None,
    context: Context | Domain | None = None,
) -> Problem:
    """A problem with the shared parts: with the moments of ``rows`` (n, d), or those given, or blank."""
    if rows is not None:
        mean, cov = rows.mean(0), torch.cov(rows.T).reshape(rows.shape[1], -1)
    return shared_problem(domain, net or NetConfig(), mean, cov, context, truth)


def make_truth(dataset: Dataset, cells: int = 100) -> TruthOnSupport:
    """What is known of a dataset whose density is known on a support that covers its domain."""
    truth = truth_of(dataset, cells)
    assert isinstance(truth, TruthOnSupport)
    return truth


def make_evaluation(
    surface: Surface,
    dataset: Dataset,
    *,
    cells: int = 100,
    kind: EnergyKind = EnergyKind.DENSITY,
    n: int | tuple[int, int] = 1000,
    seed: int = 1,
    validation: Batch | None = None,
    test: Batch | None = None,
    like: Tensor | None = None,
    shift: int | None = None,
) -> Evaluation:
    """A surface held against a dataset in float64, with so many validation and test points (seeds 1 and 2)."""
    counts = n if isinstance(n, tuple) else (n, n)
    validation = validation or dataset.sample(counts[0], Generator().manual_seed(1))
    test = test or dataset.sample(counts[1], Generator().manual_seed(2))
    like = torch.zeros((), dtype=torch.float64) if like is None else like
    truth = truth_of(dataset, cells, shift, test.x)
    return evaluation_of(truth)(surface, truth, kind, validation, test, seed, like)


def track_named(name: str) -> Track:
    """A built-in track."""
    return next(track for track in TRACKS if track.name == name)
