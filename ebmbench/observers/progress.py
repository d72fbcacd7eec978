"""What a person sees while a run goes on: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import humanize
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ebmbench.catalog.hooks import hookimpl
from ebmbench.contracts.records import Status, Track
from ebmbench.errors import printable
from ebmbench.observers.again import Again
from ebmbench.planning.forecast import Forecast
from ebmbench.store.runs import RunResult, TrialResult

COLORS = {Status.OK: "green", Status.SKIPPED: "yellow"}


class ProgressObserver:
    """One line for each trial that ends; on a terminal a bar below them.

    Args:
        console: where to.
        forecast: of the time left.
        tracks: by name.
        again: says how to run a trial that did not end well again by itself: below the first one of each method.
        bar: whether there may be one: it would be in the way of a debugger.
    """

    def __init__(
        self,
        console: Console,
        forecast: Forecast,
        tracks: Mapping[str, Track],
        again: Again | None = None,
        bar: bool = True,
    ) -> None:
        self.console, self.forecast, self.tracks, self.again = console, forecast, tracks, again
        self._may_draw = bar and console.is_terminal and not os.environ.get("CI")
        self._failed: set[str] = set()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._total = self._done = 0
        self._began = time.monotonic()

    @hookimpl
    def ebmbench_run_started(self, result: RunResult, to_run: int) -> None:
        """How many trials there are, and how many are to run."""
        trials = len(result.record.trials)
        skipped = sum(bool(view.skipped) for view in result.record.trials)
        words = [f"{trials} trials", f"{to_run} to run", f"{trials - to_run - skipped} done before"]
        words += [f"{skipped} skipped"] if skipped else []
        estimate = self.forecast.estimate() if to_run else None
        self._line(f"{result.record.suite}: {', '.join(words)}" + (f"; {estimate}" if estimate else ""))
        self._total = to_run
        if to_run and self._may_draw:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=self.console, transient=True)
            left = f"{duration(estimate.seconds)} left" if estimate else ""
            self._task = self._bar.add_task("trials", total=to_run, left=left)
            self._bar.start()

    @hookimpl
    def ebmbench_trial_started(self, trial: TrialResult) -> None:
        """The name of what is at work, on the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=escape(printable(trial.view.name)))

    @hookimpl
    def ebmbench_trial_finished(self, trial: TrialResult) -> None:
        """How the trial ended, and the time left."""
        self._done += 1
        left = f"{duration(self.forecast.left())} left"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, left=left)
        self._line(self._describe(trial) + ("" if self._bar else f"  [{left}]"), trial.status)
        if trial.status is not Status.OK and self.again is not None and trial.view.method not in self._failed:
            self._failed.add(trial.view.method)
            self._line(f"  alone: {self.again.command(trial.view.name)}")

    @hookimpl
    def ebmbench_run_finished(self, result: RunResult) -> None:
        """The bar goes; what was done stays."""
        self.stop()
        if self._total:
            self._line(f"{self._done} trials run in {duration(time.monotonic() - self._began)}")

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _describe(self, trial: TrialResult) -> str:
        status = trial.status or Status.CRASHED
        place = f"[{self._done}/{self._total}]"
        if status is not Status.OK:
            return f"{place} {trial.view.name}  {status}: {trial.error}"
        values = trial.values
        wanted = self.tracks[trial.view.track].progress
        shown = [f"{name} {values[key]:.3f}" for name, key in wanted if key in values]
        seconds = trial.training.train_seconds if trial.training else 0.0
        return f"{place} {trial.view.name}  {'  '.join(shown)}  trained {seconds:.1f} s"

    def _line(self, text: str, status: Status | None = None) -> None:
        style = COLORS.get(status, "red") if status is not None and status is not Status.OK else ""
        self.console.print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float | None) -> str:
    """``8 seconds``, ``3 minutes and 20 seconds``; ``?`` when it is not known."""
    return "?" if seconds is None else humanize.precisedelta(round(seconds), minimum_unit="seconds", format="%d")
