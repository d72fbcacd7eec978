"""Markdown by templates: every name that goes into one is escaped, whatever it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ebmbench.analysis.boards import Board
from ebmbench.analysis.intervals import censored
from ebmbench.analysis.leaderboard import ARROWS, Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.analysis.tidy import time_to_target
from ebmbench.contracts.records import Column, flat_name
from ebmbench.report.remarks import notes
from ebmbench.report.report import Report
from ebmbench.report.templating import environment
from ebmbench.report.text import (
    GAP,
    GAPS,
    STANDING_HEAD,
    STANDS,
    cell,
    cost,
    escaped,
    facts,
    gap,
    heading,
    legend,
    mark,
    measured,
    number,
    ok,
    scale,
    seconds,
    standing_cells,
)

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _templates() -> Environment:
    """Whatever a template shows is escaped for Markdown; only what it holds itself is markup."""
    return environment(lambda value: value if isinstance(value, Markup) else escaped(str(value)))


class Markup(str):
    """What is Markdown already."""


def rendered(name: str, **values: Any) -> str:
    """A template of this package, filled."""
    return _templates().get_template(name).render(table=table, **values)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table in Markdown, its cells escaped."""
    lines = ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in (head, *rows)]
    return Markup("\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]))


def leaderboard(report: Report) -> str:
    """The leaderboard: methods by family, tables by dataset, times to the targets, notes."""
    board = report.leaderboard
    titles = [heading(board, column) for column in board.columns]
    head = ["", "method", "strategy", "kind", *titles, "train s", "Mpasses", "Mrows", "ok"]
    families = [(family, [_row(report, method) for method in members]) for family, members in board.families]
    boards = [(one.ruler, *_standings(board, one)) for one in board.boards]
    return rendered(
        "leaderboard.md.j2",
        suite=board.suite,
        facts=facts(report.conditions),
        boards=boards,
        stands=" ".join([STANDS, *[GAPS] * any(GAP in head for _, head, _ in boards)]),
        head=head,
        families=families,
        legend=Markup(legend(board)),
        tables=[
            (heading(board, column), ["method", *names], _by_dataset(board, column, names))
            for column, names in board.tables()
        ],
        times=list(_times(board)),
        notes=list(notes(report.table, board)),
    )


def _standings(board: Leaderboard, one: Board) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of a board, the optimality gap beside the ranks where it has one."""
    rows, head = [], list(STANDING_HEAD)
    place = head.index("ranks") + 1
    for standing, method in board.ordered(one):
        cells, missing = standing_cells(standing, method), gap(one, method)
        rows.append([*cells[:place], *([] if missing is None else [missing]), *cells[place:]])
    return [*head[:place], *[GAP] * (len(rows[0]) > len(head)), *head[place:]], rows


def _row(report: Report, method: MethodSummary) -> list[str]:
    board = report.leaderboard
    place = [mark(board, method), method.row, method.strategy.value, method.kind.value]
    costs = [seconds(method, report.conditions), cost(method, "passes", 1e6), cost(method, "rows", 1e6)]
    return [*place, *(cell(board, column, method) for column in board.columns), *costs, ok(method)]


def _by_dataset(board: Leaderboard, column: Column, names: Sequence[str]) -> list[list[str]]:
    _, times = scale(board, column)
    return [
        [method.row, *(measured(method.estimate(column.of(method.kind), [name]), times) for name in names)]
        for method in board.methods
    ]


def _times(board: Leaderboard) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """For each track with targets a title, a head and rows."""
    for track in board.tracks:
        if track.targets:
            words = ("Mpasses", "seconds", "reached")
            head = ["method", *(f"{word} to {target:g}" for target in track.targets for word in words)]
            rows = [[method.row, *_time_cells(method, track.targets)] for method in board.methods]
            yield track.curve.title, head, rows


def _time_cells(method: MethodSummary, targets: Sequence[float]) -> Iterator[str]:
    """Medians over trials with their spread; a method that half of its trials or more did not bring so far: a dash."""
    for target in targets:
        passes, seconds = (method.strata(time_to_target(cost, target)) for cost in ("passes", "train_seconds"))
        if not passes:
            yield from ("-", "-", "-")
            continue
        for found, per in ((censored(passes), 1e6), (censored(seconds), 1.0)):
            yield measured(found if math.isfinite(found.value) else None, 1 / per)
        reached = [math.isfinite(spent) for held in passes for spent in held]
        yield f"{sum(reached)}/{len(reached)}"


def every_metric(report: Report) -> str:
    """All metrics, a table each: medians over the seeds of the trials that ended well."""
    board, sections = report.leaderboard, []
    for metric in board.metrics:
        found = [_of_variant(board, metric.name, variant) for variant in metric.variants]
        if any(rows for _, rows in found):
            title = f"{escaped(metric.name)}{ARROWS.get(metric.direction, '')}"
            unit = f" ({escaped(metric.unit)})" if metric.unit else ""
            sections.append((Markup(title + unit), metric.summary, [part for part in found if part[1]]))
    return rendered("metrics.md.j2", suite=board.suite, sections=sections)


def _of_variant(board: Leaderboard, metric: str, variant: str) -> tuple[list[str], list[list[str]]]:
    """The table of one variant, with its name above; no rows when no method has a value."""
    name, rows = flat_name(metric, variant), []
    for method in board.methods:
        cells = [number(method.median(name, dataset, failures=False)) for dataset in board.datasets]
        rows += [[method.row, *cells]] if set(cells) != {"-"} else []
    return [variant or "method", *board.datasets], rows
