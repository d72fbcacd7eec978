"""Tables for other programs: CSV in long form, JSON."""

from __future__ import annotations

import csv
import io
import json
import math

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.analysis.tidy import COSTS, FACTS
from ebmbench.contracts.records import flat_name
from ebmbench.report.report import Report
from ebmbench.report.text import inert

HEAD = (
    "label",
    "strategy",
    "family",
    "kind",
    "reference",
    "dataset",
    "metric",
    "value",
    "low",
    "high",
    "trials",
    "failed",
)


def leaderboard(report: Report) -> str:
    """A line for each method, dataset (``all`` for the aggregate) and metric that the suite asks for."""
    board, out = report.leaderboard, io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    asked = [flat_name(cell.name, variant) for cell in board.metrics for variant in cell.variants]
    for method in board.methods:
        facts, counts = _facts(method), [len(method.facts), sum(method.failures.values())]
        for metric in asked:
            whole = method.estimate(metric)
            if whole is not None:
                writer.writerow([*facts, "all", metric, whole.value, "", "", *counts])
            for dataset in board.datasets:
                value = method.median(metric, dataset)
                if value is not None:
                    writer.writerow([*facts, inert(dataset), metric, value, "", "", *counts])
        for one in board.boards:
            standing = one.of(method.row)
            if standing is not None:
                ends = (standing.factor.value, standing.factor.low, standing.factor.high)
                writer.writerow([*facts, "all", f"times_the_best_{one.ruler.metric}", *ends, *counts])
        for cost in COSTS:
            mean = method.cost(cost)
            if mean is not None:
                writer.writerow([*facts, "all", cost, mean, "", "", *counts])
    return out.getvalue()


def _facts(method: MethodSummary) -> list[object]:
    return [inert(method.row), method.strategy.value, method.strategy.family, method.kind.value, method.reference]


def numbers(report: Report) -> str:
    """A line for each trial that has ended, a column for each number: ranks and marks can be computed again."""
    table = report.table[report.table["status"].notna()]
    facts = table[[name for name in FACTS if name != "trial"]].drop_duplicates("name").set_index("name")
    measured = table[table["number"].notna()]
    values = measured.pivot(index="name", columns="number", values="value")
    asked = [flat_name(cell.name, variant) for cell in report.run.metrics for variant in cell.variants]
    columns = [name for name in (*asked, *COSTS) if name in values]
    texts = facts.astype(object).map(lambda value: inert(value) if isinstance(value, str) else value)
    return texts.join(values[columns]).to_csv(lineterminator="\n")


def trials(report: Report) -> str:
    """One record a trial, with its final numbers by flat name; what JSON has no number for is a word or null."""
    records = json.loads(report.trials.to_json(orient="records"))
    final = report.metrics[report.metrics["final"].astype(bool)]
    held: dict[str, dict[str, object]] = {}
    for trial, metric, variant, value in final[["trial", "metric", "variant", "value"]].itertuples(index=False):
        held.setdefault(trial, {})[flat_name(metric, variant)] = _plain(value)
    return json.dumps([{**record, "metrics": held.get(record["trial"], {})} for record in records], indent=1) + "\n"


def _plain(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
