"""Trials in this very process: the same folders, and whatever happens in one is its outcome."""

from __future__ import annotations

import pdb
import resource
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from ebmbench.contracts.records import Status
from ebmbench.execution.executor import Ended
from ebmbench.execution.inline import InlineExecutor
from ebmbench.execution.supervisor import Job, Supervisor
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.training import worker
from tests.planned import plan_of, planned_trial

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians"],
    "data": {"set": 100, "validation": 100, "test": 100},
    "methods": [{"name": "gmm", "components": 2}, "nce"],
    "budget": {"steps": 2},
    "net": {"width": 8, "features": 4},
    "seeds": 1,
    "metrics": ["kl"],
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialFolder, list[Ended], list[Ended]]:
    """A trial, and what two looks at the executor tell."""
    root = tmp_path_factory.mktemp("inline")
    folder = planned_trial(root, **SUITE | {"methods": SUITE["methods"][:1]})
    executor = InlineExecutor(root)
    executor.submit(folder.path.name, folder.path, 3)
    return folder, executor.poll(0.0), executor.poll(0.0)


def test_a_trial_is_done_when_it_is_begun(done: tuple[TrialFolder, list[Ended], list[Ended]]) -> None:
    folder, first, second = done
    assert folder.status() is Status.OK, folder.attempts()
    assert (folder.training() is None, folder.measurements() is None) == (False, False)
    assert first == [Ended(folder.path.name, 0)]
    assert second == [], "it is told once"
    assert folder.attempts()[-1].n_concurrent == 3


def test_no_memory_is_capped(done: tuple[TrialFolder, list[Ended], list[Ended]]) -> None:
    """It would be that of this process, for good."""
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


def test_the_debugger_opens_where_a_trial_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And when it is left the failure is the trial's outcome, as ever."""
    looked = list[str]()

    def post_mortem(trace: TracebackType) -> None:
        looked.append(list(traceback.walk_tb(trace))[-1][0].f_code.co_name)

    def raising(self: worker.TrialWork) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(worker.TrialWork, "run", raising)
    monkeypatch.setattr(pdb, "post_mortem", post_mortem)
    folder = planned_trial(tmp_path, **SUITE | {"methods": SUITE["methods"][:1]})
    for debug in (False, True):
        InlineExecutor(tmp_path, debug).submit(folder.path.name, folder.path, 1)
        assert folder.attempts()[-1].message == "no luck"
    assert looked == ["raising"]


def test_nothing_is_there_to_be_cancelled_or_closed(tmp_path: Path) -> None:
    executor = InlineExecutor(tmp_path)
    executor.cancel("anything")
    executor.close()
    assert executor.poll(0.0) == []


@pytest.mark.long
@pytest.mark.parametrize(("error", "kind"), [(RuntimeError("no luck"), "RuntimeError"), (SystemExit(3), "SystemExit")])
def test_what_a_trial_raises_is_its_outcome_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: str
) -> None:
    """Under a supervisor, as any other executor."""
    original, ran = worker.TrialWork.run, list[str]()

    def run(self: worker.TrialWork) -> None:
        ran.append(self.spec.method.name)
        if self.spec.method.name == "nce":
            raise error
        original(self)

    monkeypatch.setattr(worker.TrialWork, "run", run)
    suite = {**SUITE, "methods": list(reversed(SUITE["methods"]))}
    plan = plan_of(tmp_path, suite)
    keys = list(Supervisor(Store(tmp_path), 1, InlineExecutor(tmp_path)).run(Job(trial.spec) for trial in plan.trials))
    bad, good = (Store(tmp_path).trial_folder(key) for key in keys)
    assert ran == ["nce", "gmm"]
    assert (bad.status(), good.status()) == (Status.FAILED, Status.OK)
    assert bad.attempts()[-1].error_type == kind


def test_an_interrupt_is_for_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops there, and the trial has not ended."""

    def run(self: worker.TrialWork) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker.TrialWork, "run", run)
    folder = planned_trial(tmp_path, **SUITE | {"methods": SUITE["methods"][:1]})
    executor = InlineExecutor(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        executor.submit(folder.path.name, folder.path, 0)
    assert executor.poll(0.0) == []
    assert folder.status() is None


def test_no_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor any module of the local executor's needed for it."""
    import os
    import subprocess

    def forbidden(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(os, "fork", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    folder = planned_trial(tmp_path, **SUITE | {"methods": SUITE["methods"][:1]})
    InlineExecutor(tmp_path).submit(folder.path.name, folder.path, 0)
    assert folder.status() is Status.OK
    assert "ebmbench.execution.preload" not in sys.modules, "which changes the process that imports it"
