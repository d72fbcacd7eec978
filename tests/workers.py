"""What workers do in tests of executors: a worker's process imports this module, and does what stands in its folder."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ebmbench.execution.process import enter

TASK, FACTS, BEGUN = "task.json", "facts.json", "begun"
PR_SET_PDEATHSIG = 1


def work(folder: Path, root: Path, memory: int, n_concurrent: int, forked: bool) -> None:
    """In the place of ``process.enter``: all that it does, but for the trial."""
    before = sorted(sys.modules)
    from ebmbench.training import worker

    def main(*arguments: Any) -> None:
        perform(folder, before=before, arguments=[str(argument) for argument in arguments])

    worker.main = main  # type: ignore[assignment]
    enter(folder, root, memory, n_concurrent, forked)


def bare(folder: Path, root: Path, memory: int, n_concurrent: int, forked: bool) -> None:
    """The same from a server that has imported nothing, which starts at once."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)
    perform(folder)


def perform(folder: Path, **known: Any) -> None:
    """Do the task, which is the name of a function below and its arguments."""
    name, *arguments = json.loads((folder / TASK).read_text())
    if name == "tell":
        tell(folder, **known)
    else:
        TASKS[name](folder, *arguments)


def nothing(folder: Path) -> None:
    """End well."""


def tell(folder: Path, **known: Any) -> None:
    """Write what there is to know of this process."""
    import torch

    print("said on standard output")
    print("said on standard error", file=sys.stderr)
    facts = {
        **known,
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgrp(),
        "stdin": sys.stdin.read() if sys.stdin else "",
        "threads": threading.active_count(),
        "torch_threads": torch.get_num_threads(),
        "omp": os.environ.get("OMP_NUM_THREADS"),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "files": sorted(map(int, os.listdir("/proc/self/fd"))),
    }
    (folder / FACTS).write_text(json.dumps(facts))


def leave(folder: Path, code: int) -> None:
    """End at once with a code."""
    os._exit(code)


def raises(folder: Path) -> None:
    """Raise what nobody catches."""
    raise RuntimeError("no luck")


def die(folder: Path, number: int) -> None:
    """End by a signal."""
    os.kill(os.getpid(), number)
    time.sleep(60)


def sleep(folder: Path) -> None:
    """Work for longer than any test."""
    (folder / BEGUN).touch()
    time.sleep(600)


def stubborn(folder: Path) -> None:
    """The same, and not to be talked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep(folder)


def eat(folder: Path, size: int) -> None:
    """Hold so many bytes."""
    held = bytearray(b"x") * size
    sleep(folder)
    del held


def leave_child(folder: Path, own_session: bool, stay: bool) -> None:
    """Start a process that sleeps; then stay beside it, or end well."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=own_session)
    (folder / FACTS).write_text(json.dumps({"child": child.pid}))
    if stay:
        sleep(folder)


TASKS = {f.__name__: f for f in (nothing, leave, raises, die, sleep, stubborn, eat, leave_child)}
