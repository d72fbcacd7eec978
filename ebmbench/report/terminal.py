"""The leaderboard for a terminal, as wide as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Word, behind_best
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.errors import printable
from ebmbench.report.fitting import Field, table
from ebmbench.report.remarks import folded
from ebmbench.report.report import Report
from ebmbench.report.text import (
    GAP,
    GAPS,
    STANDING_HEAD,
    STANDS,
    cell,
    cost,
    facts,
    gap,
    heading,
    legend,
    mark,
    ok,
    seconds,
    standing_cells,
    times_the_best,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

NAME, OUTCOME, PLACE = 20, 10, 14
"""How narrow names of methods, what became of trials, and names of datasets may become."""
RANKS = {"worst": 1, "strategy": 2, GAP: 3}
"""In which order the columns of a board are given room; those that are not here have it always."""
OWN_FACTORS = 4
"""Those on each dataset come last."""


def leaderboard(report: Report) -> RenderableType:
    """What there is room for; Markdown and CSV have the rest."""
    return _Shown(report)


@dataclass(frozen=True)
class _Shown:
    """A leaderboard that learns of its width when it is printed."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The boards, the averages, and what is to be known of them."""
        from rich.text import Text

        board, width = self.report.leaderboard, options.max_width
        yield Text(f"\n{printable(board.suite)}", style="bold")
        yield Text(printable(facts(self.report.conditions)), style="dim")
        for one in board.boards:
            yield Text(f"\n{printable(one.ruler.title)}\n", style="bold")
            yield _standings(board, one, width)
        yield Text()
        yield _averages(self.report, width)
        yield Text()
        for words in (*_legends(board), legend(board)):
            yield Text(printable(words), style="dim")
        for remark in folded(self.report.table, board):
            yield Text(f"- {printable(remark)}", style="yellow")


def _legends(board: Leaderboard) -> Iterator[str]:
    if board.boards:
        yield STANDS
    if any(one.ruler.scale == "gap" for one in board.boards):
        yield GAPS


def _standings(board: Leaderboard, one: Board, width: int) -> Table:
    """A board; with the factors on each dataset where there is room for all of them."""
    pairs = board.ordered(one)
    rows = [standing_cells(standing, method) for standing, method in pairs]
    fields = [_field(title, [row[k] for row in rows]) for k, title in enumerate(STANDING_HEAD)]
    missing = [gap(one, method) for _, method in pairs]
    if None not in missing:
        place = STANDING_HEAD.index("ranks") + 1
        fields.insert(place, Field(GAP, [cell or "-" for cell in missing], RANKS[GAP]))
    behind = behind_best(one.losses)
    if len(behind) > 1:
        own = [
            Field(str(name), [times_the_best(behind.loc[name, standing.row]) for standing, _ in pairs], OWN_FACTORS)
            for name in behind.index
        ]
        fields[-1:-1] = own
    return table(fields, width, ["bold" if standing.word is Word.BEST else "" for standing, _ in pairs])


def _field(title: str, cells: Sequence[str]) -> Field:
    """A column of a board."""
    wraps = {"method": NAME, "worst": PLACE, "ok": OUTCOME}.get(title, 0)
    return Field(title, cells, RANKS.get(title, 0), title == "times the best", wraps)


def _averages(report: Report, width: int) -> Table:
    """The methods of each family below its name."""
    board = report.leaderboard
    rows: list[MethodSummary | str] = []
    ends = []
    for family, members in board.families:
        rows += [family, *members]
        ends.append(len(rows) - 1)
    styles = [_style(board, row) for row in rows]
    return table(list(_fields(report, rows)), width, styles, ends)


def _style(board: Leaderboard, row: MethodSummary | str) -> str:
    if isinstance(row, str):
        return "italic"
    return "dim" if row.reference else "bold" if row.row == board.best else ""


def _fields(report: Report, rows: Sequence[MethodSummary | str]) -> Iterator[Field]:
    """All that could be said of the methods, the headline and what is narrow first."""
    board = report.leaderboard
    methods = [row for row in rows if not isinstance(row, str)]

    def field(title: str, cells: Sequence[str], rank: int, right: bool = True, wraps: int = 0) -> Field:
        found = iter(cells)
        return Field(title, ["" if isinstance(row, str) else next(found) for row in rows], rank, right, wraps)

    yield field("", [mark(board, method) for method in methods], 0)
    yield Field("method", [row if isinstance(row, str) else row.row for row in rows], 0, right=False, wraps=NAME)
    yield field("strategy", [method.strategy.value for method in methods], 30, right=False)
    yield field("kind", [method.kind.value for method in methods], 60, right=False)
    for k, column in enumerate(board.columns):
        cells = [cell(board, column, method).replace(" (", "\n(") for method in methods]
        yield field(heading(board, column), cells, k + 40 * column.wide)
    yield field("train s", [seconds(method, report.conditions) for method in methods], 20)
    for title, name in (("Mpasses", "passes"), ("Mrows", "rows")):
        yield field(title, [cost(method, name, 1e6) for method in methods], 50)
    yield field("ok", [ok(method) for method in methods], 0, right=False, wraps=OUTCOME)
