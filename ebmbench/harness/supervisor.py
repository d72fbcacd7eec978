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
from filelock import FileLock

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
ASK_EVERY = 1.0
"""Seconds until a trial that another run works on is asked for again."""


@dataclass(frozen=True)
class Order:
    """A trial to be run, if it is not done by then.

    Attributes:
        spec: the trial.
        retry: an attempt that did not end well is made again.
        fresh: whatever there is of it is dropped.
    """

    spec: TrialSpec
    retry: bool = False
    fresh: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        spec = self.spec
        return f"{spec.method.name}/{spec.dataset.name}/{spec.seed}/{spec.device.name}"


@dataclass
class Running:
    """A worker at work, and the claim that this run has on its trial."""

    order: Order
    folder: TrialFolder
    claim: FileLock
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

    Several may work on one store: each trial is claimed by one of them, and the others wait for what came of it.
    A worker that somebody killed (SIGKILL, and not by us) is started once more: it goes on from its last snapshot.

    Args:
        store: where the trials are.
        workers: how many at a time.
        timeout: seconds of wall clock that a trial may take.
        memory: bytes that a trial may use beyond those of a fresh process.
        launcher: how processes are started.
        notice: is told what a person would want to know.
    """

    def __init__(
        self,
        store: Store,
        workers: int,
        timeout: float,
        memory: int,
        launcher: Callable[[], Launcher] = default_launcher,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.store, self.workers, self.timeout, self.memory = store, workers, timeout, memory
        self._make_launcher, self._notice = launcher, notice
        self._launcher: Launcher | None = None
        self._waiting: deque[Order] = deque()
        self._elsewhere: list[Order] = []
        self._asked = 0.0
        self._running: dict[str, Running] = {}
        self._restarted: set[str] = set()
        self._told: set[str] = set()
        self._losses = 0

    def run(self, orders: Iterable[Order], started: Callable[[str], None] = lambda key: None) -> Iterator[str]:
        """Run the trials; the key of each as it ends, however it ended (its folder says how)."""
        coming = iter(orders)  # a record at a time: there may be a hundred thousand of them
        try:
            while True:
                self._ask_again()
                while len(self._running) < self.workers:
                    order = self._waiting.popleft() if self._waiting else next(coming, None)
                    if order is None:
                        break
                    try:
                        yield from self._begin(order, started)
                    except LauncherLost:
                        self._waiting.appendleft(order)
                        yield from self._recover()
                if self._running:
                    yield from self._look()
                elif self._elsewhere:
                    time.sleep(LOOK_EVERY)
                elif not self._waiting:
                    return
        finally:
            self.close()

    def close(self) -> None:
        """Kill what runs; what had not ended will be run again."""
        for running in self._running.values():
            _signal_group(running.pid, signal.SIGKILL)
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None
        for running in self._running.values():
            running.claim.release()
        self._running.clear()

    def _ask_again(self) -> None:
        """Now and then, see whether other runs have done with their trials."""
        if self._elsewhere and time.monotonic() - self._asked > ASK_EVERY:
            self._waiting.extend(self._elsewhere)
            self._elsewhere.clear()
            self._asked = time.monotonic()

    def _begin(self, order: Order, started: Callable[[str], None]) -> Iterator[str]:
        """Start a worker for the trial, unless another run works on it, or has done it by now."""
        folder = self.store.trial(order.spec.key)
        claim = folder.claim()
        if claim is None:
            if order.spec.key not in self._told:
                self._told.add(order.spec.key)
                self._notice(f"{order.name}: another run works on it; this one takes over what comes of it")
            # what it will have left is new, however it ended
            self._elsewhere.append(Order(order.spec))
            return
        try:
            if not order.retry and not order.fresh and folder.finished(order.spec):
                yield order.spec.key
                return
            self._prepare(folder, order)
            self._start(folder, order, claim)
        finally:
            if order.spec.key not in self._running:
                claim.release()
        started(order.spec.key)

    def _prepare(self, folder: TrialFolder, order: Order) -> None:
        """Make the folder ready: what is damaged is set aside, what is to be forgotten goes."""
        _, damage = folder.check()
        if damage:
            place = folder.set_aside(self.store)
            self._notice(f"{order.name}: {damage}; set aside in {place}, and run again")
        if order.fresh:
            folder.forget()
        folder.begin(order.spec)

    def _start(self, folder: TrialFolder, order: Order, claim: FileLock) -> None:
        neighbors = len(self._running)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        if self._launcher is None:
            self._launcher = self._make_launcher()
        root = self.store.root.resolve()
        pid = self._launcher.start(order.spec.key, folder.path.resolve(), root, self.memory, neighbors)
        self._running[order.spec.key] = Running(order, folder, claim, pid, started, neighbors)

    def _look(self) -> Iterator[str]:
        assert self._launcher is not None
        try:
            exits = self._launcher.wait(LOOK_EVERY)
        except LauncherLost:
            yield from self._recover()
            return
        for ended in exits:
            yield from self._end(ended)
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
            yield from self._end(Exit(key, None, "SIGKILL"))

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

    def _end(self, ended: Exit) -> Iterator[str]:
        """Make sure that the folder says how the trial ended; its key, if that was the end of it."""
        running = self._running.pop(ended.id)
        try:
            if running.folder.status() is not None:
                yield ended.id
                return
            attempt = _cut_short(running, ended)
            if ended.signal == "SIGKILL" and running.verdict is None and ended.id not in self._restarted:
                self._restarted.add(ended.id)
                running.folder.record(attempt)
                self._notice(f"{running.order.name}: its worker was killed; it is started once more")
                self._waiting.appendleft(Order(running.order.spec))
                return
            running.folder.finish(attempt)
            yield ended.id
        finally:
            running.claim.release()


def _cut_short(running: Running, ended: Exit) -> Attempt:
    """The record of an attempt whose worker left none."""
    status = running.verdict or Status.CRASHED
    how = f"killed by {ended.signal}" if ended.signal else f"exited with code {ended.code} and no result"
    return Attempt(
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
