"""Observers only listen: one that raises is named once and not called again; the others and the run go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pluggy
import pytest

from ebmbench.catalog import hooks
from ebmbench.catalog.hooks import hookimpl
from ebmbench.observers.announcer import Announcer
from ebmbench.store.folders import Store
from ebmbench.store.runs import RunResult, TrialResult
from tests.factories import make_run, make_view


class Listener:
    """Notes what it hears; may raise at one of the calls."""

    def __init__(self, bad: str = "", error: Callable[[], BaseException] = lambda: RuntimeError("boom")) -> None:
        self.heard: list[str] = []
        self.bad, self.error = bad, error

    def note(self, what: str) -> None:
        self.heard.append(what)
        if what == self.bad:
            raise self.error()

    @hookimpl
    def ebmbench_run_started(self, result: RunResult, to_run: int) -> None:
        self.note(f"run started, {to_run} to run of {result.record.suite}")

    @hookimpl
    def ebmbench_trial_started(self, trial: TrialResult) -> None:
        self.note(f"started {trial.view.name}")

    @hookimpl
    def ebmbench_trial_finished(self, trial: TrialResult) -> None:
        self.note(f"finished {trial.view.name}")

    @hookimpl
    def ebmbench_run_finished(self, result: RunResult) -> None:
        self.note("run finished")


class Terse:
    """A hook may leave out what it does not need."""

    def __init__(self) -> None:
        self.left = -1

    @hookimpl
    def ebmbench_run_started(self, to_run: int) -> None:
        self.left = to_run


STORY = [
    "run started, 2 to run of tiny",
    "started nce/moons/0/cpu",
    "finished nce/moons/0/cpu",
    "started nce/moons/1/cpu",
    "finished nce/moons/1/cpu",
    "run finished",
]


def tell(folder: Path, **listeners: object) -> Announcer:
    """A run of two trials, told to the listeners."""
    result = RunResult(make_run((make_view(seed=seed) for seed in (0, 1)), suite="tiny"), Store(folder))
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    for name, listener in listeners.items():
        manager.register(listener, name)
    announcer = Announcer(manager)
    announcer.run_started(result, 2)
    for trial in result.trials:
        announcer.trial_started(trial)
        announcer.trial_finished(trial)
    announcer.run_finished(result)
    return announcer


def test_everybody_hears_everything(tmp_path: Path) -> None:
    one, other = Listener(), Listener()
    announcer = tell(tmp_path, one=one, other=other)
    assert one.heard == other.heard == STORY
    assert announcer.failures == []


@pytest.mark.parametrize("bad", STORY)
def test_one_that_raises_is_named_and_silenced(tmp_path: Path, bad: str) -> None:
    good, broken, late = Listener(), Listener(bad), Listener()
    announcer = tell(tmp_path, good=good, broken=broken, late=late)
    assert announcer.failures == ["observer broken: RuntimeError: boom"]
    assert broken.heard == STORY[: STORY.index(bad) + 1]
    assert good.heard == late.heard == STORY


def test_several_that_raise_are_each_named(tmp_path: Path) -> None:
    announcer = tell(tmp_path, one=Listener(STORY[0]), other=Listener(STORY[3], lambda: KeyError("lost")))
    assert sorted(announcer.failures) == ["observer one: RuntimeError: boom", "observer other: KeyError: 'lost'"]


def test_its_words_cannot_drive_the_terminal(tmp_path: Path) -> None:
    announcer = tell(tmp_path, bad=Listener(STORY[0], lambda: RuntimeError("\x1b]0;title\x07\nsecond line")))
    assert announcer.failures == [
        "observer bad: RuntimeError: \N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER} second line"
    ]


def test_an_interrupt_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tell(tmp_path, bad=Listener(STORY[2], KeyboardInterrupt))


def test_one_that_leaves_is_silenced_too(tmp_path: Path) -> None:
    good = Listener()
    announcer = tell(tmp_path, good=good, bad=Listener(STORY[2], lambda: SystemExit(0)))
    assert good.heard == STORY
    assert announcer.failures == ["observer bad: SystemExit: 0"]


def test_a_hook_asks_for_what_it_needs(tmp_path: Path) -> None:
    terse = Terse()
    assert tell(tmp_path, terse=terse).failures == []
    assert terse.left == 2
