"""Imported once by the process that forks the workers: all that is heavy, and what makes it a good mother.

It speaks to nobody: ``multiprocessing``'s fork server does. It imports no plugin and starts no thread. It adopts the
children of dead workers, and when it ends (its parent is gone) it takes all of its own along.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import os
import signal
import sys
from pathlib import Path

import torch

PRELOAD = (
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.mixture",
    "ebmbench.datasets.plane",
    "ebmbench.datasets.table",
    "ebmbench.metrics.samples",
    "ebmbench.metrics.surface",
    "ebmbench.parts.autoencoder",
    "ebmbench.parts.samplers",
    "ebmbench.training.worker",
)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SERVER = os.getpid()
"""The process that imported this first: the mother of all workers that are forked from it."""


def die_with_server() -> None:
    """Be killed when the server ends; at once, if it ended before the system could be told."""
    if sys.platform.startswith("linux") and os.getpid() != SERVER:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != SERVER:
            os.kill(os.getpid(), signal.SIGKILL)


def _end_children() -> None:
    """Kill the workers, their groups, and the orphans that were adopted."""
    if os.getpid() != SERVER:
        return
    with contextlib.suppress(OSError):
        while children := Path("/proc/self/task", str(SERVER), "children").read_text().split():
            for pid in map(int, children):
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


for name in PRELOAD:
    importlib.import_module(name)
torch.set_num_threads(1)
if sys.platform.startswith("linux"):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
with contextlib.suppress(OSError):
    os.setsid()  # the terminal's signals are for the run, which decides what becomes of its workers
atexit.register(_end_children)
