"""Saved views, read as MLflow's pages read them."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from ebmbench.observers.mlflow_views import MAX_VIEWS, experiment_tags
from tests.factories import make_run, make_view


def views(*datasets: str) -> dict[str, dict[str, Any]]:
    """The state of each view by its name."""
    tags = experiment_tags(make_run(make_view(dataset=dataset) for dataset in datasets))
    assert tags.pop("mlflow.experimentKind") == "custom_model_development"
    assert all(key.startswith("mlflow.sharedViewState.") and len(value) < 5000 for key, value in tags.items())
    found = {}
    for value in tags.values():
        envelope = json.loads(value)
        header, _, packed = envelope["state"].partition(";")
        assert header == "deflate"
        found[envelope["name"]] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def test_a_view_for_each_dataset_once() -> None:
    found = views("moons", "rings", "moons")
    assert list(found) == ["moons: methods, means over seeds", "rings: methods, means over seeds"]
    filters = [state["searchFilter"] for state in found.values()]
    assert filters == [f"params.dataset = '{name}' and params.strategy != 'reference'" for name in ("moons", "rings")]


def test_the_charts_are_what_the_track_shows() -> None:
    (state,) = views("moons").values()
    lines = {chart["metricKey"]: chart for chart in state["compareRunCharts"] if chart["type"] == "LINE"}
    assert list(lines) == ["eval/kl", "eval/kl_beta"]
    assert all(line["selectedXAxisMetricKey"] == "training/passes" for line in lines.values())
    bars = [chart["metricKey"] for chart in state["compareRunCharts"] if chart["type"] == "BAR"]
    assert bars == ["eval/skill", "eval/kl", "eval/kl_beta", "training/train_seconds", "training/peak_bytes"]
    sections = {section["uuid"] for section in state["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == sections
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "label"}]


def test_a_name_that_would_break_the_query_has_no_view() -> None:
    assert list(views("a' or '1'='1", "moons\n", "<b>", "moons")) == ["moons: methods, means over seeds"]


def test_there_are_not_too_many() -> None:
    assert len(views(*(f"d{n}" for n in range(50)))) == MAX_VIEWS
