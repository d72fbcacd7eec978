"""Under which conditions a run's numbers were made, and how they are made again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ebmbench.report.report import Report
from ebmbench.store.records import TrialSpec


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """What a reader must know before any number: a name and a value each."""
    yield from _settings(report)
    run, conditions = report.run, report.conditions
    if run.revision is not None:
        yield "commit", run.revision.commit[:12] + (" with changes" if run.revision.dirty else "")
    if run.machine:
        facts = run.machine
        yield (
            "machine",
            f"{facts.get('processor', '?')}, {facts.get('cores', '?')} cores, {facts.get('memory_gb', '?')} GB",
        )
    yield "trials", f"{conditions.trials}" + (f", {conditions.at_once} at a time" if conditions.at_once else "")
    loaded = f"{len(conditions.loaded)} of {conditions.known} trials (†)" if conditions.known else "not known"
    yield "seconds measured under load", loaded
    yield "versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield "started", run.started


def _settings(report: Report) -> Iterator[tuple[str, str]]:
    """What every trial might spend and was given: those of the first of each dataset, for a suite may sweep them."""
    firsts = {trial.view.dataset: trial for trial in reversed(report.result.trials)}
    specs = [spec for spec in (trial.spec for trial in firsts.values()) if spec is not None]
    budgets = dict.fromkeys(_spent(spec) for spec in specs)
    regimes = dict.fromkeys(_regime(spec) for spec in specs)
    if specs:
        yield "budget of a trial", " or ".join(budgets)
        yield "training data", " or ".join(regimes)


def _spent(spec: TrialSpec) -> str:
    return f"{spec.budget.passes:,} passes" if spec.budget.passes is not None else f"{spec.budget.steps:,} steps"


def _regime(spec: TrialSpec) -> str:
    return "a stream of fresh rows" if spec.data.train == "stream" else f"the same {spec.data.train:,} rows"


def commands(report: Report) -> Iterator[str]:
    """What makes the run and the page again."""
    suite = shlex.quote(report.run.suite)
    yield f"ebmbench run {suite}"
    yield f"ebmbench report {suite} --format html -o report.html"
