"""From the trials of a run to one line a method: failures counted, grid points chosen on validation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median

import pandas as pd

from ebmbench.analysis.compare import tied_with_best
from ebmbench.analysis.intervals import Estimate, estimate
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.store.records import RunRecord
from ebmbench.store.tables import TrialResult

FAILED_SKILL = -1.0
"""What a trial that did not end well counts as."""
FAILED_NATS = 1.0
"""Where no truth is known: so much worse than the worst that ended well on the same rows."""
NLL = "nll_beta"
"""What ranks without a truth. The claim of a normalized energy that nobody checked (``nll`` without a lattice) never
does: a method would win by claiming too much."""


@dataclass(frozen=True)
class Line:
    """One method of a leaderboard."""

    row: str
    strategy: Strategy
    kind: EnergyKind
    trials: tuple[TrialResult, ...]
    failures: dict[Status, int]
    chosen: str = ""
    """The grid points chosen, where the method's entry has a grid."""

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with."""
        return self.strategy is Strategy.REFERENCE

    @cached_property
    def by_dataset(self) -> dict[str, list[TrialResult]]:
        """Its trials on each dataset."""
        groups: dict[str, list[TrialResult]] = defaultdict(list)
        for trial in self.trials:
            groups[trial.view.dataset].append(trial)
        return dict(groups)

    def strata(self, name: str, failed: float | None = None) -> list[list[float]]:
        """The values of a metric for each dataset; a failed trial counts as ``failed`` (if a truth is known there)."""
        groups = [[_value(trial, name, failed) for trial in trials] for trials in self.by_dataset.values()]
        found = [[value for value in values if value is not None] for values in groups]
        return [values for values in found if values]

    def estimate(self, name: str, failed: float | None = None) -> Estimate | None:
        """The interquartile mean of a metric over datasets and seeds; None when it was never measured."""
        if (name, failed) not in self._estimates:
            strata = self.strata(name, failed)
            self._estimates[name, failed] = estimate(strata) if strata else None
        return self._estimates[name, failed]

    @cached_property
    def _estimates(self) -> dict[tuple[str, float | None], Estimate | None]:
        """Those made so far: the terminal, the page and the table show the same."""
        return {}

    def median(self, name: str, dataset: str, failed: float | None = None) -> float | None:
        """The median over seeds on one dataset; a failed trial counts as ``failed``, or not at all."""
        found = [_value(trial, name, failed) for trial in self.by_dataset.get(dataset, ())]
        values = [value for value in found if value is not None]
        return median(values) if values else None

    def cost(self, name: str) -> float | None:
        """The mean of a training cost over the trials that were trained."""
        costs = [float(getattr(t.training, name)) for t in self.trials if t.training is not None]
        return fmean(costs) if costs else None


def _value(trial: TrialResult, name: str, failed: float | None = None) -> float | None:
    found = trial.values.get(name)
    if found is None and _failed(trial) and trial.view.density_known:
        return failed
    return found


def _failed(trial: TrialResult) -> bool:
    return trial.status not in (Status.OK, Status.SKIPPED, None)


def lines(run: RunRecord, trials: Iterable[TrialResult]) -> list[Line]:
    """The lines of a leaderboard in the order of the strategies; trials that are not finished do not count."""
    groups: dict[tuple[str, str], list[TrialResult]] = defaultdict(list)
    devices = {trial.view.device for trial in run_trials(trials)}
    for trial in run_trials(trials):
        name = trial.view.row + (f" @{trial.view.device}" if len(devices) > 1 else "")
        groups[trial.view.row, name].append(trial)
    found = []
    for (row, name), members in groups.items():
        select = run.select.get(row)
        if select:
            chosen, note = choose(members, select)
            found.append(_line(name, chosen, note))
        else:
            by_point: dict[str, list[TrialResult]] = defaultdict(list)
            for member in members:
                by_point[member.view.point].append(member)
            found += [_line(f"{name}[{p}]" if p else name, part, "") for p, part in by_point.items()]
    return sorted(found, key=lambda line: (line.reference, list(Strategy).index(line.strategy)))


def run_trials(trials: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that have ended or cannot be run."""
    return [trial for trial in trials if trial.status is not None]


def _line(name: str, trials: Sequence[TrialResult], chosen: str) -> Line:
    failures: dict[Status, int] = defaultdict(int)
    for trial in trials:
        if trial.status is not None and trial.status is not Status.OK:
            failures[trial.status] += 1
    view = trials[0].view
    return Line(name, view.strategy, view.kind, tuple(trials), dict(failures), chosen)


def choose(trials: Sequence[TrialResult], metric: str) -> tuple[list[TrialResult], str]:
    """For each dataset the grid point with the least mean of a validation metric over seeds; a failure rules it out."""
    by_cell: dict[str, dict[str, list[TrialResult]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        by_cell[trial.view.dataset][trial.view.point].append(trial)
    kept, notes = [], []
    for dataset, points in by_cell.items():

        def worth(point: str, points: dict[str, list[TrialResult]] = points) -> float:
            return fmean(trial.values.get(metric, float("inf")) for trial in points[point])

        best = min(points, key=worth)
        kept += points[best]
        notes.append(f"{dataset}: {best}")
    return kept, "; ".join(notes)


@dataclass(frozen=True)
class Ranking:
    """The best of the methods by skill, or by NLL where no truth is known, and which cannot be told from it."""

    best: str | None
    ties: frozenset[str]


def rank(board: Sequence[Line]) -> Ranking:
    """The best (reference rows never compete) and its ties by paired tests over (dataset, seed).

    By skill, where a truth is known; a suite without any is ranked by the mean held-out NLL.
    """
    if not any(trial.view.density_known for line in board for trial in line.trials):
        return _rank_by_nll(board)
    pairs = {
        line.row: {
            (t.view.dataset, t.view.seed): t.values.get("skill", FAILED_SKILL)
            for t in line.trials
            if t.status is not Status.SKIPPED and t.view.density_known
        }
        for line in board
        if not line.reference
    }
    table = pd.DataFrame({row: pd.Series(values) for row, values in pairs.items() if values})
    if table.empty:
        return Ranking(None, frozenset())
    means = {line.row: line.estimate("skill", FAILED_SKILL) for line in board if line.row in table.columns}
    best = max(table.columns, key=lambda row: means[row].value if means[row] else FAILED_SKILL)  # type: ignore[union-attr]
    return Ranking(best, frozenset(tied_with_best(table, best)))


def _rank_by_nll(board: Sequence[Line]) -> Ranking:
    """As ``rank``, on the rows and seeds where any method has an NLL; differences need no common zero."""
    pairs = {
        line.row: pd.Series(
            {
                (t.view.dataset, t.view.seed): t.values.get(NLL, float("nan"))
                for t in line.trials
                if t.status is not Status.SKIPPED
            },
            dtype=float,
        )
        for line in board
        if not line.reference
    }
    table = pd.DataFrame({row: values for row, values in pairs.items() if len(values)})
    table = table.replace(float("inf"), float("nan")).dropna(how="all")
    if table.empty:
        return Ranking(None, frozenset())
    table = table.apply(lambda row: row.fillna(row.max() + FAILED_NATS), axis=1)
    best = str(table.mean().idxmin())
    return Ranking(best, frozenset(tied_with_best(table, best)))
