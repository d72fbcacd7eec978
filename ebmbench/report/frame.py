"""The leaderboard as a pandas frame: what a notebook shows and goes on computing with."""

from __future__ import annotations

import pandas as pd

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.analysis.tidy import COSTS
from ebmbench.report.report import Report


def leaderboard(report: Report) -> pd.DataFrame:
    """One row a method, by its name: those of the first board first, the best at the head, then the reference rows.

    ``stands``, ``times_best``, ``low``, ``high`` are of the first board (the factor over the best, with its 95 %
    interval); then come the leaderboard's columns, by the flat names of their metrics (where an energy only ranks, at
    its fitted temperature), and what training cost: means over datasets of medians over seeds. ``ok`` of ``trials``
    have ended well.
    """
    board = report.leaderboard
    order = {standing.row: k for k, standing in enumerate(board.boards[0].standings)} if board.boards else {}
    methods = sorted(board.methods, key=lambda method: order.get(method.row, len(order)))
    rows = [_row(board, method) for method in methods]
    return pd.DataFrame(rows, index=pd.Index([method.row for method in methods], name="method"))


def _row(board: Leaderboard, method: MethodSummary) -> dict[str, object]:
    standing = board.boards[0].of(method.row) if board.boards else None
    ends = ("value", "low", "high")
    factor = [None if standing is None else getattr(standing.factor, end) for end in ends]
    found: dict[str, object] = {
        "strategy": method.strategy.value,
        "kind": method.kind.value,
        "stands": "" if standing is None else standing.word.value,
        **dict(zip(("times_best", "low", "high"), factor, strict=True)),
    }
    for column in board.columns:
        estimate = method.estimate(column.of(method.kind), board.datasets_of(column))
        found[column.metric] = None if estimate is None else estimate.value
    costs = {name: method.cost(name) for name in COSTS}
    counts = {"ok": len(method.facts) - sum(method.failures.values()), "trials": len(method.facts)}
    return {**found, **costs, **counts}
