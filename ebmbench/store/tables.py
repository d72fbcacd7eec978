"""The tables of a run: one row a trial, one row a number. They are views of the trial folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ebmbench.contracts.records import Status
from ebmbench.store.files import replacing
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, TrialResult

TRIALS, METRICS = "trials.parquet", "metrics.parquet"


def trial_table(run: RunResult) -> pd.DataFrame:
    """One row a trial."""
    return pd.DataFrame([_trial_row(run.record, trial) for trial in run.trials])


def metric_table(run: RunResult) -> pd.DataFrame:
    """One row a number that the run's suite asks for, in long form; at milestones and at the end (``final``)."""
    asked = {cell.name for cell in run.record.metrics}
    once = {trial.view.key: trial for trial in run.trials}  # two rows of a suite may be the same trial
    rows = [row for trial in once.values() for row in _metric_rows(trial, asked)]
    columns = ["trial", "step", "train_seconds", "passes", "metric", "variant", "value", "note", "final"]
    return pd.DataFrame(rows, columns=columns)


def write_table(run: RunResult, name: str, table: pd.DataFrame) -> None:
    """Into the run's folder."""
    with replacing(run.folder / name) as temporary:
        table.to_parquet(temporary, index=False)


def read_table(run: RunResult, name: str) -> pd.DataFrame:
    """From the run's folder."""
    return pd.read_parquet(run.folder / name)


def _trial_row(run: RunRecord, trial: TrialResult) -> dict[str, Any]:
    view, parameters, training = trial.view, trial.folder.parameters(), trial.training
    measured = trial.measurements if trial.status is Status.OK else None
    last = trial.attempts[-1] if trial.attempts else None
    return {
        "run_id": run.run_id,
        "trial": view.key,
        "name": view.name,
        "suite": run.suite,
        "method": view.method,
        "label": view.row,
        "grid_point": view.grid_point,
        "strategy": view.strategy.value,
        "family": view.strategy.family,
        "kind": view.kind.value,
        "reference": view.reference,
        "dataset": view.dataset,
        "track": view.track,
        "seed": view.seed,
        "device": view.device,
        "status": trial.status.value if trial.status else None,
        "error": trial.error,
        "params": json.dumps(parameters) if parameters is not None else None,
        "train_seconds": training.train_seconds if training else None,
        "processor_seconds": training.processor_seconds if training else None,
        "eval_seconds": measured.eval_seconds if measured else None,
        "compile_seconds": training.compile_seconds if training else None,
        "prepare_seconds": training.prepare_seconds if training else None,
        "total_seconds": last.total_seconds if last else None,
        "steps": training.steps if training else None,
        "passes": training.passes if training else None,
        "flops": training.flops if training else None,
        "operations": training.operations if training else None,
        "energy_rows": training.energy_rows if training else None,
        "gradient_rows": training.gradient_rows if training else None,
        "samples": training.samples if training else None,
        "rows": training.rows if training else None,
        "steps_per_second": _rate(training.steps, training.train_seconds) if training else None,
        "samples_per_second": _rate(training.samples, training.train_seconds) if training else None,
        "peak_bytes": training.peak_bytes if training else None,
        "device_peak_bytes": training.device_peak_bytes if training else None,
        "n_concurrent": last.n_concurrent if last else None,
        "interrupted": training.interrupted if training else None,
        "attempts": len(trial.attempts),
        "machine_id": last.machine_id if last else None,
        "started": last.started if last else None,
    }


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _metric_rows(trial: TrialResult, asked: set[str]) -> Iterator[tuple[Any, ...]]:
    key, training, measured = trial.view.key, trial.training, trial.measurements
    ended = measured is not None and trial.status is Status.OK and training is not None
    for p in trial.curve:
        if p.metric in asked and not (ended and training is not None and p.step == training.steps):  # the end is final
            yield key, p.step, p.train_seconds, p.passes, p.metric, p.variant, p.value, "", False
    if not ended or measured is None or training is None:
        return
    place = (key, training.steps, training.train_seconds, training.passes)
    for v in measured.values:
        if v.metric in asked:
            yield *place, v.metric, v.variant, v.value, v.note, True
