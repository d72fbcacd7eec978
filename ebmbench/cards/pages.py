"""Cards as pages of a site: Markdown in which what a plugin wrote is text, whatever stands in it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from ebmbench.cards.card import Card, Paper, Table
from ebmbench.errors import printable

PLAIN = frozenset(" ,;()/")
"""What no reader of Markdown takes for anything but itself, beside letters and digits."""
FOLDERS = {"method": "methods", "dataset": "datasets", "metric": "metrics"}


def inert(text: str) -> str:
    """One line that is text everywhere in Markdown and HTML: all but letters and digits as character references."""
    text = printable(" ".join(text.split()))
    return "".join(c if c.isalnum() or c in PLAIN else f"&#{ord(c)};" for c in text)


def block(text: str) -> str:
    """Lines as they stand, in letters of one width."""
    lines = (printable(line) for line in text.splitlines())
    return f'<pre><code style="white-space: pre-wrap">{html.escape(chr(10).join(lines))}</code></pre>'


def link(text: str, url: str) -> str:
    """A link to elsewhere; the text alone where the address is none of the web's."""
    if not url.startswith(("https://", "http://")):
        return inert(text)
    return f"[{inert(text)}]({quote(printable(url), safe=':/?#@!$&*+,;=%-._~')})"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown; its cells are Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def card_page(card: Card) -> str:
    """The page of a card. It names no path of the machine that makes it."""
    return "\n\n".join(_parts(card)) + "\n"


def _parts(card: Card) -> Iterator[str]:
    about = card.about
    yield f"# {inert(about.name)}"
    yield f"{inert(about.summary)}"
    if about.formula:
        yield block(about.formula)
    facts = [*card.facts(), ("owner", about.owner), ("code", about.source.target)]
    yield "\n".join(f"- **{inert(label)}:** {inert(said)}" for label, said in facts)
    if about.papers:
        yield "## Papers"
        yield "\n".join(f"- {_paper(paper)}" for paper in about.papers)
    if about.text:
        yield "## In its own words"
        yield block(about.text)
    for found in card.tables():
        yield f"## {inert(found.title)}"
        yield _table(found)


def _paper(paper: Paper) -> str:
    title = f": {inert(paper.title)}" if paper.title and paper.title not in paper.name else ""
    return link(paper.name, paper.link) + title


def _table(found: Table) -> str:
    return table(map(inert, found.heads), (map(inert, row) for row in found.rows))


def index_page(title: str, cards: Iterable[Card]) -> str:
    """A page that leads to the cards of one kind, in a folder with theirs."""
    rows = (
        (f"[{inert(c.about.name)}]({c.about.name}.md)", inert(c.about.summary), inert(c.about.formula)) for c in cards
    )
    return f"# {inert(title)}\n\n{table(('name', 'what it is', 'formula'), rows)}\n"
