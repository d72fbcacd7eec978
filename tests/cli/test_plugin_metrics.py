"""A plugin's metric is in the tables of the runs that loaded the plugin, and in no other's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import ebmbench
from ebmbench import session
from ebmbench.session import Options
from ebmbench.store.runs import RunResult

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick")]

PLUGIN = """
from ebmbench.api import EnergyKind, MetricSpec, NotApplicable, hookimpl


def peculiar(context):
    return 0.25


def absent(context):
    raise NotApplicable("a peculiar reason")


@hookimpl
def ebmbench_metrics():
    facts = {"unit": "", "direction": "up", "kinds": frozenset(EnergyKind), "on_board": True}
    yield MetricSpec("peculiar", peculiar, "a plugin's own", **facts)
    yield MetricSpec("absent", absent, "never there, which is peculiar", **facts)
"""
SUITE: dict[str, Any] = {
    "name": "one",
    "datasets": ["8gaussians"],
    "data": {"set": 200, "validation": 200, "test": 200},
    "methods": [{"name": "gmm", "components": 2}],
    "budget": {"steps": 5},
    "seeds": 1,
}


def run(folder: Path, name: str, *plugins: str) -> tuple[RunResult, str]:
    out = io.StringIO()
    options = Options(executor="inline", results=folder, plugins=plugins)
    return session.run({**SUITE, "name": name}, options, Console(file=out, width=200)), out.getvalue()


def written(result: RunResult) -> list[str]:
    """The products of a run, and of its suite, that speak of the plugin's metrics."""
    found = []
    for folder in (result.folder, result.store.suite_dir(result.record.suite)):
        for path in folder.iterdir():
            if path.suffix == ".parquet":
                text = pd.read_parquet(path).to_csv()
            else:
                text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
            found += [path.name] * ("peculiar" in text)
    return found


def test_a_metric_is_in_no_table_of_a_run_without_its_plugin(tmp_path: Path) -> None:
    """Another suite has the very trial; and the same suite is run again without the plugin, when nothing is to run."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    first, said = run(tmp_path / "results", "one", str(plugin))
    assert first.trials[0].values["peculiar"] == 0.25
    assert "peculiar" in said
    assert {"metrics.parquet", "leaderboard.md", "metrics.md"} <= set(written(first))
    for name in ("other", "one"):
        result, said = run(tmp_path / "results", name)
        assert "1 trials, 0 to run, 1 done before" in said
        assert "peculiar" not in said, name
        assert written(result) == [], name
        assert "peculiar" not in ebmbench.load(name, tmp_path / "results").metrics.to_csv()
    again, said = run(tmp_path / "results", "one", str(plugin))
    assert "0 to run" in said
    assert set(written(again)) == set(written(first))
