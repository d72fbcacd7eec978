"""Under which conditions a run's numbers were made, and how they are made again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pandas as pd

from ebmbench.report.report import Report


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """What a reader must know before any number: a name and a value each."""
    run, table = report.run, report.trials
    spec = next((trial.spec for trial in report.result.trials if trial.spec is not None), None)
    if spec is not None:
        spent = f"{spec.budget.passes:,} passes" if spec.budget.passes is not None else f"{spec.budget.steps:,} steps"
        yield "budget", f"{spent} for each trial"
        yield (
            "training data",
            "a stream of fresh rows" if spec.data.train == "stream" else f"the same {spec.data.train:,} rows",
        )
    if run.revision is not None:
        yield "commit", run.revision.commit[:12] + (" with changes" if run.revision.dirty else "")
    yield from _machine(report, table)
    yield "versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield "started", run.started


def _machine(report: Report, table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    facts = report.run.machine
    if facts:
        yield (
            "machine",
            f"{facts.get('processor', '?')}, {facts.get('cores', '?')} cores, {facts.get('memory_gb', '?')} GB",
        )
    beside = table["n_concurrent"].dropna()
    if len(beside):
        yield "trials beside each other", f"{int(beside.median()) + 1} (median), {int(beside.max()) + 1} at most"


def commands(report: Report) -> Iterator[str]:
    """What makes the run and the page again."""
    suite = shlex.quote(report.run.suite)
    yield f"ebmbench run {suite}"
    yield f"ebmbench report {suite} --format html -o report.html"
