"""What a person sees: plain lines where there is no terminal, the time left, and no control characters."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.harness.forecast import Forecast
from ebmbench.observers.terminal import TerminalObserver, duration
from ebmbench.store.folders import Store, write_atomic
from ebmbench.store.records import (
    Attempt,
    DatasetCell,
    Measurements,
    MethodCell,
    RunRecord,
    Training,
    TrialSpec,
    TrialView,
    Value,
)
from ebmbench.store.tables import RunResult, TrialResult
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile, NetConfig

OK = Attempt(status=Status.OK, started="2026-01-01", total_seconds=10.0)
EVIL = "\x1b]0;title\x07\x1b[31m[bold red]x[/]\r"
TAMED = EVIL.translate({ord(c): "\N{REPLACEMENT CHARACTER}" for c in "\x1b\x07\r"})


def view(number: int, name: str = "", skipped: str = "") -> TrialView:
    return TrialView(
        key=f"{number:016d}",
        name=name or f"nce/moons/{number}/cpu",
        row="nce",
        method="nce",
        dataset="moons",
        seed=number,
        device="cpu",
        strategy=Strategy.C2,
        kind=EnergyKind.DENSITY,
        skipped=skipped,
    )


def spec(number: int) -> TrialSpec:
    return TrialSpec(
        method=MethodCell(
            name="nce", target="a:B", owner="o", strategy=Strategy.C2, kind=EnergyKind.DENSITY, summary="", params={}
        ),
        dataset=DatasetCell(name="moons", target="c:D", owner="o", params={}),
        data=DataRegime(),
        net=NetConfig(),
        budget=Budget(steps=5),
        seed=number,
        device=DeviceProfile(),
        metrics=(),
        identity={},
    )


class Stage:
    """A run of three trials and one that is skipped, shown on a console."""

    def __init__(self, folder: Path, terminal: bool, names: tuple[str, ...] = ("", "", "")) -> None:
        self.store = Store(folder)
        self.out = io.StringIO()
        self.console = Console(file=self.out, force_terminal=terminal, width=60, _environ={"TERM": "xterm"})
        views = [view(number, name) for number, name in enumerate(names)]
        skipped = view(9, skipped="no cuda device on this machine")
        record = RunRecord(
            run_id="r",
            suite="tiny",
            plan_id="p",
            started="2026-01-01",
            full=True,
            metrics=(),
            trials=(*views, skipped),
        )
        self.result = RunResult(record, self.store)
        self.forecast = Forecast(views, 1)
        self.observer = TerminalObserver(self.console, self.forecast)

    def finish(self, number: int, attempt: Attempt = OK) -> TrialResult:
        """A trial ends."""
        planned = self.result.record.trials[number]
        folder = self.store.trial(planned.key)
        folder.begin(spec(number))
        if attempt.status is Status.OK:
            training = Training(
                prepare_seconds=0,
                train_seconds=3.25,
                steps=5,
                passes=5,
                energy_rows=5,
                gradient_rows=0,
                samples=5,
                peak_bytes=1,
            )
            write_atomic(folder.file("TRAINED"), training.model_dump_json())
            values = (Value(metric="skill", value=0.75), Value(metric="kl", variant="raw", value=0.125))
            write_atomic(
                folder.file("metrics.json"), Measurements(values=values, code={}, eval_seconds=1).model_dump_json()
            )
        folder.finish(attempt)
        self.forecast.learn(planned, attempt.total_seconds)
        trial = TrialResult(planned, folder)
        self.observer.ebmbench_trial_finished(trial)
        return trial

    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    """One line a trial, however narrow; nothing that moves the cursor."""
    stage = Stage(tmp_path, terminal=False)
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.finish(0)
    stage.finish(1, Attempt(status=Status.FAILED, error_type="KeyError", message="'lost'", started="", total_seconds=4))
    stage.finish(2)
    stage.observer.ebmbench_run_finished(stage.result)
    first, ok, failed, last, end = stage.lines()
    assert first == "tiny: 4 trials, 3 to run, 0 done before, 1 skipped"
    assert ok == "[1/3] nce/moons/0/cpu  skill 0.750  KL 0.125  trained 3.2 s  [20 s left]"
    assert failed == "[2/3] nce/moons/1/cpu  failed: KeyError: 'lost'  [7 s left]"
    assert last.endswith("[0 s left]")
    assert end.startswith("3 trials run in ")
    assert "\x1b" not in stage.out.getvalue()
    assert "\r" not in stage.out.getvalue()


def test_nothing_to_run_is_one_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=False)
    stage.observer.ebmbench_run_started(stage.result, 0)
    stage.observer.ebmbench_run_finished(stage.result)
    assert stage.lines() == ["tiny: 4 trials, 0 to run, 3 done before, 1 skipped"]


def test_a_bar_with_the_time_left_on_a_terminal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=True)
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.observer.ebmbench_trial_started(stage.result.trials[0])
    stage.finish(0)
    bar = stage.observer._bar
    assert bar is not None
    (task,) = bar.tasks
    assert (task.completed, task.total, task.fields["left"]) == (1, 3, "20 s left")
    assert task.description == "nce/moons/0/cpu"
    bar.refresh()
    assert "20 s left" in stage.out.getvalue()
    stage.observer.ebmbench_run_finished(stage.result)
    assert stage.observer._bar is None, "it goes when the run is over"
    shown = stage.out.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1, "the cursor is back"


def test_no_bar_in_continuous_integration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    stage = Stage(tmp_path, terminal=True)
    stage.observer.ebmbench_run_started(stage.result, 3)
    assert stage.observer._bar is None
    stage.finish(0)
    assert "[20 s left]" in stage.out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_names_and_errors_cannot_drive_the_terminal(tmp_path: Path, terminal: bool) -> None:
    """Neither control characters nor rich's own markup are obeyed."""
    stage = Stage(tmp_path, terminal, names=(f"{EVIL}/moons/0/cpu", "", ""))
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.observer.ebmbench_trial_started(stage.result.trials[0])
    stage.finish(0, Attempt(status=Status.FAILED, error_type="Boom", message=EVIL, started="", total_seconds=1))
    stage.observer.ebmbench_run_finished(stage.result)
    shown = stage.out.getvalue()
    assert f"{TAMED}/moons/0/cpu  failed: Boom: {TAMED}" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
    assert "\x1b[31m[bold" not in shown
    assert "[bold red]x[/]" in shown


def test_the_name_of_a_suite_is_its_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=True)
    stage.observer.ebmbench_run_started(stage.result, 0)
    assert stage.out.getvalue() == "tiny: 4 trials, 0 to run, 3 done before, 1 skipped\n"


def test_what_failed_is_colored(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=True)
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.finish(0, Attempt(status=Status.TIMEOUT, error_type="Timeout", message="late", started="", total_seconds=1))
    stage.finish(1)
    stage.observer.stop()
    shown = stage.out.getvalue()
    assert "\x1b[31m[1/3] nce/moons/0/cpu  timeout: Timeout: late\x1b[0m" in shown
    assert "\x1b[31m[2/3]" not in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (100_000, "27 h 46 min"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_earlier_trials_tell_is_known_at_once(tmp_path: Path, terminal: bool) -> None:
    stage = Stage(tmp_path, terminal=terminal)
    for number in (100, 101):
        stage.forecast.learn(view(number), 20.0)
    stage.observer.ebmbench_run_started(stage.result, 3)
    shown = stage.out.getvalue()
    assert "3 to run, 0 done before, 1 skipped; about 60 s with 1 worker, from 2 earlier trials\n" in shown
    if terminal:
        assert stage.observer._bar is not None
        assert stage.observer._bar.tasks[0].fields["left"] == "1 min 0 s left"
    stage.observer.stop()
