"""What a person sees: plain lines where there is no terminal, the time left, and no control characters."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from ebmbench.contracts.records import Status
from ebmbench.observers.again import Again
from ebmbench.observers.progress import ProgressObserver, duration
from ebmbench.planning.forecast import Forecast
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import Attempt
from ebmbench.store.runs import RunResult, TrialResult
from tests.factories import (
    make_attempt,
    make_measurements,
    make_run,
    make_spec,
    make_training,
    make_view,
)

OK = make_attempt(total_seconds=10.0)
NUMBERS = {"skill": 0.75, "kl": 0.125}
EVIL = "\x1b]0;title\x07\x1b[31m[bold red]x[/]\r"
TAMED = EVIL.translate({ord(c): "\N{REPLACEMENT CHARACTER}" for c in "\x1b\x07\r"})


class Stage:
    """A run of three trials and one that is skipped, shown on a console."""

    def __init__(self, folder: Path, terminal: bool, names: tuple[str, ...] = ("", "", ""), track: str = "plane"):
        self.store = Store(folder)
        self.out = io.StringIO()
        self.console = Console(file=self.out, force_terminal=terminal, width=60, _environ={"TERM": "xterm"})
        views = [
            make_view(seed=number, track=track, **({"name": name} if name else {})) for number, name in enumerate(names)
        ]
        skipped = make_view(seed=9, track=track, skipped="no cuda device on this machine")
        self.result = RunResult(make_run([*views, skipped], suite="tiny"), self.store)
        self.forecast = Forecast(views, 1)
        tracks = {track.name: track for track in self.result.record.tracks}
        self.observer = ProgressObserver(self.console, self.forecast, tracks, Again("tiny.yaml"))

    def finish(self, number: int, attempt: Attempt = OK, numbers: Mapping[str, float] = NUMBERS) -> TrialResult:
        """A trial ends."""
        planned = self.result.record.trials[number]
        folder = self.store.trial_folder(planned.key)
        folder.begin(make_spec(number))
        if attempt.status is Status.OK:
            write_atomic(folder.file("TRAINED"), make_training(train_seconds=3.25).model_dump_json())
            write_atomic(folder.file("metrics.json"), make_measurements(numbers).model_dump_json())
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
    stage.finish(1, make_attempt(Status.FAILED, error_type="KeyError", message="'lost'", total_seconds=4))
    stage.finish(2)
    stage.observer.ebmbench_run_finished(stage.result)
    first, ok, failed, alone, last, end = stage.lines()
    assert first == "tiny: 4 trials, 3 to run, 0 done before, 1 skipped"
    assert ok == "[1/3] nce/moons/0/cpu  skill 0.750  KL 0.125  trained 3.2 s  [20 seconds left]"
    assert failed == "[2/3] nce/moons/1/cpu  failed: KeyError: 'lost'  [7 seconds left]"
    assert alone == "  alone: ebmbench run tiny.yaml -k nce/moons/1/cpu --retry-failed --executor inline --pdb"
    assert last.endswith("[0 seconds left]")
    assert end.startswith("3 trials run in ")
    assert "\x1b" not in stage.out.getvalue()
    assert "\r" not in stage.out.getvalue()


def test_the_first_failure_of_each_method_alone_says_how_to_look_at_it(tmp_path: Path) -> None:
    """Of a method that fails everywhere there may be hundreds."""
    stage = Stage(tmp_path, terminal=False)
    stage.observer.ebmbench_run_started(stage.result, 3)
    for number in range(3):
        stage.finish(number, make_attempt(Status.CRASHED, error_type="Signal", message="SIGSEGV", total_seconds=4))
    assert sum("alone: " in line for line in stage.lines()) == 1


def test_no_bar_beside_a_debugger(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=True)
    stage.observer = ProgressObserver(stage.console, stage.forecast, stage.observer.tracks, bar=False)
    stage.observer.ebmbench_run_started(stage.result, 3)
    assert stage.observer._bar is None
    stage.finish(0, make_attempt(Status.FAILED, error_type="KeyError", message="'lost'", total_seconds=4))
    assert "alone: " not in stage.out.getvalue(), "it is looked at already"


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
    assert (task.completed, task.total, task.fields["left"]) == (1, 3, "20 seconds left")
    assert task.description == "nce/moons/0/cpu"
    bar.refresh()
    assert "20 seconds left" in stage.out.getvalue()
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
    assert "[20 seconds left]" in stage.out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_names_and_errors_cannot_drive_the_terminal(tmp_path: Path, terminal: bool) -> None:
    """Neither control characters nor rich's own markup are obeyed."""
    stage = Stage(tmp_path, terminal, names=(f"{EVIL}/moons/0/cpu", "", ""))
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.observer.ebmbench_trial_started(stage.result.trials[0])
    stage.finish(0, make_attempt(Status.FAILED, error_type="Boom", message=EVIL))
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
    stage.finish(0, make_attempt(Status.TIMEOUT, error_type="Timeout", message="late"))
    stage.finish(1)
    stage.observer.stop()
    shown = stage.out.getvalue()
    assert "\x1b[31m[1/3] nce/moons/0/cpu  timeout: Timeout: late\x1b[0m" in shown
    assert "\x1b[31m[2/3]" not in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (0, "0 seconds"),
        (0.4, "0 seconds"),
        (1.2, "1 second"),
        (59.4, "59 seconds"),
        (59.6, "1 minute"),
        (200, "3 minutes and 20 seconds"),
        (3599.7, "1 hour"),
        (7500, "2 hours and 5 minutes"),
        (100_000, "1 day, 3 hours, 46 minutes and 40 seconds"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_earlier_trials_tell_is_known_at_once(tmp_path: Path, terminal: bool) -> None:
    stage = Stage(tmp_path, terminal=terminal)
    for number in (100, 101):
        stage.forecast.learn(make_view(seed=number), 20.0)
    stage.observer.ebmbench_run_started(stage.result, 3)
    shown = stage.out.getvalue()
    assert "3 to run, 0 done before, 1 skipped; about 60 s with 1 worker, from 2 earlier trials\n" in shown
    if terminal:
        assert stage.observer._bar is not None
        assert stage.observer._bar.tasks[0].fields["left"] == "1 minute left"
    stage.observer.stop()


@pytest.mark.parametrize(
    ("track", "numbers", "shown"),
    [
        ("binary", {"skill": 0.5, "kl_beta": 0.25}, "skill 0.500  KL(β) 0.250"),
        ("user_data", {"nll": 1.5, "nll_beta": 1.25, "skill": 9.0}, "NLL 1.500  NLL(β) 1.250"),
        ("plane", {}, ""),
    ],
)
def test_what_is_said_of_a_trial_is_what_its_track_says(
    tmp_path: Path, track: str, numbers: dict[str, float], shown: str
) -> None:
    stage = Stage(tmp_path, terminal=False, track=track)
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.finish(0, numbers=numbers)
    assert stage.lines()[1] == f"[1/3] nce/moons/0/cpu  {shown}  trained 3.2 s  [20 seconds left]"


def test_a_trial_without_a_status_is_a_crash(tmp_path: Path) -> None:
    """Its folder was taken away under it: it is a line all the same."""
    stage = Stage(tmp_path, terminal=False)
    stage.observer.ebmbench_run_started(stage.result, 3)
    stage.observer.ebmbench_trial_finished(stage.result.trials[1])
    assert stage.lines()[1].startswith("[1/3] nce/moons/1/cpu  crashed: ")
