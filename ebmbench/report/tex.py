"""Tables for a paper: the boards and the headline as LaTeX with booktabs; whatever a name holds, it is text there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Word
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Track
from ebmbench.errors import printable
from ebmbench.report.report import Report
from ebmbench.report.templating import environment
from ebmbench.report.text import STANDING_HEAD, STANDS, number, standing_cells

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_COLUMNS = 6
"""Datasets side by side; more stand in a table of their own."""
RIGHT = ("times the best", "ranks")
SIGNS = {
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\char34{}",
    "`": "\\textasciigrave{}",
    "²": "\\textsuperscript{2}",
    "₂": "\\textsubscript{2}",
    "↑": "$\\uparrow$",
    "↓": "$\\downarrow$",
    "→": "$\\to$",
    "×": "$\\times$",
    "±": "$\\pm$",
    "…": "\\dots{}",
    "–": "--",
}
"""What stands for a character that LaTeX does not take for itself."""
ACCENTS = {
    "\u0300": "\\`",
    "\u0301": "\\'",
    "\u0302": "\\^",
    "\u0303": "\\~",
    "\u0304": "\\=",
    "\u0306": "\\u",
    "\u0307": "\\.",
    "\u0308": '\\"',
    "\u030a": "\\r",
    "\u030b": "\\H",
    "\u030c": "\\v",
    "\u0327": "\\c",
}
"""The commands of accents over a letter."""
GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)


@dataclass(frozen=True)
class Table:
    r"""One ``table`` environment.

    Attributes:
        label: what ``\ref`` finds it by.
        caption: what stands above it.
        align: a letter a column.
        head: what stands above the columns.
        groups: of rows, a line between them.
        bold: the cells (group, row, column) that are best.
    """

    label: str
    caption: str
    align: str
    head: Sequence[str]
    groups: Sequence[Sequence[Sequence[str]]]
    bold: frozenset[tuple[int, int, int]] = frozenset()


class Source(str):
    """What is LaTeX already."""


def leaderboard(report: Report) -> str:
    """A table for each board, and one of methods by datasets for each headline."""
    board = report.leaderboard
    tables = [_board(board, one, first=k == 0) for k, one in enumerate(board.boards)]
    tables += [part for track in board.tracks for part in _headlines(board, track) if board.methods]
    return (
        _templates().get_template("leaderboard.tex.j2").render(suite=board.suite, tables=tables, head=_head, row=_row)
    )


@cache
def _templates() -> Environment:
    """Whatever a template shows is escaped for LaTeX; only what it holds itself is source."""
    return environment(
        lambda value: value if isinstance(value, Source) else escaped(str(value)),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )


def escaped(text: str) -> str:
    """A text that LaTeX prints as it is; letters that pdflatex may have no font for are named by their number."""
    shown = "".join(_sign(character) for character in printable(" ".join(text.split())))
    return re.sub(r"([-,'])(?=\1)", r"\1{}", shown)  # two of them are one in print


def _sign(character: str) -> str:
    if character in SIGNS:
        return SIGNS[character]
    if character.isascii():
        return character
    name = unicodedata.name(character, "")
    letter = name.removeprefix("GREEK SMALL LETTER ").lower().replace("lamda", "lambda")
    if name.startswith("GREEK SMALL LETTER ") and letter in GREEK:
        return f"$\\{letter}$"
    base, marks = (parts := unicodedata.normalize("NFD", character))[:1], parts[1:]
    if base.isascii() and marks in ACCENTS:
        return f"{ACCENTS[marks]}{{{base}}}"
    return f"[U+{ord(character):04X}]"


def figure(text: str) -> str:
    """A number as a cell shows it, with a minus sign; a range or nothing with a dash."""
    if text == "-":
        return "--"
    sign, rest = ("$-$", text[1:]) if text.startswith("-") else ("", text)
    return sign + escaped(rest).replace("e-", "e$-$").replace("-", "--").replace("$--$", "$-$")


def _head(table: Table) -> Source:
    """What stands above the columns."""
    return _line(map(escaped, table.head))


def _row(table: Table, group: int, k: int) -> Source:
    """The cells of a row, the best in bold."""
    shown = []
    for column, text in enumerate(table.groups[group][k]):
        cell = figure(text) if table.align[column] == "r" else escaped(text)
        shown.append(f"\\textbf{{{cell}}}" if (group, k, column) in table.bold and cell else cell)
    return _line(shown)


def _line(cells: Iterable[str]) -> Source:
    """A row; a star or a bracket at its head would belong to the line break before."""
    line = " & ".join(cells)
    return Source(("{}" if line.startswith(("*", "[")) else "") + line + " \\\\")


def _board(board: Leaderboard, one: Board, first: bool) -> Table:
    """The standings, the best in bold; the first says what they are."""
    rows = [standing_cells(*pair) for pair in board.ordered(one)]
    best = frozenset(
        (0, k, column)
        for k, standing in enumerate(one.standings)
        if standing.word is Word.BEST
        for column in range(1, len(rows[k]))
    )
    caption = f"{board.suite}: {one.ruler.title}" + (f" ({one.ruler.legend})" if one.ruler.legend else "")
    align = "".join("r" if title in RIGHT else "l" for title in STANDING_HEAD)
    label = Source(f"tab:{_slug(board.suite)}-{_slug(one.ruler.title)}")
    return Table(label, f"{caption}. {STANDS}" if first else f"{caption}.", align, STANDING_HEAD, [rows], best)


def _headlines(board: Leaderboard, track: Track) -> Iterator[Table]:
    """Methods by datasets, the best of each in bold, the reference rows apart."""
    column = track.headline
    datasets = [name for name, judged in board.judged_by.items() if judged == track]
    for start in range(0, len(datasets), MAX_COLUMNS):
        names = datasets[start : start + MAX_COLUMNS]
        groups = [
            [[method.row, *(number(method.median(column.of(method.kind), name)) for name in names)] for method in part]
            for part in _apart(board.methods)
        ]
        part = f"-{start // MAX_COLUMNS + 1}" if len(datasets) > MAX_COLUMNS else ""
        caption = f"{board.suite}: {column.title}, medians over seeds; reference rows below."
        label = Source(f"tab:{_slug(board.suite)}-{_slug(track.name)}{part}")
        bold = frozenset(_best(board, track, names))
        yield Table(label, caption, "l" + "r" * len(names), ("method", *names), groups, bold)


def _apart(methods: Sequence[MethodSummary]) -> list[list[MethodSummary]]:
    """Those that compete, and the reference rows."""
    parts = [[method for method in methods if method.reference is reference] for reference in (False, True)]
    return [part for part in parts if part]


def _best(board: Leaderboard, track: Track, names: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """The cells of those who show the best number on a dataset."""
    column, competing = track.headline, [method for method in board.methods if not method.reference]
    for k, name in enumerate(names):
        found = {row: method.median(column.of(method.kind), name) for row, method in enumerate(competing)}
        held = {row: value for row, value in found.items() if value is not None}
        best = (max if track.better == "up" else min)(held.values(), default=None)
        yield from ((0, row, k + 1) for row, value in held.items() if number(value) == number(best))


def _slug(name: str) -> str:
    """What a label may hold."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in name.lower())
