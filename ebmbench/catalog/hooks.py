"""The hooks that plugins implement. A hook yields records; nothing heavy is imported until one is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from ebmbench.contracts.records import DatasetSpec, MethodSpec, MetricSpec, ReporterSpec, Track

if TYPE_CHECKING:
    from ebmbench.store.runs import RunResult, TrialResult

PROJECT = "ebmbench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ebmbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """The methods of a plugin: ``yield MethodSpec("nce", NCE, strategy=Strategy.C2, kind=..., summary="...")``."""


@hookspec
def ebmbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """The datasets of a plugin: ``yield DatasetSpec("moons", "my_package.moons:Moons", "two half circles")``."""


@hookspec
def ebmbench_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """The metrics of a plugin: ``yield MetricSpec("kl", kl, ...)``."""


@hookspec
def ebmbench_tracks() -> Iterable[Track]:  # type: ignore[empty-body]
    """What families of datasets are judged by: ``yield Track("plane", ...)``; a dataset names its own by ``track``."""


@hookspec
def ebmbench_reporters() -> Iterable[ReporterSpec]:  # type: ignore[empty-body]
    """What turns a finished run into a file: ``yield ReporterSpec("md", "my_package.report:markdown", ...)``."""


# --- observers: they hear about a run and write elsewhere; they never change a result ---------------------------------


@hookspec
def ebmbench_run_started(result: RunResult, to_run: int) -> None:
    """A run begins; ``to_run`` of its trials are not done yet."""


@hookspec
def ebmbench_trial_started(trial: TrialResult) -> None:
    """A worker has taken up a trial."""


@hookspec
def ebmbench_trial_finished(trial: TrialResult) -> None:
    """A trial has ended, well or not."""


@hookspec
def ebmbench_run_finished(result: RunResult) -> None:
    """All trials have ended and the tables are written."""
