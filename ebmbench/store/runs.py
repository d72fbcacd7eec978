"""Runs: an ordered list of trials as they stand in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from ebmbench.contracts.records import Status, flat_name
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import Attempt, Measurements, Point, RunRecord, Training, TrialSpec, TrialView

SUMS = "sums.json"
"""sha256 of each product of a run, and of its record: what was damaged, or is of another record, is written anew."""


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
        """The numbers measured, by flat name (``kl``, ``kl_beta``); also what other suites asked for."""
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
        return [trial or TrialResult(view, self.store.trial_folder(view.key)) for view, trial in pairs]

    def numbers(self, trial: TrialResult) -> dict[str, float]:
        """What the run's suite asks for of what was measured of a trial, by flat name."""
        asked = {flat_name(cell.name, variant) for cell in self.record.metrics for variant in cell.variants}
        return {name: value for name, value in trial.values.items() if name in asked}

    @property
    def folder(self) -> Path:
        """Where the run's tables stand."""
        return self.store.run_dir(self.record.suite, self.record.run_id)


def save_run(result: RunResult) -> None:
    """Write run.json."""
    result.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(result.folder / "run.json", result.record.model_dump_json(indent=1))


def find_run(store: Store, suite: str, plan_id: str) -> RunRecord | None:
    """The run of that plan, if there was one: the same plan is the same run, reopened."""
    for path in sorted((store.suite_dir(suite) / "runs").glob(f"*-{plan_id}/run.json"), reverse=True):
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            continue
    return None


def earlier_runs(store: Store, suite: str) -> Iterator[RunRecord]:
    """All runs of a suite, the last first; what cannot be read is left out."""
    for path in sorted((store.suite_dir(suite) / "runs").glob("*/run.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError):
            yield RunRecord.model_validate_json(path.read_bytes())


def newest_run(store: Store, suite: str) -> RunRecord | None:
    """The run of a suite that was last begun or reopened, also one that was narrowed or did not come to its end."""
    dated = []
    for path in (store.suite_dir(suite) / "runs").glob("*/run.json"):
        with contextlib.suppress(OSError, ValueError):
            record = RunRecord.model_validate_json(path.read_bytes())
            dated.append((path.stat().st_mtime_ns, record.run_id, record))
    return max(dated, key=lambda found: found[:2])[2] if dated else None


def latest_run(store: Store, suite: str) -> RunRecord | None:
    """The last full run of a suite that came to its end."""
    try:
        run_id = (store.suite_dir(suite) / "latest").read_text().strip()
        return RunRecord.model_validate_json((store.run_dir(suite, run_id) / "run.json").read_bytes())
    except (OSError, ValueError):
        return None


def run_of_id(store: Store, run_id: str) -> RunRecord | None:
    """The run of that id, whatever its suite."""
    for path in store.root.glob(f"*/runs/{run_id}/run.json"):
        with contextlib.suppress(OSError, ValueError):
            return RunRecord.model_validate_json(path.read_bytes())
    return None
