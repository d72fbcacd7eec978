"""Which keys a trial's name has had: what the records of the runs say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ebmbench.store.folders import Store
from ebmbench.store.records import ComponentCell, RunRecord, TrialView


@dataclass(frozen=True)
class Sighting:
    """A trial of a run."""

    suite: str
    run_id: str
    view: TrialView

    @property
    def run(self) -> str:
        """Where the run's tables stand, below the results folder's suites."""
        return f"{self.suite}/{self.run_id}"


@dataclass(frozen=True)
class History:
    """All runs of a results folder, the one that was last begun or reopened first; a damaged record is left out."""

    store: Store

    @cached_property
    def runs(self) -> list[RunRecord]:
        """Their records."""
        found = [dated for path in self.store.root.glob("*/runs/*/run.json") for dated in _read(path)]
        return [record for _, record in sorted(found, key=lambda dated: (dated[0], dated[1].run_id), reverse=True)]

    def of_name(self, name: str) -> list[Sighting]:
        """The trials of that name, newest first."""
        return [sighting for sighting in self._all() if sighting.view.name == name]

    def of_key(self, key: str) -> list[Sighting]:
        """The trials of that key, newest first; their names may differ, since labels are no part of it."""
        return [sighting for sighting in self._all() if sighting.view.key == key]

    def before(self, sighting: Sighting) -> Sighting | None:
        """The trial that had the same name in the same suite with the key before this one's."""
        same = [s for s in self.of_name(sighting.view.name) if s.suite == sighting.suite]
        later = [index for index, s in enumerate(same) if s.view.key == sighting.view.key]
        return next((s for s in same[later[0] :] if s.view.key != sighting.view.key), None) if later else None

    def names(self) -> list[str]:
        """All names of trials."""
        return list(dict.fromkeys(sighting.view.name for sighting in self._all()))

    def offered(self, component_type: str, name: str) -> ComponentCell | None:
        """The ``methods``, ``datasets`` or ``metrics`` entry of that name as the newest run that had it knew it."""
        found = (cell for run in self.runs for cell in self._cells(run, component_type, name) if cell.name == name)
        return next(found, None)

    def _cells(self, run: RunRecord, component_type: str, name: str) -> Iterator[ComponentCell]:
        """Those of a run that may be meant: a dataset may be called something else in its suite."""
        if component_type == "metrics":
            yield from run.metrics
            return
        if component_type == "methods":
            keys = {view.method: view.key for view in run.trials if view.method == name}
        else:
            keys = {view.dataset: view.key for view in run.trials}
        specs = (self.store.trial_folder(key).spec() for key in keys.values())
        yield from (spec.method if component_type == "methods" else spec.dataset for spec in specs if spec is not None)

    def _all(self) -> Iterator[Sighting]:
        for run in self.runs:
            for view in run.trials:
                yield Sighting(run.suite, run.run_id, view)


def _read(path: Path) -> Iterator[tuple[int, RunRecord]]:
    try:
        yield path.stat().st_mtime_ns, RunRecord.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return
