"""Cards as pages: whatever a plugin calls itself, its page holds text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import markdown
import pytest

from ebmbench.cards.card import Card, Paper, Parameter
from ebmbench.cards.making import card_of
from ebmbench.cards.methods import MethodCard
from ebmbench.cards.pages import block, card_page, index_page, inert, link, table
from ebmbench.catalog.loading import load_catalog

CATALOG = load_catalog()
NCE = card_of(CATALOG.methods["nce"], CATALOG)
HOSTILE = (
    "<script>alert(1)</script>",
    "a | b",
    "[x](javascript:alert(1))",
    "![x](//evil/x.png)",
    "`code` **bold** _it_ # h",
    "</code></pre><b>out</b>",
    "a\n\n# heading\n- item\n\n    code",
    "\x1b[31mred",
    "&lt;b&gt; &#60;b&#62;",
    "{{ page }} {% raw %} {: .x onclick=1 }",
)


def rendered(text: str) -> str:
    return str(markdown.markdown(text, extensions=["tables", "toc", "pymdownx.superfences", "pymdownx.highlight"]))


class Reader(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(rendered(page))
    return reader


def shown(text: str) -> str:
    """On one line and without terminal codes."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_inert_is_shown_as_it_is_and_is_no_element(text: str) -> None:
    for page, tags in (
        (f"# {inert(text)}", ["h1"]),
        (inert(text), ["p"]),
        (f"- **{inert(text)}** x", ["ul", "li", "strong"]),
    ):
        found = read(page)
        assert [tag for tag, _ in found.elements] == tags
        assert shown(text) in found.text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_block_holds_its_lines(text: str) -> None:
    found = read(f"before\n\n{block(text)}\n\nafter")
    assert [tag for tag, _ in found.elements] == ["p", "pre", "code", "p"]
    assert "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text) in found.text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_holds_its_text(text: str) -> None:
    found = read(table(("a", "b"), [(inert(text), "x")]))
    assert [tag for tag, _ in found.elements].count("td") == 2
    assert shown(text) in found.text


def test_a_link_leads_to_the_web_and_nowhere_else() -> None:
    ((tag, attributes),) = read(link("Me <2026>", "https://doi.org/10.1/a(b)c")).elements[1:]
    assert (tag, attributes) == ("a", (("href", "https://doi.org/10.1/a%28b%29c"),))
    assert [tag for tag, _ in read(link("Me", "javascript:alert(1)")).elements] == ["p"]
    assert len(read(link("Me", 'https://x/"><script>')).elements) == 2


def hostile(text: str) -> Card:
    about = NCE.about
    parameter = Parameter("k", text, text, text, text)
    paper = Paper(text, text, f"https://x/{text}")
    changed = replace(
        about, summary=text, formula=text, text=text, parameters=(parameter,), papers=(paper,), owner=text
    )
    return replace(NCE, about=changed)


def test_a_hostile_card_has_the_elements_of_a_plain_one() -> None:
    plain = [tag for tag, _ in read(card_page(hostile("plain"))).elements]
    for text in HOSTILE:
        found = read(card_page(hostile(text)))
        assert [tag for tag, _ in found.elements] == plain, text
        allowed = {"href", "style", "id"}
        assert {name for _, attributes in found.elements for name, _ in attributes} <= allowed


def test_a_page_says_all_that_a_card_does_and_no_path() -> None:
    page = card_page(NCE)
    found = read(page)
    assert NCE.about.formula in found.text
    assert "Noise-contrastive estimation: a new estimation principle" in found.text
    assert all(said in found.text for _, said in NCE.facts())
    assert all(cell in found.text for part in NCE.tables() for row in part.rows for cell in row)
    assert NCE.about.source.file is not None
    assert str(NCE.about.source.file.parent) not in found.text
    assert "ebmbench_plugins.c2_chosen_points.nce:NCE" in found.text


def test_a_card_without_papers_formula_and_words_has_no_empty_headings() -> None:
    assert isinstance(NCE, MethodCard)
    bare = replace(NCE, about=replace(NCE.about, papers=(), formula="", text="", parameters=()), standings=())
    found = read(card_page(bare))
    assert [tag for tag, _ in found.elements if tag.startswith(("h", "pre"))] == ["h1"]


def test_an_index_leads_to_each_card() -> None:
    found = read(index_page("Methods", [NCE]))
    assert ("a", (("href", "nce.md"),)) in found.elements
    assert NCE.about.summary in found.text
