"""A worker's own process: in a group of its own, its output in its folder, and gone when its mother is."""

from __future__ import annotations

import faulthandler
import os
import sys
from multiprocessing import forkserver
from pathlib import Path


def enter(folder: Path, root: Path, memory: int, n_concurrent: int, forked: bool) -> None:
    """What the process of a trial does."""
    os.setpgid(0, 0)
    if forked:
        from ebmbench.execution.preload import die_with_server

        die_with_server()
        _let_go_of_server()
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for stream, number in ((null, 0), (log, 1), (log, 2)):
        os.dup2(stream, number)
    faulthandler.enable()
    from ebmbench.training.worker import main

    try:
        main(folder, root, memory, n_concurrent)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _let_go_of_server() -> None:
    """Close what keeps the server alive while a worker lives: it must end with the run, and the workers with it."""
    server = vars(forkserver)["_forkserver"]  # there is no public way to what multiprocessing hands to each child
    os.close(server._forkserver_alive_fd)
