"""What the mirror says of a run: the boards as metrics, and the leaderboard as its description."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.analysis.tidy import COSTS
from ebmbench.observers.mlflow_trial import LIMIT

MAX_NAME_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 7900


def summary_metrics(board: Leaderboard) -> dict[str, float]:
    """How each method stands on each board, its averages, failures and costs, by names that MLflow takes.

    An infinite factor, which is that of a method that failed on a whole dataset, is left out: the database would store
    a number.
    """
    found: dict[str, float] = {}
    for name, value in _summary(board):
        if value is not None and abs(value) < LIMIT:
            found[_unique(metric_name(name), found)] = value
    return found


def _summary(board: Leaderboard) -> Iterator[tuple[str, float | None]]:
    """What is said of all methods stands together, the best first, as the pages list it."""
    for one in board.boards:
        title = one.ruler.title.lower()
        for end in ("value", "low", "high"):
            name = f"{title}/times_best" if end == "value" else f"{title}/times_best_{end}"
            for standing in one.standings:
                yield f"{name}/{standing.row}", getattr(standing.factor, end)
    for method in board.methods:
        yield from _averages(board, method)
    for method in board.methods:
        yield f"failures/{method.row}", float(method.failed.sum())
    for cost in COSTS:
        for method in board.methods:
            yield f"training/{cost}/{method.row}", method.cost(cost)


def _averages(board: Leaderboard, method: MethodSummary) -> Iterator[tuple[str, float | None]]:
    """The headline of each track; where energies that only rank have another one, that is a metric of its own."""
    for name in dict.fromkeys(track.headline.of(method.kind) for track in board.tracks):
        estimate = method.estimate(name)
        yield f"{name}/{method.row}", None if estimate is None else estimate.value


def metric_name(name: str) -> str:
    """A name of MLflow's alphabet, that is no path to elsewhere."""
    parts = [re.sub(r"[^A-Za-z0-9_\-.]+", "_", part).strip("_") for part in name.split("/")]
    return "/".join(part if part.strip(".") else "_" for part in parts)[:MAX_NAME_LENGTH].rstrip("/")


def _unique(name: str, taken: dict[str, float]) -> str:
    """Names that differ in what MLflow does not take are counted."""
    n = 2
    while (free := name if n == 2 else f"{name}-{n - 1}") in taken:
        n += 1
    return free


def description(leaderboard: str) -> str:
    """The leaderboard in Markdown without its title, as many of its sections as MLflow has room for."""
    title, _, rest = leaderboard.partition("\n")
    leaderboard = rest.lstrip() if title.startswith("# ") else leaderboard
    if len(leaderboard) <= MAX_DESCRIPTION_LENGTH:
        return leaderboard
    head = leaderboard[:MAX_DESCRIPTION_LENGTH]
    kept = head.rpartition("\n## ")[0] or head.rpartition("\n")[0]
    return f"{kept.rstrip()}\n\nThe rest stands in leaderboard.md, among the artifacts.\n"
