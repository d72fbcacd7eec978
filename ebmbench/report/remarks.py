"""What a reader must know beside the numbers: choices made, failures, and what was not measured and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.contracts.records import Status
from ebmbench.report.doubts import doubts

MAX_REASONS = 10
"""Reasons that are listed; metrics.parquet has the note of every number."""
INAPPLICABLE = "n/a"
"""What the note of a number begins with that a method or a dataset cannot have."""


def notes(table: pd.DataFrame, board: Leaderboard) -> Iterator[str]:
    """The remarks below a leaderboard, a sentence each.

    Args:
        table: the tidy table.
        board: says which of its trials stand in which row.
    """
    yield from _choices(board)
    yield from _failures(board)
    yield from doubts(board)
    noted = _noted(table, board)
    yield from _reasons(noted, noted)


def folded(table: pd.DataFrame, board: Leaderboard) -> Iterator[str]:
    """The same, but that one sentence says how much does not apply."""
    yield from _choices(board)
    yield from _failures(board)
    yield from doubts(board)
    noted = _noted(table, board)
    inapplicable = noted["note"].fillna("").str.startswith(INAPPLICABLE)
    yield from _reasons(noted[~inapplicable], noted)
    if inapplicable.any():
        metrics, rows = (noted.loc[inapplicable, name].nunique() for name in ("metric", "row"))
        yield f"what does not apply: {_count(metrics, 'metric')} of {_count(rows, 'method')}; see leaderboard.md"


def _choices(board: Leaderboard) -> Iterator[str]:
    for method in board.methods:
        if method.chosen:
            yield f"{method.row}: chosen on validation: {method.chosen}"


def _failures(board: Leaderboard) -> Iterator[str]:
    for method in board.methods:
        ended = zip(*(method.facts[name].astype(str).tolist() for name in ("status", "error")), strict=True)
        reasons = Counter(f"{status}: {error}" for status, error in ended if status != Status.OK)
        yield from (f"{method.row}: {count} x {reason}" for reason, count in reasons.most_common())


def _noted(table: pd.DataFrame, board: Leaderboard) -> pd.DataFrame:
    """What was measured of trials that ended well, with the ``row`` of each and its note, if it has one."""
    row_of = {name: method.row for method in board.methods for name in method.facts.index}
    measured = table[(table["status"] == Status.OK) & table["metric"].notna()]
    return measured.assign(row=measured["name"].map(row_of).astype("category")).dropna(subset="row")


def _reasons(those: pd.DataFrame, measured: pd.DataFrame) -> Iterator[str]:
    """The reasons why numbers are missing or not checked, those that concern most trials first."""
    noted = those[those["note"].fillna("") != ""]
    variants = {str(m): set(part.unique()) for m, part in measured.groupby("metric", observed=True)["variant"]}
    everyone = set(measured["row"].unique())
    groups = sorted(noted.groupby("note", sort=False), key=lambda group: -group[1]["name"].nunique())
    for reason, gap in groups[:MAX_REASONS]:
        rows, count = list(gap["row"].unique()), gap["name"].nunique()
        concerned = "all rows" if set(rows) == everyone else ", ".join(rows)
        names = [_name(str(m), list(part.unique()), variants[str(m)]) for m, part in _by_metric(gap)]
        yield f"{reason}: {', '.join(names)} ({concerned}; {_count(count, 'trial')})"
    if len(groups) > MAX_REASONS:
        yield f"{len(groups) - MAX_REASONS} more: see the notes in metrics.parquet"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' if n != 1 else ''}"


def _by_metric(gap: pd.DataFrame) -> list[tuple[object, pd.Series[str]]]:
    """The variants of each metric, in the order in which they were measured."""
    first = list(gap["metric"].unique())
    return sorted(gap.groupby("metric", observed=True)["variant"], key=lambda pair: first.index(pair[0]))


def _name(metric: str, those: list[str], known: set[str]) -> str:
    """A metric by its name alone, if all its variants are meant."""
    return metric if set(those) == known else f"{metric} {'/'.join(those)}"
