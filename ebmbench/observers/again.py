"""The one command that runs a trial again by itself, where a debugger can look at it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ebmbench.errors import printable
from ebmbench.store.folders import DEFAULT_RESULTS


@dataclass(frozen=True)
class Again:
    """What a trial hangs on beside its name.

    Attributes:
        suite: its file or name.
        results: the results folder.
        plugins, overrides, seeds: as they were given on the command line of ``run``.
    """

    suite: str
    results: Path = DEFAULT_RESULTS
    plugins: Sequence[str] = ()
    overrides: Sequence[str] = ()
    seeds: int | None = None

    def command(self, trial: str) -> str:
        """It can be pasted into a shell."""
        words = ["ebmbench", "run", self.suite, "-k", trial, "--retry-failed", "--executor", "inline", "--pdb"]
        words += [word for plugin in self.plugins for word in ("-p", plugin)]
        words += [word for override in self.overrides for word in ("--set", override)]
        words += ["--seeds", str(self.seeds)] if self.seeds is not None else []
        words += ["--results", str(self.results)] if self.results != DEFAULT_RESULTS else []
        return printable(shlex.join(words))
