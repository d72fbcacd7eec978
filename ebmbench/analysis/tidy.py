"""One tidy table of a run: a row for each trial and metric, its costs and times to a target among them."""

from __future__ import annotations

import math

import pandas as pd

from ebmbench.contracts.records import EnergyKind, flat_name
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
    spent = _times(trials, metrics, run)
    rows = pd.concat([final, costs.assign(variant="", note=""), spent.assign(variant="", note="")], ignore_index=True)
    facts = trials[list(FACTS)].astype(TYPES)  # before the join, as codes are joined sooner than texts
    types = {"trial": facts["trial"].dtype, "metric": "category", "variant": "category", "value": "float64"}
    rows = rows.astype(types).assign(number=_flat_names(rows))
    return facts.merge(rows, on="trial", how="left", sort=False)


def _flat_names(rows: pd.DataFrame) -> pd.Series:
    """The flat name of each row's metric and variant."""
    pairs = rows[["metric", "variant"]].drop_duplicates()
    names = pairs.assign(number=list(map(flat_name, pairs["metric"], pairs["variant"]))).astype({"number": "category"})
    return rows[["metric", "variant"]].merge(names, how="left", on=["metric", "variant"])["number"].set_axis(rows.index)


def _times(trials: pd.DataFrame, metrics: pd.DataFrame, run: RunRecord) -> pd.DataFrame:
    """What each trial had spent when its curve first came within a target: infinite, if it never did.

    Returns:
        A row a trial, target and cost: trial, metric, value.
    """
    found, numbers = [pd.DataFrame(columns=["trial", "metric", "value"])], _flat_names(metrics)
    for track in run.tracks:
        judged = trials[(trials["track"] == track.name) & trials["status"].notna() & (trials["status"] != "skipped")]
        for kind, members in judged.groupby("kind"):
            curve = metrics[numbers == track.curve.of(EnergyKind(str(kind)))].sort_values("step", kind="stable")
            for target in track.targets:
                reached = curve[curve["value"] <= target].drop_duplicates("trial").set_index("trial")
                names = {cost: time_to_target(cost, target) for cost in ("passes", "train_seconds")}
                spent = reached[list(names)].astype(float).reindex(members["trial"].unique(), fill_value=math.inf)
                found.append(spent.rename(columns=names).melt(var_name="metric", ignore_index=False).reset_index())
    return pd.concat(found, ignore_index=True)


def time_to_target(cost: str, target: float) -> str:
    """The metric of what was spent until a target was reached: ``passes_to_0.1``."""
    return f"{cost}_to_{target:g}"
