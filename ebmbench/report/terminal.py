"""The leaderboard for a terminal of eighty characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Word
from ebmbench.errors import printable
from ebmbench.report.remarks import notes
from ebmbench.report.report import Report
from ebmbench.report.text import STANDING_HEAD, STANDS, cell, failures, legend, mark, number, standing_cells

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def leaderboard(report: Report) -> RenderableType:
    """What there is room for; Markdown and CSV have the rest."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    board = report.leaderboard
    columns = [column for column in board.columns if not column.wide]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in ("", "method", "strategy", *(column.title for column in columns), "train s", "ok"):
        left = title in ("", "method", "ok")
        table.add_column(title, justify="left" if left else "right", no_wrap=title not in ("method", "ok"))
    for family, members in board.families:
        table.add_row("", Text(family, style="italic"))
        for method in members:
            style = "dim" if method.reference else "bold" if method.row == board.best else ""
            cells = [mark(board, method), method.row, method.strategy.value]
            cells += [cell(board, column, method) for column in columns]
            cells += [number(method.cost("train_seconds")), failures(method)]
            table.add_row(*(Text(printable(text)) for text in cells), style=style)
        table.add_section()
    verdict = [part for one in board.boards for part in (Text(one.ruler.title, style="bold"), _standings(board, one))]
    remarks = [Text(f"- {printable(remark)}", style="yellow") for remark in notes(report.table, board)]
    said = [Text(words, style="dim") for words in ((STANDS,) if verdict else ()) + (legend(board),)]
    return Group(Text(f"\n{printable(board.suite)}", style="bold"), *verdict, table, *said, *remarks)


def _standings(board: Leaderboard, one: Board) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in _narrow(STANDING_HEAD):
        table.add_column(title, justify="right" if title == "times the best" else "left", no_wrap=title != "method")
    for standing, method in board.ordered(one):
        style = "bold" if standing.word is Word.BEST else ""
        table.add_row(*(Text(printable(text)) for text in _narrow(standing_cells(standing, method))), style=style)
    return table


def _narrow(cells: Sequence[str]) -> list[str]:
    """Without the strategy, for which there is no room: it stands in the table below."""
    return [*cells[:2], *cells[3:]]
