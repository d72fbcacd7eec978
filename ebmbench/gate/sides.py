"""The two sides of a gate at work: processes that run the code of one tree each, and answer."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from ebmbench.errors import UsageError
from ebmbench.gate.trees import Tree

PROBE = Path(__file__).with_name("probe.py")
NOTHING: Mapping[str, str] = MappingProxyType({})
PATIENCE = 600.0
"""Seconds that an answer is waited for, of whatever is not a trial."""


class SideFailed(UsageError):
    """A side could not do what was asked; the message is its own, after the name of the tree."""


@dataclass(frozen=True)
class Work:
    """What both sides are asked to work on.

    Attributes:
        suite: the suite as a mapping, in plain types.
        folder: where its relative paths start, relative to the root of a tree, or the same for both.
        results: the results folder.
        keyword: as on the command line of ``run``.
        plugins: single files, relative to the root of a tree, or the same for both.
        workers: trials at a time; None for as many as there are cores.
    """

    suite: dict[str, Any]
    folder: Path
    results: Path
    keyword: str | None = None
    plugins: tuple[Path, ...] = ()
    workers: int | None = None


class Side:
    """A process that runs the code of a tree; closed at the end of a ``with``.

    Args:
        tree: whose code.
        log: where what it prints goes.
        environment: variables of its process beside those of this one.
    """

    def __init__(self, tree: Tree, log: Path, environment: Mapping[str, str] = NOTHING) -> None:
        self.tree = tree
        path = os.pathsep.join(map(str, (*tree.packages, *tree.others)))
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(tree.python), "-P", str(PROBE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **environment, "PYTHONPATH": path},
            )

    def ask(self, do: str, seconds: float = PATIENCE, **of: Any) -> Any:
        """What it answers.

        Raises:
            SideFailed: if it raises, dies, or takes longer than so many seconds.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watch = threading.Timer(seconds, self._process.kill)
        watch.start()
        try:
            self._process.stdin.write(json.dumps({"do": do, "of": of}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late = not watch.is_alive()
            watch.cancel()
        if not line:
            code = self._process.wait()
            why = f"no answer in {seconds:.0f} s" if late else f"its process ended with code {code}"
            raise SideFailed(f"{self.tree.label}: {why}")
        said = json.loads(line)
        if "error" in said:
            raise SideFailed(f"{self.tree.label}: {said['error']}")
        return said["answer"]

    @property
    def lives(self) -> bool:
        """Whether it can be asked anything."""
        return self._process.poll() is None

    def open(
        self, work: Work, seeds: Sequence[int], methods: Sequence[str] | None = None, tolerant: bool = False
    ) -> None:
        """Read the suite and plan it.

        Args:
            work: what it is to be.
            seeds: instead of the suite's.
            methods: rows that are wanted; None for all.
            tolerant: entries that the tree cannot plan are left out.

        Raises:
            SideFailed: in its own words, if the suite is not usable there.
        """
        told = {
            "suite": {**work.suite, "seeds": list(seeds)},
            "folder": str(self.tree.root / work.folder),
            "results": str(work.results.resolve()),
            "keyword": work.keyword,
            "plugins": [str(self.tree.root / plugin) for plugin in work.plugins],
            "methods": None if methods is None else list(methods),
        }
        self.ask("open", told=told, tolerant=tolerant)

    def close(self) -> None:
        """End it, whatever it is at: nothing that it was asked is waited for."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def both(base: Tree, head: Tree, log: Path, environment: Mapping[str, str] = NOTHING) -> Iterator[tuple[Side, Side]]:
    """A process of each side, started beside each other."""
    with Side(base, log, environment) as first, Side(head, log, environment) as second:
        yield first, second
