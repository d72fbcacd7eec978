"""One run, from a suite to its tables: plan, run what is missing, record all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from rich.console import Console

from ebmbench.contracts import Status
from ebmbench.harness.forecast import Forecast
from ebmbench.harness.machine import usable_cores
from ebmbench.harness.own import own_suite
from ebmbench.harness.past import past_trials
from ebmbench.harness.plan import Plan, Planned, Planner, State, plugin_files
from ebmbench.harness.supervisor import Order, Supervisor
from ebmbench.observers.announcer import Announcer
from ebmbench.observers.mlflow import MlflowObserver
from ebmbench.observers.terminal import TerminalObserver
from ebmbench.store.folders import Store, digest, replacing, write_atomic
from ebmbench.store.tables import RunResult, TrialResult, find_run, latest_run, save_run
from ebmbench.suite.catalog import Catalog, load_catalog
from ebmbench.suite.errors import UsageError, printable
from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import NAME_PATTERN, Suite, parse_duration
from ebmbench.suite.selection import matcher

if TYPE_CHECKING:
    import pandas as pd

    from ebmbench.parts.surface import Surface
    from ebmbench.report.leaderboard import Board

DEFAULT_RESULTS = Path("results")
PRODUCTS = ("leaderboard.md", "leaderboard.csv", "metrics.md", "surfaces.png")
TABLES = ("trials.parquet", "metrics.parquet")
SUMS = "sums.json"
"""sha256 of each product of a run: what was damaged is written anew."""


@dataclass(frozen=True)
class Options:
    """What the command line of ``run`` says beside the suite."""

    keyword: str | None = None
    overrides: tuple[str, ...] = ()
    seeds: int | None = None
    workers: int | None = None
    results: Path = DEFAULT_RESULTS
    timeout: str | None = None
    retry_failed: bool = False
    fresh: bool = False
    no_train: bool = False
    plugins: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether the suite is not run as it stands in its file."""
        return bool(self.keyword or self.overrides or self.seeds is not None)


@dataclass
class Session:
    """A suite made ready to be run.

    Raises:
        UsageError: if the suite, a plugin, an option or the results folder is not usable.
    """

    reference: str | Mapping[str, Any]
    """A suite's file or name, or what such a file would say."""
    options: Options
    console: Console = field(default_factory=lambda: Console(stderr=True))
    suite: Suite = field(init=False)
    catalog: Catalog = field(init=False)
    store: Store = field(init=False)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        if options.seeds is not None and options.seeds < 1:
            raise UsageError(f"--seeds {options.seeds}: expected a positive number")
        if options.workers is not None and options.workers < 1:
            raise UsageError(f"--workers {options.workers}: expected a positive number")
        if options.timeout is not None:
            try:
                parse_duration(options.timeout)
            except ValueError as error:
                raise UsageError(f"--timeout: {error}") from None
        self.suite, source = read_suite(self.reference, options.overrides, options.seeds)
        files = plugin_files(self.suite, source, options.plugins)
        self.catalog = load_catalog(files)
        self._check_plugins(files)
        self.store = Store(options.results)
        self.store.prepare()
        planner = Planner(self.suite, source, self.catalog, self.store)
        # a suite in memory is what the options make of it: only a keyword leaves something out
        full = not options.narrowed if isinstance(self.reference, str) else not options.keyword
        self.plan = planner.plan(options.keyword, full, options.retry_failed, options.no_train)

    def _check_plugins(self, files: Iterable[Path]) -> None:
        """A plugin that was asked for must work; one that is merely installed is a line in red."""
        asked_for = {str(file) for file in files}
        for broken in self.catalog.broken:
            if broken.owner in asked_for:
                raise UsageError(f"plugin {broken.owner}: {broken.error}")
            self.warn(f"plugin {broken.owner}: {broken.error}")

    def warn(self, text: str) -> None:
        """A line in red."""
        self.console.print(printable(text), style="red", markup=False, highlight=False, soft_wrap=True)

    @property
    def workers(self) -> int:
        """How many trials run at a time: as many as there are cores for their threads."""
        threads = max(profile.threads for profile in self.suite.devices)
        return self.options.workers or max(1, usable_cores() // threads)

    def to_run(self) -> list[Planned]:
        """The trials that this run will work on, the quick reference rows first within each dataset and seed."""
        if self.options.fresh:
            chosen = [planned for planned in self.plan.trials if planned.state is not State.SKIPPED]
        else:
            chosen = self.plan.of(State.TO_RUN)
        if self.options.no_train:
            chosen = [p for p in chosen if self.store.trial(p.view.key).training() is not None]
        return list({planned.view.key: planned for planned in chosen}.values())

    def forecast(self, work: Sequence[Planned]) -> Forecast:
        """How long that will take, as far as earlier trials tell."""
        forecast = Forecast((planned.view for planned in work), self.workers)
        for view, seconds in past_trials(self.plan, work, self.store):
            forecast.learn(view, seconds)
        return forecast

    def run(self) -> RunResult:
        """Run what is to be run and write the tables. Interrupted, it writes what there is and raises on."""
        before = find_run(self.store, self.suite.name, self.plan.run.plan_id)
        record = self.plan.run
        if before is not None:  # the same plan is the same run, reopened; what it says of metrics may be newer
            record = record.model_copy(update={"run_id": before.run_id, "started": before.started})
        known = [planned.ended for planned in self.plan.trials]
        result = RunResult(record, self.store, known)
        save_run(result)
        work = self.to_run()
        forecast = self.forecast(work)
        announcer = self._announcer(forecast)
        announcer.run_started(result, len(work))
        try:
            self._work(result, work, forecast, announcer)
        finally:
            ran = RunResult(record, self.store) if work else result
            board = conclude(ran, unchanged=not work, warn=self.warn)
            announcer.run_finished(ran)
            self._show(board, announcer)
        return ran

    def _announcer(self, forecast: Forecast) -> Announcer:
        from ebmbench.report.figures import draw_trial

        announcer = Announcer(self.catalog.manager)
        announcer.manager.register(TerminalObserver(self.console, forecast), "terminal")
        announcer.manager.register(MlflowObserver(self.warn, draw_trial), "mlflow")
        return announcer

    def _work(self, result: RunResult, work: list[Planned], forecast: Forecast, announcer: Announcer) -> None:
        views = {planned.view.key: planned.view for planned in work}
        timeout = parse_duration(self.options.timeout) if self.options.timeout else self.suite.timeout
        supervisor = Supervisor(self.store, self.workers, timeout, self.suite.memory, notice=self.warn)
        orders = (Order(planned.spec, self.options.retry_failed, self.options.fresh) for planned in work)

        def started(key: str) -> None:
            announcer.trial_started(TrialResult(views[key], self.store.trial(key)))

        for key in supervisor.run(orders, started):
            trial = TrialResult(views[key], self.store.trial(key))
            forecast.learn(views[key], trial.attempts[-1].total_seconds if trial.attempts else 0.0)
            announcer.trial_finished(trial)

    def _show(self, board: Board, announcer: Announcer) -> None:
        from ebmbench.report.leaderboard import terminal

        self.console.print(terminal(board))
        for failure in announcer.failures:
            self.warn(failure)


def make_board(result: RunResult) -> Board:
    """The leaderboard of a run."""
    from ebmbench.analysis.aggregate import lines, rank
    from ebmbench.report.leaderboard import Board

    board = lines(result.record, result.trials)
    datasets = dict.fromkeys(view.dataset for view in result.record.trials)
    return Board(result.record.suite, tuple(board), rank(board), tuple(datasets))


def conclude(result: RunResult, unchanged: bool, warn: Callable[[str], None]) -> Board:
    """Write a run's tables, leaderboard and figure; and the suite's, if the run is a full one.

    Args:
        result: the run.
        unchanged: nothing was run, so that what is written already still holds.
        warn: is told of what could not be drawn.
    """
    board = make_board(result)
    with FileLock(result.store.suite(result.record.suite) / ".tables.lock"):
        if not (unchanged and _intact(result.folder)):
            _write(result, board, warn)
        _publish(result)
    return board


def _write(result: RunResult, board: Board, warn: Callable[[str], None]) -> None:
    """Write a run's own products, and what they hash to."""
    from ebmbench.report.figures import draw_surfaces, save
    from ebmbench.report.leaderboard import markdown, table_csv
    from ebmbench.report.metric_tables import metric_tables

    (result.folder / SUMS).unlink(missing_ok=True)
    result.write_tables()
    write_atomic(result.folder / "leaderboard.md", markdown(board))
    write_atomic(result.folder / "leaderboard.csv", table_csv(board))
    write_atomic(result.folder / "metrics.md", metric_tables(board, result.record.metrics))
    figure = draw_surfaces(board.lines, board.datasets, warn)
    if figure is not None:
        save(figure, result.folder / "surfaces.png")
    sums = {path.name: digest(path) for path in _products(result.folder, (*PRODUCTS, *TABLES))}
    write_atomic(result.folder / SUMS, json.dumps(sums, indent=1))


def _intact(folder: Path) -> bool:
    """Whether the products of a run are there, as they were written."""
    try:
        sums = json.loads((folder / SUMS).read_text())
        return bool(sums) and all(digest(folder / name) == sum for name, sum in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _products(folder: Path, names: Iterable[str]) -> list[Path]:
    return [path for path in (folder / name for name in names) if path.is_file()]


def _publish(result: RunResult) -> None:
    """The suite's own tables are those of its last full run that came to its end."""
    if not result.record.full or any(trial.status is None for trial in result.trials):
        return
    folder = result.store.suite(result.record.suite)
    for source in _products(result.folder, PRODUCTS):
        with replacing(folder / source.name) as temporary:
            shutil.copyfile(source, temporary)
    write_atomic(folder / "latest", result.record.run_id + "\n")


def exit_code(result: RunResult) -> int:
    """0 when every trial is ok or skipped, else 1."""
    return int(any(trial.status not in (Status.OK, Status.SKIPPED) for trial in result.trials))


@dataclass(frozen=True)
class Results:
    """A finished run as pandas tables and models."""

    result: RunResult

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        return self.result.trial_table()

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a number, in long form."""
        return self.result.metric_table()

    def narrowed(self, keyword: str) -> Results:
        """The trials whose names match, as ``-k`` of ``ebmbench run`` does.

        Raises:
            UsageError: if none does.
        """
        wanted, record = matcher(keyword), self.result.record
        views = tuple(view for view in record.trials if wanted(view.name))
        if not views:
            raise UsageError(f"-k '{keyword}': no trial of this run has such a name")
        return Results(RunResult(record.model_copy(update={"trials": views}), self.result.store))

    def model(self, trial: str) -> Surface:
        """The trained surface of a trial, given its name or key.

        Raises:
            UsageError: if the run has no such trial, or it was not trained.
        """
        from ebmbench.harness.bench import load_model
        from ebmbench.suite.errors import suggest

        for candidate in self.result.trials:
            if trial in (candidate.view.name, candidate.view.key):
                if candidate.training is None:
                    raise UsageError(f"{trial} was not trained: {candidate.error or 'it has not been run'}")
                candidate.folder.verified("model.pt")
                return load_model(candidate.folder, self.result.store.root)
        raise UsageError(f"no trial '{trial}'{suggest(trial, [t.view.name for t in self.result.trials])}")


def run(
    suite: str | None = None,
    *,
    methods: Sequence[str | Mapping[str, Any]] | None = None,
    data: Any = None,
    **options: Any,
) -> Results:
    """Run a suite (a path, or the name of a shipped one), as ``ebmbench run`` does; or methods on data of your own.

    ``run(methods=["nce", "gmm"], data=array)`` is a suite called ``own`` of one dataset called ``data``, with three
    seeds and two million passes; ``seeds=1`` and ``overrides=["budget.passes=100000"]`` change that. A fifth of the
    rows, or 10000, is for the test, and a fifth, or 5000, for validation.

    Args:
        suite: the suite.
        methods: instead of a suite, the methods as a suite's file would list them.
        data: the rows (n, d) they are run on: a numpy array, a torch tensor or a pandas data frame.
        options: fields of ``Options``: keyword, overrides, seeds, workers, results, timeout, retry_failed, fresh,
            no_train, plugins.

    Raises:
        UsageError: if anything given is not usable.
    """
    if "results" in options:
        options["results"] = Path(options["results"])
    chosen = Options(**options)
    if suite is not None:
        if methods is not None or data is not None:
            raise UsageError("run: either a suite, or methods and data")
        return Results(Session(suite, chosen).run())
    if methods is None or data is None:
        raise UsageError("run: expected a suite, or both methods and data")
    store = Store(chosen.results)
    store.prepare()
    return Results(Session(own_suite(store, methods, data), chosen).run())


def load(suite: str, results: str | Path = DEFAULT_RESULTS) -> Results:
    """The last full run of a suite.

    Raises:
        UsageError: if there is none.
    """
    store = Store(Path(results))
    record = latest_run(store, suite) if re.fullmatch(NAME_PATTERN, suite) else None
    if record is None:
        raise UsageError(f"no full run of '{suite}' in {results}; make one with: ebmbench run {suite}")
    return Results(RunResult(record, store))
