"""A card on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ebmbench.cards.card import Card, Fact, Table

INDENT = "  "


def lines(card: Card) -> Iterator[str]:
    """Its lines, as names and texts were given: they are made printable where they are shown."""
    about = card.about
    yield f"{about.name}: {about.summary}"
    facts = [*_formula(card), *card.facts(), *_papers(card), ("owner", about.owner), ("code", about.source.target)]
    if about.source.file is not None:
        facts.append(("file", str(about.source)))
    width = max(len(label) for label, _ in facts) + 2
    yield from (f"{INDENT}{label:{width}s}{said}" for label, said in facts)
    if about.text:
        yield ""
        yield from (f"{INDENT}{line}".rstrip() for line in about.text.splitlines())
    for table in card.tables():
        yield ""
        yield from _table(table)


def _formula(card: Card) -> Iterator[Fact]:
    if card.about.formula:
        yield "formula", card.about.formula


def _papers(card: Card) -> Iterator[Fact]:
    for paper in card.about.papers:
        title = f": {paper.title}" if paper.title and paper.title not in paper.name else ""
        link = f", {paper.link}" if paper.link and paper.link not in paper.name else ""
        yield "ref", f"{paper.name}{title}{link}"


def _table(table: Table) -> Iterator[str]:
    yield f"{INDENT}{table.title}"
    rows = [table.heads, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.heads))]
    for row in rows:
        cells = (f"{cell:{width}s}" for cell, width in zip(row, widths, strict=True))
        yield f"{INDENT}{INDENT}{'  '.join(cells)}".rstrip()
