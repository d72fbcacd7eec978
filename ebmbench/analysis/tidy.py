"""One tidy table of a run: a row for each trial and metric, its costs and times to a target among them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ebmbench.contracts.records import EnergyKind, Track, flat_name
from ebmbench.store.records import RunRecord

FACTS = (
    "trial",
    "name",
    "method",
    "label",
    "grid_point",
    "strategy",
    "family",
    "kind",
    "reference",
    "dataset",
    "track",
    "seed",
    "device",
    "status",
    "error",
)
"""What is said of the trial on each of its rows."""
COSTS = ("train_seconds", "passes", "rows", "steps")
TYPES = {name: "bool" if name == "reference" else "int64" if name == "seed" else "category" for name in FACTS}


def tidy(trials: pd.DataFrame, metrics: pd.DataFrame, run: RunRecord) -> pd.DataFrame:
    """The columns of ``FACTS``, then ``metric``, ``variant``, ``number`` (the two in one), ``value``, ``note``.

    A trial without any number has one row, whose metric is missing.

    Args:
        trials: one row a trial.
        metrics: one row a number, at milestones and at the end.
        run: says how the data are judged.
    """
    final = metrics.loc[metrics["final"].astype(bool), ["trial", "metric", "variant", "value", "note"]]
    costs = trials.drop_duplicates("trial").melt("trial", list(COSTS), "metric").dropna(subset="value")
    spent = pd.DataFrame(_times(trials, metrics, run), columns=["trial", "metric", "value"])
    rows = pd.concat([final, costs.assign(variant="", note=""), spent.assign(variant="", note="")], ignore_index=True)
    pairs = rows[["metric", "variant"]].drop_duplicates()
    pairs["number"] = [flat_name(metric, variant) for metric, variant in pairs.itertuples(index=False)]
    table = trials[list(FACTS)].merge(rows.merge(pairs, on=["metric", "variant"]), on="trial", how="left", sort=False)
    types = {**TYPES, "metric": "category", "variant": "category", "number": "category", "value": "float64"}
    return table.astype(types)


def _times(trials: pd.DataFrame, metrics: pd.DataFrame, run: RunRecord) -> Iterator[tuple[str, str, float]]:
    """What each trial had spent when its curve first came within a target: infinite, if it never did."""
    for track in run.tracks:
        judged = trials[(trials["track"] == track.name) & trials["status"].notna() & (trials["status"] != "skipped")]
        for kind, members in judged.groupby("kind"):
            curve = _curve(metrics, track, EnergyKind(str(kind)))
            for target in track.targets:
                reached = curve[curve["value"] <= target].groupby("trial").first()
                for key in members["trial"].unique():
                    for cost in ("passes", "train_seconds"):
                        value = float(reached[cost][key]) if key in reached.index else math.inf
                        yield key, time_to_target(cost, target), value


def _curve(metrics: pd.DataFrame, track: Track, kind: EnergyKind) -> pd.DataFrame:
    """The rows of the metric that the track's targets are of, in the order of the steps."""
    name = track.curve.of(kind)
    held = [flat_name(m, v) == name for m, v in zip(metrics["metric"], metrics["variant"], strict=True)]
    return metrics[np.array(held, dtype=bool)].sort_values("step", kind="stable")


def time_to_target(cost: str, target: float) -> str:
    """The metric of what was spent until a target was reached: ``passes_to_0.1``."""
    return f"{cost}_to_{target:g}"
