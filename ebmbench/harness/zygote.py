"""A small process with everything heavy imported, that forks a worker for each trial in 20 ms instead of 2 s.

It speaks JSON lines: ``{"id", "folder", "root", "memory", "neighbors"}`` comes in; ``{"started": id, "pid"}`` and
``{"ended": id, "code", "signal"}`` go out. It imports no plugin, starts no thread, and dies with whoever started it,
taking its workers along, and their children: the end of its input says so. Only if both are killed at once are the
children of a plugin left to themselves; the workers still die with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

PRELOAD = (
    "numpy",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.mixture",
    "torch",
    "ebmbench.datasets.plane",
    "ebmbench.datasets.table",
    "ebmbench.harness.worker",
    "ebmbench.metrics.samples",
    "ebmbench.metrics.surface",
    "ebmbench.parts.autoencoder",
    "ebmbench.parts.samplers",
)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Zygote:
    """The workers that were forked and have not ended."""

    def __init__(self) -> None:
        self.workers: dict[int, str] = {}

    def fork(self, order: dict[str, Any]) -> None:
        """Start a worker in a process group of its own."""
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_worker(order, zygote)
        with contextlib.suppress(OSError):  # the child does it too: whoever comes first
            os.setpgid(pid, pid)
        self.workers[pid] = order["id"]
        _say({"started": order["id"], "pid": pid})

    def reap(self) -> None:
        """Report the workers that ended, after killing whatever they left in their group."""
        for pid in list(self.workers):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # the group's number is taken as long as its leader is not reaped
            _, status = os.waitpid(pid, 0)
            name_of_trial = self.workers.pop(pid)
            self._kill_orphans()
            code = os.waitstatus_to_exitcode(status)
            name = signal.Signals(-code).name if code < 0 else ""
            _say({"ended": name_of_trial, "code": None if code < 0 else code, "signal": name})

    def kill_all(self) -> None:
        """End every worker, its group, and what left the group."""
        for pid in self.workers:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.workers.clear()
        self._kill_orphans()

    def _kill_orphans(self) -> None:
        """End the processes of dead workers that made sessions of their own: they are the zygote's children by now."""
        while orphans := _children() - self.workers.keys():
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def _become_worker(order: dict[str, Any], zygote: int) -> None:
    """In the forked child: its own group, its own log, and never a return."""
    code = 70
    try:
        os.setpgid(0, 0)
        _die_with_parent(zygote)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        folder = Path(order["folder"])
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from ebmbench.harness.worker import main

        main(folder, Path(order["root"]), order["memory"], order["neighbors"])
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent(parent: int) -> None:
    """Be killed when the parent ends; at once, if it ended before the system could be told."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def _children() -> set[int]:
    """The numbers of this process's children, where the system tells."""
    try:
        return {int(pid) for pid in Path("/proc/self/task", str(os.getpid()), "children").read_text().split()}
    except OSError:
        return set()


def _say(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _preload() -> None:
    import importlib

    for name in PRELOAD:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)


def main() -> None:
    """Read orders until the other side is gone."""
    _adopt_orphans()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)

    def on_child(signum: int, frame: FrameType | None) -> None:
        """The wakeup pipe says it all."""

    signal.signal(signal.SIGCHLD, on_child)
    _preload()
    zygote = Zygote()
    try:
        _serve(zygote, wake_read)
    except BrokenPipeError:
        pass  # whoever started this process is gone
    finally:
        zygote.kill_all()


def _serve(zygote: Zygote, wake_read: int) -> None:
    """Fork as ordered and report what ends, until the orders end."""
    buffer = b""
    _say({"ready": True})
    while True:
        readable, _, _ = select.select([0, wake_read], [], [])
        if wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            zygote.reap()
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                return
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                zygote.fork(json.loads(line))


if __name__ == "__main__":
    main()
