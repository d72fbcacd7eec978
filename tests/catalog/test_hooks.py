"""The hooks that plugins implement: which there are, and that each is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from ebmbench.catalog import hooks
from ebmbench.catalog.loading import load_catalog

RECORDS = {"ebmbench_methods", "ebmbench_datasets", "ebmbench_metrics", "ebmbench_tracks", "ebmbench_reporters"}
"""Those that yield records, which a run asks for."""
EVENTS = {
    "ebmbench_run_started": ("result", "to_run"),
    "ebmbench_trial_started": ("trial",),
    "ebmbench_trial_finished": ("trial",),
    "ebmbench_run_finished": ("result",),
}
"""Those that hear about a run, with what they are told."""

NAMES = """
from ebmbench.api import Column, DatasetSpec, EnergyKind, MethodSpec, MetricSpec, ReporterSpec, Strategy, Track
from ebmbench.api import hookimpl
"""

PLUGIN = f"""
{NAMES}

def number(context):
    return 3.0

def text(report):
    return "text"

@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", "m:M", Strategy.C2, EnergyKind.DENSITY, "made up")

@hookimpl
def ebmbench_datasets():
    yield DatasetSpec("mine", "m:D", "made up")

@hookimpl
def ebmbench_metrics():
    yield MetricSpec("mine", number, "made up", unit="", direction="up", kinds=frozenset(EnergyKind))

@hookimpl
def ebmbench_tracks():
    columns = (Column("mine", "mine"),)
    yield Track("mine", "made up", columns, better="up", failed=0.0, tables=(), milestones=(), curve=columns[0])

@hookimpl
def ebmbench_reporters():
    yield ReporterSpec("mine", text, "made up", product="mine.txt")
"""


def specified() -> dict[str, tuple[str, ...]]:
    """The hooks with their arguments, as pluggy finds them."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    return {name: caller.spec.argnames for name, caller in vars(manager.hook).items() if caller.spec is not None}


def test_there_are_these_hooks_and_no_more() -> None:
    assert specified() == {**dict.fromkeys(RECORDS, ()), **EVENTS}


def test_every_hook_says_what_it_is_for() -> None:
    assert all(getattr(hooks, name).__doc__ for name in specified())


def test_each_hook_for_records_is_asked(single_files: Path) -> None:
    path = single_files / "mine.py"
    path.write_text(PLUGIN)
    catalog = load_catalog([path])
    assert not catalog.broken
    for name in RECORDS:
        component_type = name.removeprefix("ebmbench_")
        assert catalog.find(component_type, "mine").owner == str(path), component_type
    assert catalog.find("reporters", "mine").load()(None) == "text"
    assert catalog.find("metrics", "mine").load()(None) == 3.0


@pytest.mark.parametrize(
    ("hook", "record", "says"),
    [
        ("ebmbench_tracks", "ReporterSpec('mine', 'm:f', 'made up')", "expected a Track, got ReporterSpec"),
        ("ebmbench_reporters", "'mine'", "expected a ReporterSpec, got str"),
        (
            "ebmbench_tracks",
            "Track('mine', 'made up', 3, better='up', failed=0.0, tables=(), milestones=(), curve=Column('a', 'a'))",
            "'mine': columns: ",
        ),
        (
            "ebmbench_tracks",
            "Track('mine', 'x', (), better='most', failed=0.0, tables=(), milestones=(), curve=Column('a', 'a'))",
            "'mine': better: ",
        ),
        ("ebmbench_reporters", "ReporterSpec('mine', 7, 'made up')", "'mine': target"),
        ("ebmbench_reporters", "ReporterSpec('../mine', 'm:f', 'made up')", "'../mine': a name has letters, digits"),
        (
            "ebmbench_metrics",
            "MetricSpec('mine', 'm:f', 's', '', 'up', frozenset(EnergyKind), variants=('a b',))",
            "'a b': a name has letters",
        ),
    ],
)
def test_a_record_that_is_not_sound_is_one_line(single_files: Path, hook: str, record: str, says: str) -> None:
    path = single_files / "mine.py"
    path.write_text(f"{NAMES}\n\n@hookimpl\ndef {hook}():\n    yield {record}\n")
    (broken,) = load_catalog([path]).broken
    assert broken.error.startswith(f"{hook}: {says}")


def test_an_observer_takes_of_an_event_what_it_wants() -> None:
    """As pluggy does it: by name, all or some."""
    heard: list[Any] = []

    @hooks.hookimpl
    def ebmbench_run_started(to_run: int) -> None:
        heard.append(to_run)

    @hooks.hookimpl
    def ebmbench_trial_finished() -> None:
        heard.append("finished")

    manager = load_catalog().manager
    manager.register(
        SimpleNamespace(ebmbench_run_started=ebmbench_run_started, ebmbench_trial_finished=ebmbench_trial_finished)
    )
    manager.check_pending()
    manager.hook.ebmbench_run_started(result=None, to_run=5)
    manager.hook.ebmbench_trial_started(trial=None)
    manager.hook.ebmbench_trial_finished(trial=None)
    assert heard == [5, "finished"]
