"""A run as named steps: load, resolve, plan, execute, measure, conclude. Each takes what the last one gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock
from rich.console import Console

from ebmbench.catalog.catalog import Catalog
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError, printable
from ebmbench.execution.executor import Executor
from ebmbench.execution.inline import InlineExecutor
from ebmbench.execution.local import LocalExecutor
from ebmbench.execution.supervisor import Job, Supervisor
from ebmbench.observers.again import Again
from ebmbench.observers.announcer import Announcer
from ebmbench.observers.mlflow import MlflowObserver
from ebmbench.observers.progress import ProgressObserver
from ebmbench.planning.forecast import Forecast
from ebmbench.planning.plan import Plan, PlannedTrial, Planner, TrialState
from ebmbench.planning.provenance import reopened
from ebmbench.planning.runtime_history import forecast_of
from ebmbench.report.products import intact, publish, write
from ebmbench.report.report import Report
from ebmbench.report.shown_run import narrowed_run
from ebmbench.store.folders import DEFAULT_RESULTS, Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, TrialResult, find_run, save_run
from ebmbench.suite.loading import plugin_files, read_suite
from ebmbench.suite.schema import Suite, parse_duration
from ebmbench.suite.source import Source
from ebmbench.training.machine import usable_cores

S = TypeVar("S", bound="Asked")


@dataclass(frozen=True)
class Options:
    """What the command line of ``run`` says beside the suite."""

    keyword: str | None = None
    overrides: tuple[str, ...] = ()
    seeds: int | None = None
    workers: int | None = None
    executor: Literal["local", "inline"] = "local"
    results: Path = DEFAULT_RESULTS
    timeout: str | None = None
    retry_failed: bool = False
    fresh: bool = False
    no_train: bool = False
    pdb: bool = False
    plugins: tuple[str, ...] = ()

    @property
    def given(self) -> tuple[Path, tuple[str, ...], tuple[str, ...], int | None]:
        """What trials hang on beside the suite."""
        return self.results, self.plugins, self.overrides, self.seeds

    @property
    def narrowed(self) -> bool:
        """Whether the suite is not run as it stands in its file."""
        return bool(self.keyword or self.overrides or self.seeds is not None)


@dataclass(frozen=True)
class Asked:
    """A suite's file or name, or what such a file would say; and what was said beside it."""

    reference: str | Mapping[str, Any]
    options: Options
    console: Console

    def warn(self, text: str) -> None:
        """A line in red."""
        self.console.print(printable(text), style="red", markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Loaded(Asked):
    """The suite, and where each of its values stands."""

    suite: Suite
    source: Source


@dataclass(frozen=True)
class Resolved(Loaded):
    """What plugins offer, and where results are kept."""

    catalog: Catalog
    store: Store


@dataclass(frozen=True)
class Planned(Resolved):
    """All trials, and what will be done with each."""

    plan: Plan

    @property
    def workers(self) -> int:
        """How many trials run at a time: as many as there are cores for their threads."""
        if self.options.executor == "inline":
            return 1
        threads = max(profile.threads for profile in self.suite.devices)
        return self.options.workers or max(1, usable_cores() // threads)

    def to_run(self) -> list[PlannedTrial]:
        """The trials that this run will work on, the quick reference rows first within each dataset and seed."""
        if self.options.fresh:
            chosen = [planned for planned in self.plan.trials if planned.state is not TrialState.SKIPPED]
        else:
            chosen = self.plan.of(TrialState.TO_RUN)
        if self.options.no_train:
            chosen = [p for p in chosen if self.store.trial_folder(p.view.key).training() is not None]
        return list({planned.view.key: planned for planned in chosen}.values())

    def forecast(self, work: list[PlannedTrial]) -> Forecast:
        """How long that will take, as far as earlier trials tell."""
        return forecast_of(self.plan, work, self.store, self.workers, self.options.fresh)


@dataclass(frozen=True)
class Executed(Planned):
    """All trials have ended, or the run was interrupted."""

    result: RunResult
    announcer: Announcer
    worked: bool
    """Whether anything was run."""
    interruption: BaseException | None


@dataclass(frozen=True)
class Measured(Executed):
    """The run as tables."""

    report: Report


# --- the steps -------------------------------------------------------------------------------------------------------


def load(asked: Asked) -> Loaded:
    """Read the suite.

    Raises:
        UsageError: if it, or an option, is not usable.
    """
    options = asked.options
    for name, number in (("seeds", options.seeds), ("workers", options.workers)):
        if number is not None and number < 1:
            raise UsageError(f"--{name} {number}: expected a positive number")
    if options.timeout is not None:
        try:
            parse_duration(options.timeout)
        except ValueError as error:
            raise UsageError(f"--timeout: {error}") from None
    if options.pdb and options.executor != "inline":
        raise UsageError("--pdb: trials run in processes of their own; add --executor inline")
    suite, source = read_suite(asked.reference, options.overrides, options.seeds)
    return _grown(Loaded, asked, suite=suite, source=source)


def resolve(loaded: Loaded) -> Resolved:
    """Find the plugins and the results folder.

    Raises:
        UsageError: if a plugin that was asked for does not work (one that is merely installed is a line in red), or
            the folder cannot be written to.
    """
    files = plugin_files(loaded.suite, loaded.source, loaded.options.plugins)
    catalog = load_catalog(files)
    for broken in catalog.broken:
        if broken.owner in {str(file) for file in files}:
            raise UsageError(f"plugin {broken.owner}: {broken.error}")
        loaded.warn(f"plugin {broken.owner}: {broken.error}")
    store = Store(loaded.options.results)
    store.prepare()
    return _grown(Resolved, loaded, catalog=catalog, store=store)


def plan(resolved: Resolved) -> Planned:
    """Judge each trial: cached, to run, failed before, skipped.

    Raises:
        UsageError: if the suite names what is not there, or a keyword matches nothing.
    """
    options = resolved.options
    planner = Planner(resolved.suite, resolved.source, resolved.catalog, resolved.store)
    # a suite in memory is what the options make of it: only a keyword leaves something out
    full = not options.narrowed if isinstance(resolved.reference, str) else not options.keyword
    return _grown(Planned, resolved, plan=planner.plan(options.keyword, full, options.retry_failed, options.no_train))


def execute(planned: Planned) -> Executed:
    """Run what is missing. An interruption is kept until all is concluded."""
    known = [trial.ended for trial in planned.plan.trials]
    result = RunResult(_reopened(planned), planned.store, known)
    save_run(result)
    work = planned.to_run()
    forecast = planned.forecast(work)
    announcer = _announcer(planned, forecast)
    announcer.run_started(result, len(work))
    interruption = None
    try:
        _work(planned, result, work, forecast, announcer)
    except BaseException as error:  # noqa: BLE001 - it is raised again when the tables are written
        interruption = error
    ran = RunResult(result.record, planned.store) if work else result
    return _grown(Executed, planned, result=ran, announcer=announcer, worked=bool(work), interruption=interruption)


def measure(executed: Executed) -> Measured:
    """Read what the trials left into tables; or the tables, where nothing was run."""
    stored = not executed.worked and intact(executed.result.folder)
    return _grown(Measured, executed, report=Report(executed.result, executed.warn, stored))


def conclude(measured: Measured) -> RunResult:
    """Write the run's tables and products, and the suite's if the run is a full one; show the leaderboard."""
    from ebmbench.report.terminal import leaderboard

    result, catalog = measured.result, measured.catalog
    try:
        with FileLock(result.store.suite_dir(result.record.suite) / ".tables.lock"):
            if not measured.report.stored:
                write(measured.report, catalog)
            publish(result, catalog)
    finally:
        measured.announcer.run_finished(result)
    measured.console.print(leaderboard(measured.report))
    if narrowed_run(result):
        measured.console.print(printable(narrowed_run(result)), style="dim", markup=False, highlight=False)
    for failure in measured.announcer.failures:
        measured.warn(failure)
    if measured.interruption is not None:
        raise measured.interruption
    return result


def run(reference: str | Mapping[str, Any], options: Options, console: Console | None = None) -> RunResult:
    """All the steps."""
    asked = Asked(reference, options, console or Console(stderr=True))
    return conclude(measure(execute(plan(resolve(load(asked))))))


def exit_code(result: RunResult) -> int:
    """0 when every trial is ok or skipped, else 1."""
    return int(any(trial.status not in (Status.OK, Status.SKIPPED) for trial in result.trials))


# --- what they are made of -------------------------------------------------------------------------------------------


def _grown(kind: type[S], before: Asked, **more: Any) -> S:
    """What was known, and more."""
    return kind(**{field.name: getattr(before, field.name) for field in fields(before)}, **more)


def _reopened(planned: Planned) -> RunRecord:
    """The record of the run: the same plan is the same run, reopened; what it says of metrics may be newer."""
    before = find_run(planned.store, planned.suite.name, planned.plan.run.plan_id)
    folders = planned.source.folder(()), Path(__file__).parent
    return reopened(planned.plan.run, before, bool(planned.to_run()), *folders)


def _announcer(planned: Planned, forecast: Forecast) -> Announcer:
    from ebmbench.report.figures.portraits import draw_trial

    announcer = Announcer(planned.catalog.manager)
    tracks, options, suite = (
        {track.name: track for track in planned.plan.run.tracks},
        planned.options,
        planned.reference,
    )
    again = Again(suite, *options.given) if isinstance(suite, str) and not options.pdb else None
    announcer.manager.register(
        ProgressObserver(planned.console, forecast, tracks, again, options.executor != "inline"), "terminal"
    )
    draw = lambda trial, path: draw_trial(trial, tracks[trial.view.track], path)  # noqa: E731
    summarize = lambda result: Report(result, stored=intact(result.folder)).leaderboard  # noqa: E731
    announcer.manager.register(MlflowObserver(planned.warn, draw, summarize), "mlflow")
    return announcer


def _work(
    planned: Planned, result: RunResult, work: list[PlannedTrial], forecast: Forecast, announcer: Announcer
) -> None:
    options, views = planned.options, {trial.view.key: trial.view for trial in work}
    supervisor = Supervisor(planned.store, planned.workers, _executor(planned), planned.warn)
    jobs = (Job(trial.spec, options.retry_failed, options.fresh) for trial in work)

    def started(key: str) -> None:
        announcer.trial_started(TrialResult(views[key], planned.store.trial_folder(key)))

    for key in supervisor.run(jobs, started):
        trial = TrialResult(views[key], planned.store.trial_folder(key))
        forecast.learn(views[key], trial.attempts[-1].total_seconds if trial.attempts else 0.0)
        announcer.trial_finished(trial)


def _executor(planned: Planned) -> Executor:
    root, options = planned.store.root.resolve(), planned.options
    if options.executor == "inline":
        return InlineExecutor(root, options.pdb)
    timeout = parse_duration(options.timeout) if options.timeout else planned.suite.timeout
    threads = max(profile.threads for profile in planned.suite.devices)
    return LocalExecutor(root, timeout, planned.suite.memory, threads)
