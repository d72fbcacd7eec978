"""A local executor whose workers do what ``tests.workers`` says, and what there is to see of its processes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest

from ebmbench.execution import local
from ebmbench.execution.executor import Ended
from ebmbench.execution.local import LocalExecutor
from tests import workers

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")
PATIENCE = 60.0
"""Seconds that anything here is waited for."""


def soon(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether the condition comes true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process is there, and more than a record of its end."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@dataclass
class Engine:
    """A local executor, and the folders of what it runs."""

    executor: LocalExecutor
    root: Path
    target: Callable[..., None]
    """What its processes do."""
    submitted: int = 0

    def submit(self, *task: Any, n_concurrent: int = 0) -> str:
        """Begin with a task; its key."""
        key = f"{self.submitted:02d}{task[0]}"
        self.submitted += 1
        self.folder(key).mkdir(parents=True)
        self.submit_again(key, *task, n_concurrent=n_concurrent)
        return key

    def submit_again(self, key: str, *task: Any, n_concurrent: int = 0) -> None:
        """Begin with another task in the same folder."""
        (self.folder(key) / workers.TASK).write_text(json.dumps(task))
        with mock.patch.object(local, "enter", self.target):
            self.executor.submit(key, self.folder(key), n_concurrent)

    def folder(self, key: str) -> Path:
        """Where it works."""
        return self.root / key

    def begun(self, key: str) -> bool:
        """Whether it has come to its work."""
        return soon((self.folder(key) / workers.BEGUN).exists)

    def facts(self, key: str) -> dict[str, Any]:
        """What it has told."""
        path = self.folder(key) / workers.FACTS
        assert soon(path.exists)
        assert soon(path.read_text)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def end(self, count: int = 1, seconds: float = PATIENCE) -> list[Ended]:
        """Poll until so many have ended."""
        ended: list[Ended] = []

        def enough() -> bool:
            ended.extend(self.executor.poll(0.05))
            return len(ended) >= count

        assert soon(enough, seconds), ended
        assert len(ended) == count
        return ended

    def run(self, *task: Any) -> Ended:
        """A task from its beginning to its end."""
        key = self.submit(*task)
        (ended,) = self.end()
        assert ended.key == key
        return ended

    def pid(self, key: str) -> int:
        """The process that works on it."""
        return self.executor._running[key].pid

    @property
    def server(self) -> int:
        """The process that forks the workers."""
        assert self.executor._server is not None
        return self.executor._server
