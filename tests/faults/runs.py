"""Runs as processes of their own, told apart by a token in their environment, so that none can be overlooked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
TOKEN = "EBMBENCH_TEST_TOKEN"
FORKSERVER = ("from multiprocessing.forkserver import main", "ebmbench.execution.preload")
"""What the command line of a process that forks workers says."""


def environment(token: str, **more: str) -> dict[str, str]:
    """Every process of a run can be told by the token."""
    return {**os.environ, TOKEN: token, "COLUMNS": "200", **more}


def alive(token: str) -> list[psutil.Process]:
    """The processes of a run that still live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def soon(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition comes true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def listening() -> None:
    """Of a process that begins: it hears signals even where the tests themselves do not (nohup)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass
class Place:
    """A folder with the plugin, a suite and its results."""

    folder: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def command(self) -> list[str]:
        return [EBMBENCH, "run", "faults.yaml", "--json"]

    def start(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        """Start a run in the background, listening to signals even where the tests themselves do not (nohup)."""
        return subprocess.Popen(
            [*self.command, *options],
            cwd=self.folder,
            env=environment(self.token, **environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=listening,
        )

    def run(self, *options: str, **environ: str) -> Outcome:
        process = self.start(*options, **environ)
        return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> Outcome:
        try:
            out, err = process.communicate(timeout=150)
        finally:
            for left in alive(self.token) if process.poll() is None else []:
                left.kill()
        return Outcome(process.returncode, out, err)

    def attempts(self, key: str) -> list[dict[str, Any]]:
        path = self.folder / "results" / "trials" / key[:2] / key / "attempts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def curve(self, key: str) -> list[dict[str, Any]]:
        path = self.folder / "results" / "trials" / key[:2] / key / "curve.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def log(self, key: str) -> bytes:
        return (self.folder / "results" / "trials" / key[:2] / key / "log.txt").read_bytes()

    def worker_at(self, method: str) -> psutil.Process | None:
        """The process that works on a trial of the method, once it has come to its steps."""
        workers = workers_of(self.token)
        for path in (self.folder / "results" / "trials").glob("*/*/trial.json"):
            if json.loads(path.read_text())["method"]["name"] == method and not path.with_name("DONE").exists():
                return workers[0] if workers and workers[0].cpu_times().user > 0.2 else None
        return None


def servers_of(token: str) -> list[psutil.Process]:
    """The processes of a run that fork its workers: one, or none."""
    family = _forked(token)
    others = {process.pid for process in alive(token)} - {process.pid for process in family}
    return [process for process in family if parent(process) in others]


def workers_of(token: str) -> list[psutil.Process]:
    """The processes of a run that work on trials."""
    servers = {server.pid for server in servers_of(token)}
    return [process for process in _forked(token) if parent(process) in servers]


def _forked(token: str) -> list[psutil.Process]:
    """Servers and workers: a fork has the command line of what it was forked from."""
    return [process for process in alive(token) if all(word in " ".join(cmdline(process)) for word in FORKSERVER)]


def parent(process: psutil.Process) -> int:
    """The number of the parent; 0 when it is gone."""
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def cmdline(process: psutil.Process) -> list[str]:
    """How a process was started; empty when it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@dataclass
class Outcome:
    """What a run said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def trials(self) -> dict[str, dict[str, Any]]:
        return {trial["name"].partition("/")[0]: trial for trial in json.loads(self.out)["trials"]}
