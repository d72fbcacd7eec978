"""Trials on this machine, a process each: forked from a server that has imported all that is heavy, or fresh."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import humanize
import psutil

from ebmbench.contracts.records import Status
from ebmbench.errors import EngineLost
from ebmbench.execution.executor import Ended
from ebmbench.execution.process import enter

FORKS = sys.platform.startswith("linux")
"""Whether forking after heavy imports is safe."""
GRACE = 2.0
"""Seconds between asking a process group to end and killing it."""
MAX_LOSSES = 5
"""How often the process that forks workers may die in one run."""
PATIENCE = 4
"""How many deadlines of wall clock a trial may take: it may wait for a busy machine, and may not hang."""
BASELINE = 600_000_000
"""Resident bytes of a worker that has done nothing yet: what is imported is not the trial's."""
SERVER_GONE = 255
"""What a worker's exit code reads when the server died that should have told it."""
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass
class Running:
    """A worker at work."""

    process: BaseProcess
    begun: float = field(default_factory=time.monotonic)
    verdict: Status | None = None
    reason: str = ""
    asked_to_end: float | None = None

    @property
    def pid(self) -> int:
        """Its process, and its group once it has made one."""
        return self.process.pid or 0


class LocalExecutor:
    """A process for each trial, under a deadline and a cap of memory.

    Args:
        root: the results folder.
        timeout: seconds of processor time that a trial may take on each of its threads, and ``PATIENCE`` times as many
            of the wall clock: a busy machine makes no difference, and what hangs is ended.
        memory: bytes that a trial may use beyond those of a fresh process.
        threads: that a trial computes with.
        forks: whether workers are forked from a server, in 0.1 s and not 3.
    """

    def __init__(self, root: Path, timeout: float, memory: int, threads: int = 1, forks: bool = FORKS) -> None:
        self.root, self.timeout, self.memory, self.threads, self.forks = root, timeout, memory, threads, forks
        self._context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
        self._running: dict[str, Running] = {}
        self._server: int | None = None
        self._losses = 0

    def submit(self, key: str, folder: Path, n_concurrent: int) -> None:
        """Start a worker."""
        if self.forks and not self._running:
            self._context.set_forkserver_preload(["ebmbench.execution.preload"])
        arguments = (folder, self.root, self.memory, n_concurrent, self.forks)
        process = self._context.Process(target=enter, args=arguments, name=key)
        with _alone():
            try:
                process.start()
            except (EOFError, ConnectionError, BrokenPipeError):  # the server died since the last start
                self._lose()
                process = self._context.Process(target=enter, args=arguments, name=key)
                process.start()
        self._running[key] = Running(process)
        if self.forks:
            with contextlib.suppress(psutil.Error):
                self._server = psutil.Process(process.pid).ppid()

    def poll(self, seconds: float) -> list[Ended]:
        """The workers that ended; those over their time or memory are asked to end, then killed."""
        wait([running.process.sentinel for running in self._running.values()], seconds)
        done = {key: running for key, running in self._running.items() if not running.process.is_alive()}
        lost = any(running.process.exitcode == SERVER_GONE for running in done.values()) and not self._server_lives()
        ended = [self._ended(key, running, lost) for key, running in done.items()]
        if lost:
            self._lose()
        for running in self._running.values():
            self._judge(running)
        return ended

    def cancel(self, key: str) -> None:
        """Kill a worker and its group."""
        running = self._running.pop(key)
        _signal_group(running.pid, signal.SIGKILL)
        running.process.join()
        self._kill_orphans()

    def close(self) -> None:
        """Kill what runs, and the server: the next run must not find modules of an older text in it."""
        for key in list(self._running):
            self.cancel(key)
        if self._server is not None:
            with contextlib.suppress(OSError):
                os.kill(self._server, signal.SIGKILL)
                os.waitid(os.P_PID, self._server, os.WEXITED | os.WNOWAIT)  # multiprocessing itself reaps it
            self._server = None

    def _ended(self, key: str, running: Running, lost: bool) -> Ended:
        del self._running[key]
        code = running.process.exitcode
        _signal_group(running.pid, signal.SIGKILL, alone=False)  # whatever it left in its group
        running.process.close()
        self._kill_orphans()
        if code == SERVER_GONE and lost:
            code = -signal.SIGKILL
        name = signal.Signals(-code).name if code is not None and code < 0 else ""
        return Ended(key, None if name else code, name, running.verdict, running.reason)

    def _judge(self, running: Running) -> None:
        """See whether a worker is over its time or memory; ask its group to end, then kill it."""
        now = time.monotonic()
        if running.asked_to_end is not None:
            if now - running.asked_to_end > GRACE:
                _signal_group(running.pid, signal.SIGKILL)
            return
        spent, used = _usage(running.pid)
        waited = now - running.begun
        if spent > self.timeout * self.threads or waited > self.timeout * PATIENCE:
            clock = f"{spent:.3g} s of processor time and {waited:.3g} s in all"
            running.verdict, running.reason = Status.TIMEOUT, f"not done after {clock}"
            running.asked_to_end = now
            _signal_group(running.pid, signal.SIGTERM)
            return
        if used > self.memory + BASELINE:
            running.verdict = Status.OOM
            running.reason = f"used {humanize.naturalsize(used)}; the cap is {humanize.naturalsize(self.memory)}"
            running.asked_to_end = now
            _signal_group(running.pid, signal.SIGKILL)

    def _server_lives(self) -> bool:
        """Whether it does; its pipes close a little before it is seen to have ended."""
        deadline = time.monotonic() + 1
        while self._server is not None and time.monotonic() < deadline:
            try:
                if os.waitid(os.P_PID, self._server, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return False
            except OSError:
                return False
            time.sleep(0.02)
        return self._server is not None

    def _lose(self) -> None:
        """The server died, and its workers with it; another one is started with the next trial.

        Raises:
            EngineLost: when that happens again and again.
        """
        self._server = None
        self._losses += 1
        if self._losses > MAX_LOSSES:
            raise EngineLost(f"the process that starts workers died {self._losses} times")

    def _kill_orphans(self) -> None:
        """End the processes of dead workers that left their groups: they are the server's children by now."""
        if self._server is None:
            return
        known = {running.pid for running in self._running.values()}
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._server).children():
                if child.pid not in known:
                    with contextlib.suppress(psutil.Error):
                        child.kill()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Processes that are started inside do not import this program's main module, and compute with one thread."""
    main, before = sys.modules["__main__"], {name: os.environ.get(name) for name in SINGLE_THREAD}
    sys.modules["__main__"] = ModuleType("__main__")
    os.environ.update(SINGLE_THREAD)
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _usage(pid: int) -> tuple[float, int]:
    """Seconds of processor time, and resident bytes, of a process and its children; nothing when it is gone."""
    seconds, resident = 0.0, 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for part in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error), part.oneshot():
                seconds += sum(part.cpu_times()[:4])  # user and system, its own and those of children that ended
                resident += part.memory_info().rss
    return seconds, resident


def _signal_group(pid: int, number: signal.Signals, alone: bool = True) -> None:
    """To all of a group; or to the process, as long as it has not made one (``alone``)."""
    try:
        os.killpg(pid, number)
    except OSError:
        if alone:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
