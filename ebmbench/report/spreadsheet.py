"""Tables for other programs: CSV in long form, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.profiles import optimality_gap
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
    "spread",
    "unit",
    "trials",
    "failed",
)


def leaderboard(report: Report) -> str:
    """A line for each method, dataset (``all`` for the aggregate) and metric that the suite asks for.

    ``low`` and ``high`` are of an interval, ``spread`` is half of the range over seeds.
    """
    board, out = report.leaderboard, io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for method in board.methods:
        facts, counts = _facts(method), [len(method.facts), sum(method.failures.values())]
        for place, metric, found, unit in _lines(board, method):
            numbers = [_blank(x) for x in (found.value, found.low, found.high, found.spread)]
            writer.writerow([*facts, inert(place), metric, *numbers, inert(unit), *counts])
    return out.getvalue()


def _lines(board: Leaderboard, method: MethodSummary) -> Iterator[tuple[str, str, Estimate, str]]:
    """Dataset, metric, number and unit of all that is said of a method."""
    for cell in board.metrics:
        for name in (flat_name(cell.name, variant) for variant in cell.variants):
            for place, datasets in (("all", None), *((dataset, [dataset]) for dataset in board.datasets)):
                found = method.estimate(name, datasets)
                if found is not None:
                    yield place, name, found, cell.unit
    for one in board.boards:
        standing = one.of(method.row)
        if standing is not None:
            yield "all", f"times_the_best_{one.ruler.metric}", standing.factor, ""
            if one.ruler.scale == "gap" and (strata := method.strata(one.ruler.metric, one.datasets)):
                yield "all", f"optimality_gap_{one.ruler.metric}", optimality_gap(strata), ""
    for cost in COSTS:
        spent = method.estimate(cost)
        if spent is not None:
            yield "all", cost, spent, "s" if cost == "train_seconds" else ""


def _blank(value: float | None) -> float | str:
    return "" if value is None else value


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
