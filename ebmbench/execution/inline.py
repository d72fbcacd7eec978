"""Trials in this very process, one after the other: for tests, and for breakpoints. No deadline, no cap of memory."""

from __future__ import annotations

from pathlib import Path

from ebmbench.execution.executor import Ended


class InlineExecutor:
    """The honest twin of ``LocalExecutor``: the same folders, without a process.

    Args:
        root: the results folder.
        debug: whether the debugger opens where a trial raises.
    """

    def __init__(self, root: Path, debug: bool = False) -> None:
        self.root, self.debug = root, debug
        self._ended: list[Ended] = []

    def submit(self, key: str, folder: Path, n_concurrent: int) -> None:
        """Do the trial now."""
        from ebmbench.training.worker import main

        main(folder, self.root, None, n_concurrent, self.debug)
        self._ended.append(Ended(key, 0))

    def poll(self, seconds: float) -> list[Ended]:
        """What was done since the last time."""
        ended, self._ended = self._ended, []
        return ended

    def cancel(self, key: str) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing is left."""
