"""How the mirror is looked at: MLflow's pages of models, and saved views of them whose charts say something.

A saved view is a tag of the experiment, which the pages offer under "Views". Its format is MLflow's own and may change;
where it is not understood the pages are as they would be without it.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

from ebmbench.contracts.records import Strategy, Track
from ebmbench.identity.canonical import sha256
from ebmbench.store.records import RunRecord

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Earlier versions go by this; later ones by what a reader chose last, or by the address that they came with."""
MAX_VIEWS = 12
PASSES = "training/passes"


def experiment_tags(record: RunRecord) -> dict[str, str]:
    """The tags of a suite's experiment: its kind, and a saved view for each dataset."""
    tracks = {view.dataset: record.track(view.track) for view in record.trials}
    usable = {name: track for name, track in tracks.items() if re.fullmatch(r"[\w.\-]+", name, re.ASCII)}
    views = dict(_view(name, track) for name, track in list(usable.items())[:MAX_VIEWS])
    return {**KIND, **views}


def _view(dataset: str, track: Track) -> tuple[str, str]:
    """The trials on a dataset, a color a method and the mean over seeds: curves over passes, then bars.

    Reference rows are left out: the truth's own loss would stretch every logarithmic axis.
    """
    curves = [f"eval/{name}" for name in dict.fromkeys((track.curve.metric, track.curve.ranking)) if name]
    headline = f"eval/{track.headline.metric}"
    bars = [headline, *curves, "training/train_seconds", "training/peak_bytes"]
    charts = [_line(name, logarithmic=bool(track.targets)) for name in curves] + [_bar(name) for name in bars]
    state = {
        "searchFilter": f"params.dataset = '{dataset}' and params.strategy != '{Strategy.REFERENCE.value}'",
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "label"}]},
        "runsHiddenMode": "SHOW_ALL",
        "selectedColumns": [f"metrics.`{name}`" for name in bars],
        "compareRunCharts": charts,
        "isAccordionReordered": True,
        "compareRunSections": [
            {"uuid": "curves", "name": "Curves over passes", "display": True, "isReordered": True},
            {"uuid": "ends", "name": "At the end", "display": True, "isReordered": True},
        ],
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    name = f"{dataset}: methods, means over seeds"
    view = {"name": name, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"}
    return f"mlflow.sharedViewState.{sha256(name)[:16]}", json.dumps(view)


def _chart(kind: str, section: str, metric: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"{section}-{metric}",
        "metricSectionId": section,
        "metricKey": metric,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
    }


def _bar(metric: str) -> dict[str, Any]:
    return _chart("BAR", "ends", metric)


def _line(metric: str, logarithmic: bool) -> dict[str, Any]:
    return {
        **_chart("LINE", "curves", metric),
        "selectedMetricKeys": [metric],
        "xAxisKey": "metric",
        "selectedXAxisMetricKey": PASSES,
        "xAxisScaleType": "log",
        "scaleType": "log" if logarithmic else "linear",
        "range": {},
        "lineSmoothness": 0,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": False,
        "yAxisKey": "metric",
        "yAxisExpressions": [],
    }
