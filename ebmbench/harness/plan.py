"""From a suite to its trials: which are done, which are to run, which cannot be, and why."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ebmbench.contracts import Dataset, DatasetSpec, Method, MetricSpec, Status
from ebmbench.datasets.files import RowsError
from ebmbench.datasets.table import Table
from ebmbench.harness.own import EntryError, own_table
from ebmbench.harness.pairing import Choice, Pairing
from ebmbench.harness.stream import held_out_sizes
from ebmbench.store.folders import Store, missing_metrics
from ebmbench.store.records import MetricCell, RunRecord, TrialSpec, TrialView
from ebmbench.store.tables import TrialResult
from ebmbench.suite.catalog import Catalog
from ebmbench.suite.catalog import Entry as Offer
from ebmbench.suite.errors import SuiteError, UsageError, one_line, suggest
from ebmbench.suite.keys import canonical, closure_of, forget, sha256
from ebmbench.suite.loading import Location, Source
from ebmbench.suite.schema import DeviceProfile, Entry, Suite
from ebmbench.suite.selection import matcher

ALWAYS_MEASURED = ("skill", "kl")
BASES: dict[str, type[BaseModel]] = {"methods": Method, "datasets": Dataset}


class State(StrEnum):
    """What a run will do with a trial."""

    CACHED = "cached"
    TO_RUN = "to run"
    FAILED = "failed before"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Planned:
    """A trial of a plan: how the run sees it, what it is, and what will be done with it."""

    view: TrialView
    pairing: Pairing
    state: State
    reason: str = ""
    ended: TrialResult | None = None
    """What was read of it, if it has ended."""

    @property
    def spec(self) -> TrialSpec:
        """What a worker is given; made anew each time, because a plan may hold a hundred thousand trials."""
        return self.pairing.spec(self.view.seed)


@dataclass(frozen=True)
class Plan:
    """All trials of a run, in order."""

    run: RunRecord
    trials: tuple[Planned, ...]

    def of(self, state: State) -> list[Planned]:
        """The trials in a state."""
        return [planned for planned in self.trials if planned.state is state]


class Planner:
    """Makes the plan of a suite."""

    def __init__(self, suite: Suite, source: Source, catalog: Catalog, store: Store) -> None:
        forget()
        self.suite, self.source, self.catalog, self.store = suite, source, catalog, store
        self.metrics = self._metrics()
        self.unavailable = {profile.name: _missing_device(profile) for profile in suite.devices}

    def plan(
        self, keyword: str | None = None, full: bool = True, retry_failed: bool = False, retry_errors: bool = False
    ) -> Plan:
        """The plan.

        Args:
            keyword: narrows it as pytest's -k does.
            full: whether the suite is planned as it stands in its file.
            retry_failed: trials that did not end well are to be run again.
            retry_errors: metrics that raised are to be measured again.

        Raises:
            SuiteError: if the suite names what the catalog does not have, or a field is wrong.
            UsageError: if the keyword matches nothing.
        """
        wanted = matcher(keyword) if keyword else lambda name: True
        trials = [
            self._judge(pairing, pairing.view(seed), retry_failed, retry_errors)
            for pairing, seed in self._pairings()
            if wanted(pairing.name(seed))
        ]
        if not trials:
            raise UsageError(f"-k '{keyword}': no trial has such a name")
        keys = [(planned.view.key, planned.view.name) for planned in trials]
        plan_id = sha256(canonical([self.suite.name, keys]))[:8]
        started = datetime.now(UTC)
        run = RunRecord(
            run_id=f"{started:%Y%m%d-%H%M%S}-{plan_id}",
            suite=self.suite.name,
            plan_id=plan_id,
            started=started.isoformat(timespec="seconds"),
            full=full and not keyword,
            select={entry.row: entry.select for entry in self.suite.methods if entry.select},
            metrics=self.metrics,
            trials=tuple(planned.view for planned in trials),
        )
        return Plan(run, tuple(trials))

    def _pairings(self) -> Iterator[tuple[Pairing, int]]:
        """The pairing and the seed of each trial, in order."""
        suite = self.suite
        methods, datasets = self._choices("methods"), self._choices("datasets")
        for dataset in datasets:
            pairings = [
                Pairing(suite, method, dataset, device, self.metrics, self.unavailable[device.name])
                for device in suite.devices
                for method in methods
            ]
            for seed in suite.seeds:
                yield from ((pairing, seed) for pairing in pairings)

    def _judge(self, pairing: Pairing, view: TrialView, retry_failed: bool, retry_errors: bool) -> Planned:
        if view.skipped:
            return Planned(view, pairing, State.SKIPPED, view.skipped)
        folder = self.store.trial(view.key)
        if not folder.path.exists():
            return Planned(view, pairing, State.TO_RUN, "new")
        trial = TrialResult(view, folder)
        status = trial.status
        if trial.damage:
            return Planned(view, pairing, State.TO_RUN, f"damaged: {trial.damage}")
        if status is None:
            return Planned(view, pairing, State.TO_RUN, "not finished before")
        if status is not Status.OK:
            if trial.attempts and trial.attempts[-1].outdated:  # the edit was taken back: this is the code planned
                return Planned(view, pairing, State.TO_RUN, "its code had changed under the run", trial)
            state, reason = State.TO_RUN if retry_failed else State.FAILED, f"{status}: {trial.error}"
            return Planned(view, pairing, state, reason.removesuffix(": "), trial)
        missing = missing_metrics(self.metrics, trial.measurements, retry_failed or retry_errors)
        if missing:
            return Planned(view, pairing, State.TO_RUN, f"trained; to measure: {', '.join(missing)}", trial)
        return Planned(view, pairing, State.CACHED, ended=trial)

    def _choices(self, shelf: str) -> list[Choice]:
        entries: tuple[Entry, ...] = getattr(self.suite, shelf)
        rows = [entry.row for entry in entries]
        seen: set[str] = set()
        for index, row in enumerate(rows):
            if row in seen:
                message = f"two {shelf} are called '{row}'; give one of them a label"
                raise self.source.error(message, (shelf, index))
            seen.add(row)
        return [choice for index, entry in enumerate(entries) for choice in self._points(shelf, index, entry)]

    def _points(self, shelf: str, index: int, entry: Entry) -> Iterator[Choice]:
        location: Location = (shelf, index)
        if entry.file is not None:
            yield self._own_data(shelf, entry, location)
            return
        try:
            offer = self.catalog.find(shelf, entry.name)
        except UsageError as error:
            if shelf == "datasets" and "file" in entry.params:
                message = f"own data have a file and no name; call them 'label: {entry.name}'"
                raise self.source.error(message, (*location, "name")) from None
            raise self.source.error(str(error), (*location, "name")) from None
        if shelf == "methods" and entry.select:
            self._check_select(entry.select, location)
        cls = offer.load()
        if not (isinstance(cls, type) and issubclass(cls, BASES[shelf])):
            message = f"{shelf[:-1]} '{entry.name}': {offer.target} of {offer.owner} is no {BASES[shelf].__name__}"
            raise self.source.error(message, location)
        for values in itertools.product(*entry.grid.values()):
            point = dict(zip(entry.grid, values, strict=True))
            params = {**offer.spec.params, **entry.params, **point}
            try:
                instance = cls(**params)
                canonical(instance.model_dump(mode="json"))
            except ValidationError as error:
                raise self._field_error(error, cls, (*location,), entry) from None
            except Exception as error:  # noqa: BLE001 - a plugin's validator may raise anything
                raise self.source.error(f"{entry.name}: {one_line(error)}", location) from None
            name = ",".join(f"{key}={value}" for key, value in point.items())
            yield Choice(entry, offer, instance, name, self._kept(offer))

    def _own_data(self, shelf: str, entry: Entry, location: Location) -> Choice:
        """The rows of a user's file, which are copied into the store: its workers read nothing else."""
        if shelf != "datasets":
            raise self.source.error("'name' is missing: only datasets are read from a file", location)
        if entry.grid or entry.select:
            raise self.source.error("own data have no grid and nothing to select", location)
        try:
            table, count = own_table(self.store, self.source.folder((*location, "file")), entry)
        except (EntryError, RowsError) as error:
            raise self.source.error(str(error), (*location, error.key)) from None
        left = count - sum(held_out_sizes(count, self.suite.data))
        if self.suite.data.train != "stream" and self.suite.data.train > left:
            message = f"train: {self.suite.data.train}: '{entry.row}' has {count} rows, of which {left} are to train on"
            raise self.source.error(message, ("data", "train"))
        spec = DatasetSpec(entry.row, Table, f"own data: {entry.name}")
        return Choice(entry, Offer(spec, "ebmbench:datasets"), table, "", None)

    def _check_select(self, select: str, location: Location) -> None:
        known = ["nll_validation", "nll_validation_beta"]
        if select not in known:
            message = f"cannot select by '{select}'{suggest(select, known)}: choices are made on validation data only"
            raise self.source.error(message, (*location, "select"))

    def _field_error(self, error: ValidationError, cls: Any, location: Location, entry: Entry) -> SuiteError:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        place = (*location, "grid", field) if field in entry.grid else (*location, field)
        if first["type"] == "extra_forbidden":
            return self.source.error(f"{entry.name} has no field '{field}'{suggest(field, cls.model_fields)}", place)
        message = first["msg"].removeprefix("Value error, ")
        shown = f", got {first.get('input')!r}"[:80]
        return self.source.error(f"{entry.name}.{field}: {message[0].lower()}{message[1:]}{shown}", place)

    def _metrics(self) -> tuple[MetricCell, ...]:
        wanted = self.suite.metrics
        if isinstance(wanted, str):
            names = [name for name, offer in self.catalog.metrics.items() if offer.spec.in_core or wanted == "all"]
        else:
            names = list(dict.fromkeys((*ALWAYS_MEASURED, *wanted)))
        return tuple(self._metric(name) for name in names)

    def _metric(self, name: str) -> MetricCell:
        try:
            offer: Offer[MetricSpec] = self.catalog.find("metrics", name)
        except UsageError as error:
            place = (self.suite.metrics.index(name),) if name in self.suite.metrics else ()
            raise self.source.error(str(error), ("metrics", *place)) from None
        spec = offer.spec
        return MetricCell(
            name=spec.name,
            target=offer.target,
            owner=offer.owner,
            file=self._kept(offer),
            summary=spec.summary,
            unit=spec.unit,
            direction=spec.direction,
            kinds=tuple(sorted(spec.kinds)),
            variants=spec.variants,
            why_not=spec.why_not,
            code=closure_of([offer.target.partition(":")[0]]).digest,
        )

    def _kept(self, offer: Offer[Any]) -> str | None:
        return None if offer.file is None else self.store.keep_plugin(offer.file)


def _missing_device(profile: DeviceProfile) -> str:
    """Why the device is not to be had; empty when it is."""
    if profile.device == "cpu":
        return ""
    import torch

    if profile.device == "mps":
        return "" if torch.backends.mps.is_available() else "no mps device on this machine"
    if not torch.cuda.is_available():
        return "no cuda device on this machine"
    index = int(profile.device.partition(":")[2] or 0)
    count = torch.cuda.device_count()
    return "" if index < count else f"no {profile.device} on this machine; it has {count} cuda device(s)"


def plugin_files(suite: Suite, source: Source, given: tuple[str, ...]) -> list[Path]:
    """The single-file plugins of a suite (relative to its file) and of the command line.

    Raises:
        UsageError: if one does not exist.
    """
    files = [source.path.parent / name for name in suite.plugins]
    for index, file in enumerate(files):
        if not os.path.isfile(file):
            raise source.error(f"plugin {suite.plugins[index]}: there is no such file", ("plugins", index))
    files += [Path(name) for name in given]
    for name in given:
        if not os.path.isfile(name):
            raise UsageError(f"plugin {name}: there is no such file")
    return files
