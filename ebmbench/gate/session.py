"""A gate as it is asked for: what is compared with what, on which suite; one at a time in a results folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from filelock import FileLock, Timeout

from ebmbench.errors import UsageError, printable
from ebmbench.gate.calibration import Calibration
from ebmbench.gate.gate import Gate, Settings
from ebmbench.gate.sides import Work
from ebmbench.gate.trees import base_tree, head_tree
from ebmbench.gate.verdicts import Judgement
from ebmbench.suite.loading import find_suite, read_suite
from ebmbench.suite.tree import plain
from ebmbench.training.machine import machine_id


@dataclass(frozen=True)
class Asked:
    """What the command line of ``gate`` says."""

    base: str
    suite: str
    results: Path
    folder: Path
    keyword: str | None = None
    overrides: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    minutes: float = 10.0
    everything: bool = False
    workers: int | None = None


def gate(asked: Asked) -> Judgement:
    """Compare.

    Raises:
        UsageError: if what is asked for cannot be.
    """
    if not asked.minutes > 0:
        raise UsageError(f"--budget-minutes {asked.minutes:g}: expected a positive number")
    head = head_tree(asked.folder)
    suite, source = read_suite(asked.suite, asked.overrides)
    file = find_suite(asked.suite).resolve()
    inside = file.is_relative_to(head.root)
    folder = file.parent.relative_to(head.root) if inside else Path(os.path.relpath(file.parent, head.root))
    document: Mapping[str, Any] = plain(source.tree)
    work = Work(dict(document), folder, asked.results, asked.keyword, (), _absolute(asked.plugins), asked.workers)
    place = asked.results / "gate"
    place.mkdir(parents=True, exist_ok=True)
    settings = Settings(asked.minutes, dict(suite.tolerances), asked.everything)
    calibration = Calibration.read(place / "calibration.jsonl", machine_id())
    try:
        with FileLock(place / ".lock", timeout=0), base_tree(head, asked.base, place) as base:
            return Gate(base, head, work, settings, calibration, place / "log.txt", _say).run()
    except Timeout:
        raise UsageError(f"{asked.results}: another gate is at work here; timings would be of both") from None


def _absolute(plugins: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(Path(plugin).resolve()) for plugin in plugins)


def _say(text: str) -> None:
    click.echo(printable(text), err=True)
