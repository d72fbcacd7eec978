"""The process that forks the workers: all that is heavy is there, nothing of a plugin is, and it is a good mother."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engines import Engine, alive, on_linux, soon

pytestmark = [pytest.mark.process, on_linux]


@pytest.fixture(scope="module")
def facts(engine: Engine) -> dict[str, Any]:
    """What a worker saw when it was born."""
    key = engine.submit("tell")
    engine.end()
    return engine.facts(key)


def test_a_worker_is_born_with_all_that_is_heavy(facts: dict[str, Any]) -> None:
    heavy = {"torch", "scipy.stats", "sklearn.mixture", "ebmbench.training.worker", "ebmbench.metrics.samples"}
    assert heavy <= set(facts["before"])


def test_and_with_nothing_of_a_plugins(facts: dict[str, Any]) -> None:
    """A plugin is loaded anew by each worker: what it says may have changed since."""
    plugins = [name for name in facts["before"] if name.startswith(("ebmbench_plugins", "ebmbench_local_"))]
    assert plugins == []
    assert "mlflow" not in facts["before"]
    assert "matplotlib" not in facts["before"]


def test_the_server_has_one_thread_and_a_session_of_its_own(engine: Engine, facts: dict[str, Any]) -> None:
    """A fork copies the thread that forks and no other; the terminal's signals are for the run.

    (An allocator that a library brings along may have one that sweeps, and that knows what a fork is.)
    """
    assert facts["parent"] == engine.server
    threads = [path.read_text().strip() for path in Path(f"/proc/{engine.server}/task").glob("*/comm")]
    assert len([name for name in threads if not name.startswith("jemalloc")]) == 1, threads
    assert os.getsid(engine.server) == engine.server != os.getsid(0)


def test_the_server_adopts_what_a_worker_leaves(engine: Engine) -> None:
    """So that it can be found, and ended: in whatever session it is."""
    busy, quick = engine.submit("sleep"), engine.submit("leave_child", True, False)
    child = engine.facts(quick)["child"]
    assert soon(lambda: not alive(engine.pid(quick)) and psutil.Process(child).ppid() == engine.server)
    assert alive(child)
    engine.end()
    assert soon(lambda: not alive(child), 5)
    engine.executor.cancel(busy)


def test_a_worker_is_killed_when_the_server_ends(engine: Engine) -> None:
    """Told to by the system itself, also where the server has no time to do it; the last test, as a server is lost."""
    key = engine.submit("stubborn")
    assert engine.begun(key)
    pid = engine.pid(key)
    psutil.Process(engine.server).kill()
    assert soon(lambda: not alive(pid), 5)
    assert engine.end()[0].signal == "SIGKILL"
