"""Runs trials in worker processes, as many at a time as told, each under a deadline and a memory cap."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from ebmbench.contracts import Status
from ebmbench.harness.launchers import Exit, Launcher, LauncherLost, default_launcher
from ebmbench.harness.machine import machine_id
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import Attempt, TrialSpec
from ebmbench.suite.errors import EngineLost, printable

LOOK_EVERY = 0.1
"""Seconds between two looks at the running workers."""
GRACE = 2.0
"""Seconds between asking a process group to end and killing it."""
LOG_LINES = 50
MOST_LOSSES = 5
"""How often the process that starts workers may die in one run."""


@dataclass
class Running:
    """A worker at work."""

    folder: TrialFolder
    pid: int
    started: str
    neighbors: int
    begun: float = field(default_factory=time.monotonic)
    verdict: Status | None = None
    reason: str = ""
    asked_to_end: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.begun


class Supervisor:
    """Keeps ``workers`` trials running until none is left; a trial that dies takes nothing along.

    Args:
        store: where the trials are.
        workers: how many at a time.
        timeout: seconds of wall clock that a trial may take.
        memory: bytes that a trial may use beyond those of a fresh process.
        launcher: how processes are started.
    """

    def __init__(
        self,
        store: Store,
        workers: int,
        timeout: float,
        memory: int,
        launcher: Callable[[], Launcher] = default_launcher,
    ) -> None:
        self.store, self.workers, self.timeout, self.memory = store, workers, timeout, memory
        self._make_launcher = launcher
        self._launcher: Launcher | None = None
        self._running: dict[str, Running] = {}
        self._losses = 0

    def run(self, specs: Iterable[TrialSpec], started: Callable[[str], None] = lambda key: None) -> Iterator[str]:
        """Run the trials; the key of each as it ends, however it ended (its folder says how)."""
        waiting = deque(specs)
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.workers:
                    spec = waiting.popleft()
                    if spec.key in self._running:
                        waiting.append(spec)
                        break
                    try:
                        self._start(spec)
                    except LauncherLost:
                        waiting.appendleft(spec)
                        yield from self._recover()
                        continue
                    started(spec.key)
                yield from self._look()
        finally:
            self.close()

    def close(self) -> None:
        """Kill what runs; what had not ended will be run again."""
        for running in self._running.values():
            _signal_group(running.pid, signal.SIGKILL)
        self._running.clear()
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None

    def _start(self, spec: TrialSpec) -> None:
        folder = self.store.trial(spec.key)
        folder.begin(spec)
        neighbors = len(self._running)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        if self._launcher is None:
            self._launcher = self._make_launcher()
        root = self.store.root.resolve()
        pid = self._launcher.start(spec.key, folder.path.resolve(), root, self.memory, neighbors)
        self._running[spec.key] = Running(folder, pid, started, neighbors)

    def _look(self) -> Iterator[str]:
        assert self._launcher is not None
        try:
            exits = self._launcher.wait(LOOK_EVERY)
        except LauncherLost:
            yield from self._recover()
            return
        for ended in exits:
            yield self._end(ended)
        for running in self._running.values():
            self._judge(running)

    def _recover(self) -> Iterator[str]:
        """The launcher died and its workers with it: all of them crashed, and another one is started when needed.

        Raises:
            EngineLost: when that happens again and again.
        """
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None
        self._losses += 1
        if self._losses > MOST_LOSSES:
            raise EngineLost(f"the process that starts workers died {self._losses} times")
        for key in list(self._running):
            _signal_group(self._running[key].pid, signal.SIGKILL)
            yield self._end(Exit(key, None, "SIGKILL"))

    def _judge(self, running: Running) -> None:
        """See whether a worker is over its time or memory; ask its group to end, then kill it."""
        if running.asked_to_end is not None:
            if time.monotonic() - running.asked_to_end > GRACE:
                _signal_group(running.pid, signal.SIGKILL)
            return
        if running.seconds > self.timeout:
            running.verdict, running.reason = Status.TIMEOUT, f"not done after {self.timeout:g} s"
            running.asked_to_end = time.monotonic()
            _signal_group(running.pid, signal.SIGTERM)
            return
        used = _resident(running.pid)
        if used > self.memory + BASELINE:
            running.verdict = Status.OOM
            running.reason = f"used {used / 1e9:.1f} GB; the cap is {self.memory / 1e9:.1f} GB"
            running.asked_to_end = time.monotonic()
            _signal_group(running.pid, signal.SIGKILL)

    def _end(self, ended: Exit) -> str:
        """Make sure that the folder says how the trial ended."""
        running = self._running.pop(ended.id)
        if running.folder.status() is None:
            status = running.verdict or Status.CRASHED
            how = f"killed by {ended.signal}" if ended.signal else f"exited with code {ended.code} and no result"
            attempt = Attempt(
                status=status,
                error_type={Status.TIMEOUT: "Timeout", Status.OOM: "MemoryCap"}.get(status, "Crash"),
                message=running.reason or how,
                exit_code=ended.code,
                signal=ended.signal,
                stderr=_last_lines(running.folder.file("log.txt")),
                started=running.started,
                total_seconds=running.seconds,
                neighbors=running.neighbors,
                machine_id=machine_id(),
            )
            running.folder.finish(attempt)
        return ended.id


BASELINE = 600_000_000
"""Resident bytes of a worker that has done nothing yet: what is imported is not the trial's."""


def _resident(pid: int) -> int:
    """Resident bytes of a process and its children; 0 when it is gone."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for part in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += part.memory_info().rss
    return total


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, number)


def _last_lines(log: Path) -> tuple[str, ...]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ()
    return tuple(printable(line)[:500] for line in lines[-LOG_LINES:])
