"""A gate as it is asked for: what is compared with what, on which suite; one at a time in a results folder."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ebmbench.errors import UsageError
from ebmbench.gate import benchmarks
from ebmbench.gate.calibration import Calibration, Null, keep
from ebmbench.gate.gate import Gate, Settings
from ebmbench.gate.sides import Work
from ebmbench.gate.stored import Table, against
from ebmbench.gate.trees import Tree, head_tree, tree_of
from ebmbench.gate.verdicts import Judgement, Measure
from ebmbench.suite.loading import find_suite, read_suite
from ebmbench.suite.tree import plain
from ebmbench.training.machine import machine_id

CALIBRATION = "calibration.jsonl"
TOLERANCE = 0.05
"""By how much a benchmark's time may differ, where the suite says nothing."""


@dataclass(frozen=True)
class Asked:
    """What the command line of ``gate`` says.

    Attributes:
        folder: somewhere in the checkout that is judged.
        results: the results folder; what gates keep is below ``gate`` in it.
        suite: a file or a name; None for ``smoke``, or the suite that a table is of.
        keyword, overrides, plugins, workers: as on the command line of ``run``.
        minutes: after which nothing new is begun.
        everything: also what the change does not touch is measured.
        notice: is told what is under way.
    """

    folder: Path
    results: Path
    suite: str | None = None
    keyword: str | None = None
    overrides: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    workers: int | None = None
    minutes: float = 10.0
    everything: bool = False
    notice: Callable[[str], None] = lambda text: None


def with_base(asked: Asked, reference: str) -> Judgement:
    """The working tree against a commit.

    Raises:
        UsageError: if what is asked for cannot be.
    """
    head = head_tree(asked.folder)
    work, settings = prepared(asked, head, asked.suite or "smoke")
    return _gate(asked, head, reference, work, settings)


def calibrate(asked: Asked) -> Judgement:
    """The last commit against itself: what it finds is noise, and is kept.

    Raises:
        UsageError: if the tree differs from the commit, or what is asked for cannot be.
    """
    head = head_tree(asked.folder)
    if head.dirty:
        raise UsageError(
            "--calibrate: the working tree has changes; both sides must be the same code: commit them first"
        )
    work, settings = prepared(asked, head, asked.suite or "smoke")
    alike = Settings(settings.minutes, settings.tolerances, True, frozenset({Measure.TIME}))
    found = _gate(asked, head, "HEAD", work, alike)
    timed = [one for one in found.findings if one.measure is Measure.TIME and one.change is not None]
    nulls = [Null(found.machine, one.method, math.log(one.change or 1.0), one.pairs) for one in timed]
    keep(asked.results / "gate" / CALIBRATION, nulls)
    return found


def with_table(asked: Asked, folder: Path) -> Judgement:
    """The working tree against a table of trials that was kept.

    Raises:
        UsageError: if what is asked for cannot be.
    """
    table, head = Table.read(folder), head_tree(asked.folder)
    work, settings = prepared(asked, head, asked.suite or folder.resolve().name)
    with alone(asked.results) as place:
        return against(table, head, work, settings, place / "log.txt", asked.notice)


def with_benchmarks(asked: Asked, base: Path, head: Path) -> Judgement:
    """Two files of pytest-benchmark.

    Raises:
        UsageError: if they are none, or of different machines.
    """
    suite, _ = read_suite(asked.suite or "smoke", asked.overrides)
    return benchmarks.judge(base, head, suite.tolerances.get("time", TOLERANCE))


def _gate(asked: Asked, head: Tree, reference: str, work: Work, settings: Settings) -> Judgement:
    with alone(asked.results) as place, tree_of(head, reference, place, "base", "--base") as base:
        calibration = Calibration.read(place / CALIBRATION, machine_id())
        return Gate(base, head, work, settings, calibration, place / "log.txt", asked.notice).run()


def prepared(asked: Asked, head: Tree, reference: str) -> tuple[Work, Settings]:
    """The suite, which both sides are to run as head has it."""
    if not 0 < asked.minutes < math.inf:
        raise UsageError(f"--budget-minutes {asked.minutes:g}: expected a positive number")
    suite, source = read_suite(reference, asked.overrides)
    if not (head.packages or suite.plugins or asked.plugins):
        raise UsageError(
            f"{head.root}: nothing of this repository is on the path of this Python, so that both sides would be "
            "the same code; install it with pip install -e ."
        )
    folder = _within(head.root, find_suite(reference).parent)
    plugins = tuple(_within(head.root, Path(plugin)) for plugin in asked.plugins)
    work = Work(dict(plain(source.tree)), folder, asked.results, asked.keyword, plugins, asked.workers)
    return work, Settings(asked.minutes, dict(suite.tolerances), asked.everything)


def _within(root: Path, path: Path) -> Path:
    """The path from the root of a tree, so that each side finds its own; what is not of the checkout is both sides'."""
    path = path.resolve()
    installed = path.is_relative_to(Path(sys.prefix).resolve())
    return path if installed or not path.is_relative_to(root) else path.relative_to(root)


@contextmanager
def alone(results: Path) -> Iterator[Path]:
    """The folder of the gates, for one of them."""
    place = results / "gate"
    place.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place / ".lock", timeout=0):
            yield place
    except Timeout:
        raise UsageError(f"{results}: another gate is at work here, and timings would be of both") from None
