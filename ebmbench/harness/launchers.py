"""Starting worker processes: forked from a zygote where that is safe, fresh interpreters elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Exit:
    """How a worker process ended: its exit code, or the signal that killed it."""

    id: str
    code: int | None
    signal: str


class Launcher(Protocol):
    """Starts workers and says when they end."""

    def start(self, id: str, folder: Path, root: Path, memory: int, neighbors: int) -> int:
        """Start the worker of a trial; its process (and process group) number."""
        ...

    def wait(self, seconds: float) -> list[Exit]:
        """The workers that ended, after waiting for one at most so long."""
        ...

    def close(self) -> None:
        """End everything that still runs."""
        ...


class LauncherLost(Exception):
    """The process that starts workers is gone."""


class ForkLauncher:
    """Workers forked from a zygote with everything heavy imported."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ebmbench.harness.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **SINGLE_THREAD},
        )
        self._buffer = b""
        self._exits: list[Exit] = []
        self._await("ready")

    def start(self, id: str, folder: Path, root: Path, memory: int, neighbors: int) -> int:
        """Order a fork and wait for its process number."""
        order = {"id": id, "folder": str(folder), "root": str(root), "memory": memory, "neighbors": neighbors}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise LauncherLost from None
        return int(self._await("started", id)["pid"])

    def wait(self, seconds: float) -> list[Exit]:
        """The exits reported within the time."""
        if not self._exits:
            self._read(seconds)
        exits, self._exits = self._exits, []
        return exits

    def close(self) -> None:
        """Closing its input makes the zygote kill its workers and leave."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # what was not written yet has no reader any more
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _await(self, kind: str, id: str | None = None) -> dict[str, Any]:
        while True:
            for message in self._read(None):
                if kind in message and (id is None or message[kind] == id):
                    return message

    def _read(self, seconds: float | None) -> list[dict[str, Any]]:
        """Messages that came within the time (None: until one does); exits are put aside as well."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return []
        data = os.read(descriptor, 65536)
        if not data:
            raise LauncherLost
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        messages = [json.loads(line) for line in lines]
        self._exits += [Exit(m["ended"], m["code"], m["signal"]) for m in messages if "ended" in m]
        return messages


class SpawnLauncher:
    """A fresh interpreter for each worker: slower to start, safe everywhere."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, id: str, folder: Path, root: Path, memory: int, neighbors: int) -> int:
        """Start ``python -m ebmbench.harness.worker`` in a session of its own."""
        command = [sys.executable, "-m", "ebmbench.harness.worker", str(folder), str(root), str(memory), str(neighbors)]
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **SINGLE_THREAD},
            )
        self._processes[id] = process
        return process.pid

    def wait(self, seconds: float) -> list[Exit]:
        """The processes that ended within the time."""
        if self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                next(iter(self._processes.values())).wait(seconds)
        exits = []
        for id, process in list(self._processes.items()):
            code = process.poll()
            if code is not None:
                _kill_group(process.pid)
                name = signal.Signals(-code).name if code < 0 else ""
                exits.append(Exit(id, None if code < 0 else code, name))
                del self._processes[id]
        return exits

    def close(self) -> None:
        """Kill what runs."""
        for process in self._processes.values():
            _kill_group(process.pid)
            process.wait()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(pid, signal.SIGKILL)


def default_launcher() -> Launcher:
    """Forking on Linux; fresh interpreters elsewhere, where forking after imports is not safe."""
    return ForkLauncher() if sys.platform.startswith("linux") else SpawnLauncher()
