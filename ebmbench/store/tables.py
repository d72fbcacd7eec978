"""The tables of a run: one row a trial, one row a number. They are views of the trial folders."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pandas as pd

from ebmbench.contracts import Status
from ebmbench.store.folders import Store, TrialFolder, replacing, write_atomic
from ebmbench.store.records import Attempt, Measurements, Point, RunRecord, Training, TrialSpec, TrialView, flat_name


@dataclass(frozen=True)
class TrialResult:
    """One trial of a run as it stands in the store."""

    view: TrialView
    folder: TrialFolder

    @cached_property
    def status(self) -> Status | None:
        """How it ended; None when it has not."""
        return Status.SKIPPED if self.view.skipped else self._checked[0]

    @property
    def damage(self) -> str:
        """What of it is not as it was written; empty when all is."""
        return self._checked[1]

    @cached_property
    def _checked(self) -> tuple[Status | None, str]:
        return self.folder.check()

    @property
    def spec(self) -> TrialSpec | None:
        """What it is; not kept, because with the records of all metrics it is the largest of all."""
        return self.folder.spec()

    @cached_property
    def training(self) -> Training | None:
        """What training cost."""
        return self.folder.training()

    @cached_property
    def measurements(self) -> Measurements | None:
        """What was measured."""
        return self.folder.measurements()

    @cached_property
    def curve(self) -> list[Point]:
        """The values at the milestones."""
        return self.folder.curve()

    @cached_property
    def attempts(self) -> list[Attempt]:
        """All attempts, oldest first."""
        return self.folder.attempts()

    @property
    def error(self) -> str:
        """Why it did not end well."""
        if self.view.skipped:
            return self.view.skipped
        return self.attempts[-1].error if self.status is not Status.OK and self.attempts else ""

    @cached_property
    def values(self) -> dict[str, float]:
        """The numbers measured, by flat name (``kl``, ``kl_beta``)."""
        if self.measurements is None or self.status is not Status.OK:
            return {}
        found = self.measurements.values
        return {flat_name(v.metric, v.variant): v.value for v in found if v.value is not None}


@dataclass(frozen=True)
class RunResult:
    """A run and its trials."""

    record: RunRecord
    store: Store
    known: Sequence[TrialResult | None] = ()
    """For each trial what was read of it a moment ago, so that it need not be read again."""

    @cached_property
    def trials(self) -> list[TrialResult]:
        """The trials, in the order of the plan."""
        pairs = zip_longest(self.record.trials, self.known)
        return [trial or TrialResult(view, self.store.trial(view.key)) for view, trial in pairs]

    @property
    def folder(self) -> Path:
        """Where the run's tables stand."""
        return self.store.run(self.record.suite, self.record.run_id)

    def trial_table(self) -> pd.DataFrame:
        """One row a trial."""
        return pd.DataFrame([_trial_row(self.record, trial) for trial in self.trials])

    def metric_table(self) -> pd.DataFrame:
        """One row a number, in long form."""
        rows = [row for trial in self.trials for row in _metric_rows(trial)]
        columns = ["trial", "step", "train_seconds", "passes", "metric", "variant", "value", "note", "final"]
        return pd.DataFrame(rows, columns=columns)

    def write_tables(self) -> None:
        """trials.parquet and metrics.parquet."""
        for name, table in (("trials", self.trial_table()), ("metrics", self.metric_table())):
            with replacing(self.folder / f"{name}.parquet") as temporary:
                table.to_parquet(temporary, index=False)


def _trial_row(run: RunRecord, trial: TrialResult) -> dict[str, Any]:
    view, spec, training = trial.view, trial.spec, trial.training
    measured = trial.measurements if trial.status is Status.OK else None
    last = trial.attempts[-1] if trial.attempts else None
    return {
        "run_id": run.run_id,
        "trial": view.key,
        "name": view.name,
        "suite": run.suite,
        "method": view.method,
        "label": view.row,
        "point": view.point,
        "strategy": view.strategy.value,
        "family": view.strategy.family,
        "kind": view.kind.value,
        "reference": view.reference,
        "dataset": view.dataset,
        "seed": view.seed,
        "device": view.device,
        "status": trial.status.value if trial.status else None,
        "error": trial.error,
        "params": json.dumps(spec.method.params) if spec else None,
        "train_seconds": training.train_seconds if training else None,
        "eval_seconds": measured.eval_seconds if measured else None,
        "compile_seconds": training.compile_seconds if training else None,
        "prepare_seconds": training.prepare_seconds if training else None,
        "total_seconds": last.total_seconds if last else None,
        "steps": training.steps if training else None,
        "passes": training.passes if training else None,
        "energy_rows": training.energy_rows if training else None,
        "gradient_rows": training.gradient_rows if training else None,
        "samples": training.samples if training else None,
        "steps_per_second": _rate(training.steps, training.train_seconds) if training else None,
        "samples_per_second": _rate(training.samples, training.train_seconds) if training else None,
        "peak_bytes": training.peak_bytes if training else None,
        "device_peak_bytes": training.device_peak_bytes if training else None,
        "neighbors": last.neighbors if last else None,
        "interrupted": training.interrupted if training else None,
        "attempts": len(trial.attempts),
        "machine_id": last.machine_id if last else None,
        "started": last.started if last else None,
    }


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _metric_rows(trial: TrialResult) -> Iterator[tuple[Any, ...]]:
    key, training = trial.view.key, trial.training
    for p in trial.curve:
        yield key, p.step, p.train_seconds, p.passes, p.metric, p.variant, p.value, "", False
    if trial.measurements is None or trial.status is not Status.OK or training is None:
        return
    for v in trial.measurements.values:
        yield key, training.steps, training.train_seconds, training.passes, v.metric, v.variant, v.value, v.note, True


def save_run(result: RunResult) -> None:
    """Write run.json."""
    result.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(result.folder / "run.json", result.record.model_dump_json(indent=1))


def find_run(store: Store, suite: str, plan_id: str) -> RunRecord | None:
    """The run of that plan, if there was one: the same plan is the same run, reopened."""
    for path in sorted((store.suite(suite) / "runs").glob(f"*-{plan_id}/run.json"), reverse=True):
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            continue
    return None


def earlier_runs(store: Store, suite: str) -> Iterator[RunRecord]:
    """All runs of a suite, the last first; what cannot be read is left out."""
    for path in sorted((store.suite(suite) / "runs").glob("*/run.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError):
            yield RunRecord.model_validate_json(path.read_bytes())


def latest_run(store: Store, suite: str) -> RunRecord | None:
    """The last full run of a suite."""
    try:
        run_id = (store.suite(suite) / "latest").read_text().strip()
        return RunRecord.model_validate_json((store.run(suite, run_id) / "run.json").read_bytes())
    except (OSError, ValueError):
        return None
