"""Trials as processes: how each end is told, deadline and memory, a server that dies, and nothing that is left.

The workers do what ``tests.workers`` says; what real trials come to is at the end, and in tests/faults.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ebmbench.contracts.records import Status
from ebmbench.errors import EngineLost
from ebmbench.execution import local
from ebmbench.execution.executor import Ended, Executor
from ebmbench.execution.inline import InlineExecutor
from ebmbench.execution.local import MAX_LOSSES, SINGLE_THREAD, LocalExecutor, _usage
from ebmbench.execution.supervisor import Job, Supervisor
from ebmbench.store.folders import Store, TrialFolder
from tests import workers
from tests.engines import Engine, alive, on_linux, soon
from tests.planned import CHEAP, plan_of

pytestmark = [pytest.mark.process, on_linux]


@pytest.fixture
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """One with a server of its own that has imported nothing, and is there at once."""
    executor = LocalExecutor(Path("/results"), 600.0, 10**10)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([])
    monkeypatch.setattr(type(context), "set_forkserver_preload", lambda self, names: None)
    stop_server()
    yield Engine(executor, tmp_path, workers.bare)
    executor.close()
    stop_server()


def stop_server() -> None:
    """Let the next executor start its own: this process has one at a time."""
    from multiprocessing import forkserver

    vars(forkserver)["_forkserver"]._stop()


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "code", "name"),
    [
        (("nothing",), 0, ""),
        (("leave", 0), 0, ""),
        (("leave", 3), 3, ""),
        (("leave", 255), 255, ""),
        (("raises",), 1, ""),
        (("die", int(signal.SIGSEGV)), None, "SIGSEGV"),
        (("die", int(signal.SIGKILL)), None, "SIGKILL"),
        (("die", int(signal.SIGTERM)), None, "SIGTERM"),
    ],
    ids=["ends", "0", "3", "255", "raises", "SEGV", "KILL", "TERM"],
)
def test_how_a_worker_ended_is_told(engine: Engine, task: tuple[Any, ...], code: int | None, name: str) -> None:
    ended = engine.run(*task)
    assert (ended.code, ended.signal, ended.verdict, ended.reason) == (code, name, None, "")


def test_what_a_worker_could_not_catch_stands_in_its_log(engine: Engine) -> None:
    assert "RuntimeError: no luck" in (engine.folder(engine.run("raises").key) / "log.txt").read_text()


def test_several_end_in_their_own_time(engine: Engine) -> None:
    """One that ends is told while another works; each once."""
    slow = engine.submit("sleep")
    quick = [engine.submit("leave", code, n_concurrent=1) for code in (0, 3)]
    ended = {one.key: one.code for one in engine.end(2)}
    assert ended == dict(zip(quick, (0, 3), strict=True))
    assert engine.executor.poll(0.0) == []
    assert alive(engine.pid(slow))
    engine.executor.cancel(slow)


def test_a_look_at_nothing_waits_and_tells_nothing(engine: Engine) -> None:
    assert engine.executor.poll(0.01) == []


def test_a_cancelled_worker_is_dead_and_never_heard_of(engine: Engine) -> None:
    key = engine.submit("sleep")
    assert engine.begun(key)
    pid = engine.pid(key)
    engine.executor.cancel(key)
    assert not alive(pid)
    assert engine.executor.poll(0.05) == []


# --- deadline and memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "name"), [("sleep", "SIGTERM"), ("stubborn", "SIGKILL")])
def test_a_deadline_asks_and_then_kills(engine: Engine, monkeypatch: pytest.MonkeyPatch, task: str, name: str) -> None:
    monkeypatch.setattr(local, "GRACE", 0.3)
    key = engine.submit(task)
    assert engine.begun(key)
    monkeypatch.setattr(engine.executor, "timeout", 0.01)
    (ended,) = engine.end()
    assert ended == Ended(key, None, name, Status.TIMEOUT, ended.reason)
    assert re.fullmatch(r"not done after \S+ s of processor time and \S+ s in all", ended.reason)


@pytest.mark.parametrize(("spent", "threads", "late"), [(29.0, 1, False), (31.0, 1, True), (31.0, 2, False)])
def test_a_deadline_is_of_processor_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, spent: float, threads: int, late: bool
) -> None:
    """However long a busy machine lets a trial wait."""
    monkeypatch.setattr(local, "_usage", lambda pid: (spent, 0))
    monkeypatch.setattr(engine.executor, "timeout", 30.0)
    monkeypatch.setattr(engine.executor, "threads", threads)
    key = engine.submit("sleep")
    assert engine.begun(key)
    ended = [*engine.executor.poll(0.05), *engine.executor.poll(1.0 if late else 0.05)]
    assert [one.verdict for one in ended] == [Status.TIMEOUT] * late
    if not late:
        engine.executor.cancel(key)


def test_what_hangs_is_ended_by_the_wall_clock(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_usage", lambda pid: (0.0, 0))
    key = engine.submit("sleep")
    assert engine.begun(key)
    monkeypatch.setattr(engine.executor, "timeout", 0.2)
    started = time.monotonic()
    assert engine.end()[0].verdict is Status.TIMEOUT
    assert time.monotonic() - started > 0.2, "not before some deadlines have passed"


def test_the_usage_is_that_of_a_process_and_its_children() -> None:
    """A second of work, half of it in a child that has ended: both count."""
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    before = _usage(os.getpid())[0]
    subprocess.run([sys.executable, "-c", burn], check=True)
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    spent, resident = _usage(os.getpid())
    assert 0.95 <= spent - before < 1.5
    assert resident >= 0.5 * psutil.Process().memory_info().rss
    assert _usage(2**30) == (0.0, 0)


def test_a_trial_within_its_time_is_left_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = engine.submit("sleep")
    assert engine.begun(key)
    for _ in range(3):
        assert engine.executor.poll(0.05) == []
    monkeypatch.setattr(engine.executor, "timeout", 0.0)
    assert engine.end()[0].verdict is Status.TIMEOUT, "the wrong twin"


def test_a_worker_that_eats_more_than_its_cap_is_killed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every worker has from the beginning is not its own."""
    idle = engine.submit("sleep")
    assert engine.begun(idle)
    monkeypatch.setattr(local, "BASELINE", psutil.Process(engine.pid(idle)).memory_info().rss)
    monkeypatch.setattr(engine.executor, "memory", 200_000_000)
    assert engine.executor.poll(0.2) == [], "it has done nothing yet"
    engine.executor.cancel(idle)
    key = engine.submit("eat", 400_000_000)
    (ended,) = engine.end()
    assert (ended.key, ended.signal, ended.verdict) == (key, "SIGKILL", Status.OOM)
    assert ended.reason.startswith("used ")
    assert ended.reason.endswith("; the cap is 200.0 MB")


def test_what_a_child_eats_counts_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = engine.submit("leave_child", False, True)
    assert engine.begun(key)
    pid, child = engine.pid(key), engine.facts(key)["child"]
    alone = psutil.Process(pid).memory_info().rss
    assert _usage(pid)[1] == pytest.approx(alone + psutil.Process(child).memory_info().rss, rel=0.05)
    assert _usage(pid)[1] > alone + 1_000_000
    engine.executor.cancel(key)
    assert _usage(pid) == (0.0, 0)


# --- nothing is left --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_session", [False, True], ids=["in its group", "in a session of its own"])
@pytest.mark.parametrize("stay", [False, True], ids=["ended", "cancelled"])
def test_what_a_worker_started_ends_with_it(engine: Engine, own_session: bool, stay: bool) -> None:
    key = engine.submit("leave_child", own_session, stay)
    child = engine.facts(key)["child"]
    if stay:
        assert engine.begun(key)
        assert alive(child)
        engine.executor.cancel(key)
    else:
        assert engine.end()[0].code == 0
    assert soon(lambda: not alive(child), 5)


def test_the_children_of_others_are_left_alone(engine: Engine) -> None:
    busy = engine.submit("leave_child", False, True)
    assert engine.begun(busy)
    child = engine.facts(busy)["child"]
    engine.run("leave_child", True, False)
    assert alive(child)
    assert alive(engine.pid(busy))
    engine.executor.cancel(busy)
    assert soon(lambda: not alive(child), 5)


def test_nothing_is_left_after_close(light: Engine) -> None:
    """Neither workers, nor what they started, nor the server; and it can be begun again."""
    keys = [light.submit("leave_child", False, True), light.submit("stubborn"), light.submit("sleep")]
    assert all(light.begun(key) for key in keys)
    family = [*map(light.pid, keys), light.facts(keys[0])["child"], light.server]
    assert all(map(alive, family))
    light.executor.close()
    assert soon(lambda: not any(map(alive, family)), 5)
    assert light.executor.poll(0.0) == []
    light.executor.close()
    assert light.run("leave", 3).code == 3


# --- a server that dies -----------------------------------------------------------------------------------------------


def test_a_server_that_is_killed_takes_its_workers_along_and_is_replaced(light: Engine) -> None:
    first = [light.submit("sleep"), light.submit("stubborn")]
    assert all(map(light.begun, first))
    pids, old = [light.pid(key) for key in first], light.server
    os.kill(old, signal.SIGKILL)
    ended = light.end(2)
    assert {(one.key, one.code, one.signal, one.verdict) for one in ended} == {
        (k, None, "SIGKILL", None) for k in first
    }
    assert soon(lambda: not any(map(alive, pids)), 5)
    assert light.run("leave", 3).code == 3
    assert light.server != old
    assert alive(light.server)


def test_a_server_that_was_killed_while_nothing_ran_is_replaced_and_ended_too(light: Engine) -> None:
    assert light.run("leave", 3).code == 3
    old = light.server
    os.kill(old, signal.SIGKILL)
    assert soon(lambda: not alive(old))
    key = light.submit("sleep")
    assert light.begun(key)
    mother = psutil.Process(light.pid(key)).ppid()
    assert light.server == mother != old
    light.executor.close()
    assert soon(lambda: not alive(mother), 5)


def test_a_server_that_dies_again_and_again_ends_the_run(light: Engine) -> None:
    """Not for ever: the engine is lost."""
    for loss in range(MAX_LOSSES + 1):
        key = light.submit("sleep")
        assert light.begun(key)
        os.kill(light.server, signal.SIGKILL)
        if loss < MAX_LOSSES:
            assert light.end()[0].signal == "SIGKILL"
    with pytest.raises(EngineLost, match=f"the process that starts workers died {MAX_LOSSES + 1} times"):
        light.end()


# --- what workers are born with ---------------------------------------------------------------------------------------


def test_this_process_is_left_as_it_was(light: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker computes with one thread, and does not import the program that started it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    main, before = sys.modules["__main__"], dict(os.environ)
    monkeypatch.setattr(main, "__file__", "the program that started it", raising=False)  # tests in workers have none
    key = light.submit("tell")
    facts = light.facts(key)
    assert light.end()[0].code == 0
    assert sys.modules["__main__"] is main
    assert dict(os.environ) == before
    assert facts["omp"] == "1"
    assert facts["main"] != main.__file__
    assert set(SINGLE_THREAD.values()) == {"1"}


# --- real trials ------------------------------------------------------------------------------------------------------

EXECUTORS: dict[str, Callable[[Path], Executor]] = {
    "forked": lambda root: LocalExecutor(root, 120.0, 2_000_000_000, forks=True),
    "fresh": lambda root: LocalExecutor(root, 120.0, 2_000_000_000, forks=False),
    "inline": InlineExecutor,
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialFolder]:
    """The same trial from a forked worker, from a fresh interpreter, and in this process."""
    made = {}
    for name, kind in EXECUTORS.items():
        root = tmp_path_factory.mktemp(name)
        (planned,) = plan_of(root, CHEAP).trials
        executor = kind(root)
        assert list(Supervisor(Store(root), 1, executor).run([Job(planned.spec)])) == [planned.view.key]
        made[name] = Store(root).trial_folder(planned.view.key)
    return made


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_does_the_job(twins: dict[str, TrialFolder], name: str) -> None:
    folder = twins[name]
    assert folder.status() is Status.OK, folder.attempts()
    attempt = folder.attempts()[-1]
    assert attempt.total_seconds > 0
    assert attempt.n_concurrent == 0
    training = folder.training()
    assert training is not None
    assert 1 <= training.steps <= 5
    assert training.samples == training.passes == 200 * training.steps, "a sweep of the set costs a pass a row"


@pytest.mark.parametrize("name", ["forked", "fresh"])
def test_every_executor_comes_to_the_same_numbers(twins: dict[str, TrialFolder], name: str) -> None:
    """To the bytes of the files."""
    one, two = twins[name], twins["inline"]
    for file in ("model.pt", "surface.npz", "samples.npz"):
        facts = [json.loads(folder.file("DONE").read_text())["files"][file]["sha256"] for folder in (one, two)]
        assert facts[0] == facts[1], file
    measured = [folder.measurements() for folder in (one, two)]
    assert measured[0] is not None
    assert measured[1] is not None
    assert measured[0].values == measured[1].values
    trained = [folder.training() for folder in (one, two)]
    assert trained[0] is not None
    assert trained[1] is not None
    costs = ("steps", "passes", "flops", "operations", "energy_rows", "gradient_rows", "samples")
    assert [getattr(trained[0], cost) for cost in costs] == [getattr(trained[1], cost) for cost in costs]


def test_only_a_process_has_a_log(twins: dict[str, TrialFolder]) -> None:
    assert twins["forked"].file("log.txt").exists()
    assert twins["fresh"].file("log.txt").exists()
    assert not twins["inline"].file("log.txt").exists()
