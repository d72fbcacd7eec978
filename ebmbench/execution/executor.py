"""What an engine is: it takes trials, says when they end, and gives them up when it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ebmbench.contracts.records import Status


@dataclass(frozen=True)
class Ended:
    """How the work on a trial ended, as far as the engine knows: what counts is what lies in its folder.

    Attributes:
        key: of the trial.
        code: exit code of its process, if it has one.
        signal: name of the signal that ended it.
        verdict: why the engine ended it itself: ``timeout``, ``oom``.
        reason: the same in words.
    """

    key: str
    code: int | None = None
    signal: str = ""
    verdict: Status | None = None
    reason: str = ""


class Executor(Protocol):
    """Runs ``worker.main`` on trial folders, which are all that goes in and comes out."""

    def submit(self, key: str, folder: Path, n_concurrent: int) -> None:
        """Begin with a trial, beside so many others."""
        ...

    def poll(self, seconds: float) -> list[Ended]:
        """The trials that ended, after waiting for one at most so long.

        Raises:
            EngineLost: if no trial can be run any more.
        """
        ...

    def cancel(self, key: str) -> None:
        """End the work on a trial; nothing is heard of it any more."""
        ...

    def close(self) -> None:
        """End all work, and leave nothing behind."""
        ...
