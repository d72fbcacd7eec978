"""What a finished run adds to a history: the losses of its boards and the costs of its methods, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ebmbench.analysis.boards import losses
from ebmbench.analysis.counterparts import Side
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import EnergyKind, Ruler, Status, flat_name
from ebmbench.errors import UsageError
from ebmbench.gate.history.lines import COUNTERS, Line
from ebmbench.planning.provenance import commit_date
from ebmbench.results import Results
from ebmbench.store.records import RunRecord

PEAK = "peak_bytes"
PER_STEP = {"train_seconds_per_step": "train_seconds", "processor_seconds_per_step": "processor_seconds"}
"""What is measured of a step, and the column of the table of trials that it is made of."""
PREFIX = {"gap": ("", "_gap"), "minus": ("minus_", "")}
"""What is written around a metric's name where the loss is not the number itself."""


@dataclass(frozen=True)
class Recorded:
    """The lines of a run, and what is to be said of them."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


def recorded(found: Results, *folders: Path) -> Recorded:
    """The lines of a finished run.

    Args:
        found: the run.
        folders: in whose repositories the date of its commit is looked for.

    Raises:
        UsageError: if the run cannot be a part of a history: it is not a full one, has not ended, or is of no commit.
    """
    side = Side(found.result)
    run, commit = side.run, _commit(side.run)
    _check_whole(run, side.trials)
    date = datetime.fromisoformat(run.started)
    made = commit_date(commit, *folders)
    lines = tuple(_lines(side, _Header(commit, made or date, date)))
    return Recorded(lines, tuple(_notes(commit, made, side.trials, run)))


def _notes(commit: str, made: datetime | None, trials: pd.DataFrame, run: RunRecord) -> Iterator[str]:
    if made is None:
        yield f"no repository here has the commit {commit[:12]}: it is dated by when the run began"
    trained = trials[(trials["status"] == Status.OK) & ~trials["reference"].astype(bool)]
    cached = len(trained) - int(_fresh(trained, run).sum())
    if cached:
        yield f"{cached} of {len(trained)} trained trials are of an earlier run: their seconds and memory are left out"


def _fresh(trials: pd.DataFrame, run: RunRecord) -> pd.Series[bool]:
    """Which trials this run has trained itself, on a machine that is known."""
    begun = pd.to_datetime(trials["started"], utc=True) >= pd.Timestamp(run.started)
    return begun & (trials["machine_id"].fillna("") != "")


def _commit(run: RunRecord) -> str:
    revision = run.revision
    if revision is None:
        raise UsageError(f"{run.run_id}: a history is of commits, and this run was made outside of a git repository")
    if revision.dirty:
        raise UsageError(
            f"{run.run_id}: a history is of commits, and this run was made with changes since "
            f"{revision.commit[:12]}; commit them, then: ebmbench run {run.suite}"
        )
    return revision.commit


def _check_whole(run: RunRecord, trials: pd.DataFrame) -> None:
    if not run.full:
        raise UsageError(f"{run.run_id}: it was narrowed by -k, --seeds or --set; a history is of full runs")
    missing = int(trials["status"].isna().sum())
    if missing:
        raise UsageError(
            f"{run.run_id}: {missing} of its {len(trials)} trials have not ended; go on with: ebmbench run {run.suite}"
        )


@dataclass(frozen=True)
class _Header:
    """What all lines of a run have in common."""

    commit: str
    committed: datetime
    date: datetime


@dataclass(frozen=True)
class _Numbers:
    """Numbers of one measure, by (dataset, seed) or by (dataset, machine) and seed: infinite where a trial failed."""

    measure: str
    values: pd.Series[float]
    unit: str
    machines: pd.Series[str] | None = None
    scale: str = "ratio"


def _lines(side: Side, header: _Header) -> Iterator[Line]:
    run = side.run
    for method in side.methods:
        for numbers in (*_losses(method, run), *_costs(method, side.trials, run)):
            yield from _of_datasets(numbers, run.suite, method.row, header)


def _losses(method: MethodSummary, run: RunRecord) -> Iterator[_Numbers]:
    """By each ruler of the tracks; reference rows too, which say whether it was the measuring that changed."""
    units = {flat_name(cell.name, variant): cell.unit for cell in run.metrics for variant in cell.variants}
    for ruler in dict.fromkeys(ruler for track in run.tracks for ruler in track.ruled_by):
        if ruler.of_order or method.kind is not EnergyKind.RANKING:
            tracks = [track.name for track in run.tracks if ruler in track.ruled_by]
            logs = losses(method, ruler, tracks)
            is_log = ruler.scale in ("nats", "minus")
            values = logs if is_log else pd.Series(np.exp(logs.to_numpy()), logs.index)
            yield _Numbers(_named(ruler), values, units.get(ruler.metric, ""), None, "log" if is_log else "ratio")


def _named(ruler: Ruler) -> str:
    """``kl``, ``skill_gap``: what the loss of a ruler is called."""
    before, after = PREFIX.get(ruler.scale, ("", ""))
    return f"{before}{ruler.metric}{after}"


def _costs(method: MethodSummary, trials: pd.DataFrame, run: RunRecord) -> Iterator[_Numbers]:
    """Of the trials that ended well; reference rows are not trained.

    Seconds and memory are those of a machine, and never of the cache: what an earlier run has measured says nothing of
    this commit.
    """
    mine = trials.loc[method.facts.index]
    mine = mine[mine["status"] == Status.OK]
    if method.reference or mine.empty:
        return
    index = pd.MultiIndex.from_frame(mine[["dataset", "seed"]])
    for name in COUNTERS:
        yield _Numbers(name, _series(mine[name], index), "rows" if name.endswith("rows") else "")
    fresh = mine[_fresh(mine, run)]
    index = pd.MultiIndex.from_frame(fresh[["dataset", "seed"]])
    machines = pd.Series(fresh["machine_id"].to_numpy(), index, dtype=object)
    yield _Numbers(PEAK, _series(fresh[PEAK], index), "bytes", machines)
    for name, column in PER_STEP.items():
        seconds = fresh[column].astype(float) / fresh["steps"].where(fresh["steps"] > 0).astype(float)
        yield _Numbers(name, _series(seconds, index), "s", machines)


def _series(column: pd.Series, index: pd.MultiIndex) -> pd.Series[float]:
    return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index)


def _of_datasets(numbers: _Numbers, suite: str, method: str, header: _Header) -> Iterator[Line]:
    """A line for each dataset (and machine) that has a number."""
    table = pd.DataFrame({"value": numbers.values, "machine": "" if numbers.machines is None else numbers.machines})
    table = table.dropna(subset="value").reset_index(names=["dataset", "seed"])
    for (dataset, machine), part in table.groupby(["dataset", "machine"], sort=False):
        values = part["value"].to_numpy(dtype=np.float64)
        middle, ended = float(np.median(values)), values[np.isfinite(values)]
        yield Line(
            commit=header.commit,
            committed=header.committed,
            suite=suite,
            method=method,
            dataset=str(dataset),
            measure=numbers.measure,
            machine=str(machine),
            median=middle if np.isfinite(middle) else None,
            spread=float(np.ptp(ended)) / 2 if len(ended) > 1 else None,
            n=len(ended),
            unit=numbers.unit,
            scale="log" if numbers.scale == "log" else "ratio",
            date=header.date,
        )
