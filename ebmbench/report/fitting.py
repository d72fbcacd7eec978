"""Tables for a terminal: the columns that there is room for, with headings that are never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebmbench.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

GAP = 2
"""Characters between columns."""


@dataclass(frozen=True)
class Field:
    """A column that may be shown.

    Attributes:
        title: its heading, which may be broken between words.
        cells: one for each row.
        rank: the lower, the sooner it is shown; 0 is always, and those of one rank are shown together or not at all.
        right: whether it is flush right.
        wraps: how narrow it may become, its cells being broken, as those of any length must; 0: never broken.
    """

    title: str
    cells: Sequence[str]
    rank: int = 0
    right: bool = True
    wraps: int = 0

    @property
    def natural(self) -> int:
        """What its cells take where nothing is broken."""
        return max((_length(line) for cell in self.cells for line in cell.split("\n")), default=0)

    @property
    def heading(self) -> str:
        """The title, its unit on a line of its own where the cells are narrower."""
        return self.title.replace(" (", "\n(") if _length(self.title) > self.natural else self.title

    @property
    def width(self) -> int:
        """What it needs."""
        title, _, unit = self.heading.partition("\n")
        words = max(map(_length, [*title.split(), unit]))
        return max(words, min(self.natural, self.wraps) if self.wraps else self.natural)


def fitting(fields: Sequence[Field], width: int) -> list[Field]:
    """Those that there is room for in so many characters, in their order."""
    kept: set[int] = set()
    for rank in sorted({field.rank for field in fields}):
        wanted = kept | {k for k, field in enumerate(fields) if field.rank == rank}
        if rank == 0 or sum(fields[k].width + GAP for k in wanted) - GAP <= width:
            kept = wanted
    return [fields[k] for k in sorted(kept)]


def table(fields: Sequence[Field], width: int, styles: Iterable[str], sections: Iterable[int] = ()) -> Table:
    """A table of the fields that fit.

    Args:
        fields: all that could be shown.
        width: characters that there are.
        styles: of each row, as rich names them.
        sections: rows after which a line stays free.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown, ends = fitting(fields, width), set(sections)
    widths = _widths(shown, width)
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    places = list(zip(shown, widths or [0] * len(shown), strict=True))
    for field, held in places:
        heading = Text("\n".join(map(printable, field.heading.split("\n"))))
        made.add_column(heading, justify="right" if field.right else "left", overflow="fold", width=held or None)
    for k, style in enumerate(styles):
        cells = (
            field.cells[k] if field.natural <= held else field.cells[k].replace(", ", ",\n") for field, held in places
        )
        lines = ("\n".join(map(printable, cell.split("\n"))) for cell in cells)
        made.add_row(*map(Text, lines), style=style, end_section=k in ends)
    return made


def _widths(shown: Sequence[Field], width: int) -> list[int]:
    """What each is given: what it needs, and as much of the rest as it can use; none where that is too little."""
    given = [field.width for field in shown]
    spare = width - sum(given) - GAP * (len(given) - 1)
    if spare < 0:
        return []
    for k, field in enumerate(shown):
        more = min(spare, max(0, field.natural - given[k]))
        given[k], spare = given[k] + more, spare - more
    return given


def _length(text: str) -> int:
    """Characters that it takes in a terminal: some take two, some none."""
    from rich.cells import cell_len

    return cell_len(printable(text))
