"""A judgement for a terminal, as wide as it is: the table, a sentence a finding, and the verdict as the last line."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ebmbench.errors import printable
from ebmbench.gate.formats.wording import HEAD, NUMBERS, conclusion, heads, rows, sentences, untouched
from ebmbench.gate.verdicts import Judgement, Verdict
from ebmbench.report.fitting import Field, table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

STYLES = {Verdict.SAME: "", Verdict.BETTER: "green", Verdict.REGRESSED: "bold red", Verdict.UNDECIDED: "yellow"}
WRAPS = {"method": 16, "measure": 14}
"""How narrow columns of names may become."""
RANKS = {"limit": 1, "pairs": 1}
"""Columns that are shown where there is room; the sentences have them too."""


def shown(judgement: Judgement) -> RenderableType:
    """What there is room for; every other format has the rest."""
    return _Shown(judgement)


@dataclass(frozen=True)
class _Shown:
    """A judgement that learns of its width when it is printed."""

    judgement: Judgement

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, what is to be said, what to call, the verdict."""
        from rich.text import Text

        found = self.judgement
        first, second = heads(found)
        yield Text(printable(first), style="bold")
        yield Text(f"{printable(second)}\n", style="dim")
        if found.findings:
            yield _table(found, options.max_width)
            yield Text()
        if found.untouched:
            yield Text(f"{printable(untouched(found))}\n", style="dim")
        for said in (sentences(found), found.notes):
            if said:
                yield Text("".join(f"- {printable(one)}\n" for one in said))
        if found.commands:
            yield Text("to see more:", style="dim")
            yield Text("".join(f"  {printable(one)}\n" for one in found.commands), overflow="fold")
        yield Text(printable(conclusion(found)), style=STYLES[found.verdict] or "bold")


def _table(judgement: Judgement, width: int) -> Table:
    """A row a finding in the color of its verdict, the name of a method in its first row alone."""
    found = list(rows(judgement))
    names = [row.cells[0] for row in found]
    columns = {title: [row.cells[k] for row in found] for k, title in enumerate(HEAD)}
    columns[HEAD[0]] = [names[0], *("" if name == before else name for before, name in pairwise(names))]
    fields = [
        Field(title, cells, RANKS.get(title, 0), title in NUMBERS, WRAPS.get(title, 0))
        for title, cells in columns.items()
    ]
    return table(fields, width, [STYLES[row.verdict] for row in found])
