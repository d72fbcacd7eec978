"""A worker's own process: what it is born with, where its words go, and what it holds of the process it came from."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ebmbench.execution.local import LocalExecutor
from tests import workers
from tests.engines import Engine, on_linux

pytestmark = [pytest.mark.process, on_linux]
MEMORY = 1_234_567_890


@pytest.fixture(scope="module")
def told(engine: Engine) -> tuple[Engine, str, dict[str, Any]]:
    """A worker that was asked for all there is to know of it; it ran beside two others."""
    key = engine.submit("tell", n_concurrent=2)
    engine.end()
    return engine, key, engine.facts(key)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The same of one that was not forked, but is an interpreter of its own."""
    executor = LocalExecutor(Path("/results"), 600.0, MEMORY, forks=False)
    engine = Engine(executor, tmp_path_factory.mktemp("fresh"), workers.work)
    key = engine.submit("tell")
    engine.end()
    yield engine.facts(key)
    executor.close()


def test_a_worker_is_the_head_of_a_group_of_its_own(
    told: tuple[Engine, str, dict[str, Any]], fresh: dict[str, Any]
) -> None:
    for facts in (told[2], fresh):
        assert facts["group"] == facts["pid"] != os.getpid()


def test_a_forked_worker_is_a_child_of_the_server(
    told: tuple[Engine, str, dict[str, Any]], fresh: dict[str, Any]
) -> None:
    engine, _, facts = told
    assert facts["parent"] == engine.server != os.getpid()
    assert fresh["parent"] == os.getpid()


def test_the_trial_is_told_what_the_executor_was(
    told: tuple[Engine, str, dict[str, Any]], fresh: dict[str, Any]
) -> None:
    """The folder, the results folder, the cap, and how many run beside it."""
    engine, key, facts = told
    assert facts["arguments"] == [str(engine.folder(key)), "/results", str(10**10), "2"]
    assert fresh["arguments"][1:] == ["/results", str(MEMORY), "0"]


def test_its_words_stand_in_its_folder_and_nothing_is_read(
    told: tuple[Engine, str, dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    engine, key, facts = told
    log = (engine.folder(key) / "log.txt").read_text()
    assert sorted(log.splitlines()) == ["said on standard error", "said on standard output"]
    assert facts["stdin"] == ""
    assert "said" not in "".join(capfd.readouterr())


def test_a_log_goes_on_where_the_last_attempt_left_it(engine: Engine) -> None:
    """So that what a killed worker said is kept until the trial is made ready again."""
    key = engine.submit("raises")
    engine.end()
    first = (engine.folder(key) / "log.txt").read_text()
    engine.submit_again(key, "tell")
    engine.end()
    log = (engine.folder(key) / "log.txt").read_text()
    assert "RuntimeError: no luck" in first
    assert log.startswith(first)
    assert "said on standard output" in log.removeprefix(first)


def test_a_worker_computes_with_one_thread(told: tuple[Engine, str, dict[str, Any]], fresh: dict[str, Any]) -> None:
    for facts in (told[2], fresh):
        assert facts["omp"] == "1"
    assert (told[2]["torch_threads"], told[2]["threads"]) == (1, 1)


def test_what_kills_a_worker_from_within_says_where_it_was(engine: Engine) -> None:
    """A fault in a library of C leaves no exception; the lines of Python that led to it stand in the log."""
    ended = engine.run("die", int(signal.SIGSEGV))
    log = (engine.folder(ended.key) / "log.txt").read_text()
    assert ended.signal == "SIGSEGV"
    assert "Fatal Python error: Segmentation fault" in log
    assert "in die" in log


def test_a_worker_does_not_keep_the_server_alive(engine: Engine) -> None:
    """The server ends when all copies of a pipe's end are closed: a worker holds none when it works."""
    key = engine.submit("sleep")
    assert engine.begun(key)
    ours = {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.exists()}
    theirs = {os.readlink(path) for path in Path(f"/proc/{engine.pid(key)}/fd").iterdir()}
    pipes = {name for name in ours & theirs if name.startswith("pipe:")}
    engine.executor.cancel(key)
    assert alive_end(ours) not in pipes


def alive_end(names: set[str]) -> str:
    """The pipe that multiprocessing's server lives as long as."""
    from multiprocessing import forkserver

    number = vars(forkserver)["_forkserver"]._forkserver_alive_fd
    found = os.readlink(f"/proc/self/fd/{number}")
    assert found in names, "the wrong twin: this process does hold it"
    return found
