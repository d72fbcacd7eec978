"""From a suite to its trials: which are done, which are to run, which cannot be, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ebmbench.catalog.catalog import Catalog
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.closure import forget
from ebmbench.planning.devices import missing_device
from ebmbench.planning.resolving import Resolver
from ebmbench.planning.templates import TrialTemplate
from ebmbench.store.folders import Store, missing_metrics
from ebmbench.store.records import RunRecord, TrialSpec, TrialView
from ebmbench.store.runs import TrialResult
from ebmbench.suite.schema import Suite
from ebmbench.suite.selection import matcher
from ebmbench.suite.source import Source


class TrialState(StrEnum):
    """What a run will do with a trial."""

    CACHED = "cached"
    TO_RUN = "to run"
    FAILED = "failed before"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial of a plan: how the run sees it, what it is, and what will be done with it."""

    view: TrialView
    template: TrialTemplate
    state: TrialState
    reason: str = ""
    ended: TrialResult | None = None
    """What was read of it, if it has ended."""

    @property
    def spec(self) -> TrialSpec:
        """What a worker is given; made anew each time, because a plan may hold a hundred thousand trials."""
        return self.template.spec(self.view.seed)


@dataclass(frozen=True)
class Plan:
    """All trials of a run, in order."""

    run: RunRecord
    trials: tuple[PlannedTrial, ...]

    def of(self, state: TrialState) -> list[PlannedTrial]:
        """The trials in a state."""
        return [planned for planned in self.trials if planned.state is state]


class Planner:
    """Makes the plan of a suite."""

    def __init__(self, suite: Suite, source: Source, catalog: Catalog, store: Store) -> None:
        forget()
        self.suite, self.store = suite, store
        self.resolver = resolver = Resolver(suite, source, catalog, store)
        self.unavailable = {profile.name: missing_device(profile) for profile in suite.devices}
        self.methods, self.datasets = resolver.components("methods"), resolver.components("datasets")
        self.tracks = [resolver.track(dataset) for dataset in self.datasets]
        self.metrics = resolver.metrics(self.tracks)

    def plan(
        self, keyword: str | None = None, full: bool = True, retry_failed: bool = False, retry_errors: bool = False
    ) -> Plan:
        """The plan.

        Args:
            keyword: narrows it as pytest's -k does, or is the whole name of one trial.
            full: whether the suite is planned as it stands in its file.
            retry_failed: trials that did not end well are to be run again.
            retry_errors: metrics that raised are to be measured again.

        Raises:
            SuiteError: if the suite names what the catalog does not have, or a field is wrong.
            UsageError: if the keyword matches nothing.
        """
        every = list(self._templates())
        names = {template.name(seed) for template, seed in every}
        wanted = matcher(keyword) if keyword and keyword not in names else lambda name: keyword in (None, name)
        trials = [
            self._judge(template, template.view(seed), retry_failed, retry_errors)
            for template, seed in every
            if wanted(template.name(seed))
        ]
        if not trials:
            raise UsageError(f"-k '{keyword}': no trial has such a name{self._unlisted(keyword or '')}")
        return Plan(self._record(trials, full and not keyword), tuple(trials))

    def _unlisted(self, keyword: str) -> str:
        """What to do about a keyword that is a method which the suite leaves out."""
        if keyword not in self.resolver.catalog.methods:
            return ""
        return f"; the method is known, but the suite does not list it: --set 'methods=[{keyword}]' runs it"

    def _record(self, trials: list[PlannedTrial], full: bool) -> RunRecord:
        keys = [(planned.view.key, planned.view.name) for planned in trials]
        plan_id = sha256(canonical([self.suite.name, keys]))[:8]
        started = datetime.now(UTC)
        return RunRecord(
            run_id=f"{started:%Y%m%d-%H%M%S}-{plan_id}",
            suite=self.suite.name,
            plan_id=plan_id,
            started=started.isoformat(timespec="seconds"),
            full=full,
            select={entry.row: entry.select for entry in self.suite.methods if entry.select},
            metrics=self.metrics,
            tracks=self.resolver.in_order(self.tracks),
            trials=tuple(planned.view for planned in trials),
        )

    def _templates(self) -> Iterator[tuple[TrialTemplate, int]]:
        """The template and the seed of each trial, in order."""
        protocol, points = self.resolver.protocol, list(self.suite.points)
        for dataset, track in zip(self.datasets, self.tracks, strict=True):
            judged = (self.metrics, track, protocol)
            for swept, suite in points:
                templates = [
                    TrialTemplate(suite, method, dataset, device, *judged, self.unavailable[device.name], swept)
                    for device in suite.devices
                    for method in self.methods
                ]
                for seed in suite.seeds:
                    yield from ((template, seed) for template in templates)

    def _judge(self, template: TrialTemplate, view: TrialView, retry_failed: bool, retry_errors: bool) -> PlannedTrial:
        """What will be done with a trial."""
        if view.skipped:
            return PlannedTrial(view, template, TrialState.SKIPPED, view.skipped)
        folder = self.store.trial_folder(view.key)
        if not folder.path.exists():
            return PlannedTrial(view, template, TrialState.TO_RUN, "new")
        trial = TrialResult(view, folder)
        status = trial.status
        if trial.damage:
            return PlannedTrial(view, template, TrialState.TO_RUN, f"damaged: {trial.damage}")
        if status is None:
            return PlannedTrial(view, template, TrialState.TO_RUN, "not finished before")
        if status is not Status.OK:
            if trial.attempts and trial.attempts[-1].outdated:  # the edit was taken back: this is the code planned
                return PlannedTrial(view, template, TrialState.TO_RUN, "its code had changed under the run", trial)
            state, reason = TrialState.TO_RUN if retry_failed else TrialState.FAILED, f"{status}: {trial.error}"
            return PlannedTrial(view, template, state, reason.removesuffix(": "), trial)
        missing = missing_metrics(self.metrics, trial.measurements, retry_failed or retry_errors)
        if missing:
            reason = f"trained; to measure: {', '.join(missing)}"
            return PlannedTrial(view, template, TrialState.TO_RUN, reason, trial)
        return PlannedTrial(view, template, TrialState.CACHED, ended=trial)
