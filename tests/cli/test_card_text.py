"""A card on a terminal."""

from __future__ import annotations

from dataclasses import replace

from ebmbench.cards.card import Card, Paper, Source
from ebmbench.cards.making import card_of
from ebmbench.cards.metrics import READ, MetricCard
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli.card_text import lines

CATALOG = load_catalog()
AUROC = card_of(CATALOG.metrics["auroc"], CATALOG)


def test_labels_and_columns_are_aligned() -> None:
    found = list(lines(AUROC))
    assert found[0] == "auroc: AUROC of data against uniform"
    facts = found[1 : found.index("")]
    starts = {line.index(said) for line, said in zip(facts[1:3], ("-", "up"), strict=True)}
    assert len(starts) == 1
    table = found[found.index(f"  {READ}") :]
    assert len({line.index("  0.") for line in table[2:]}) == 1


def test_a_paper_says_what_its_name_does_not() -> None:
    papers = (
        Paper("Me 2026", "A title", "https://x"),
        Paper("Me, A title, https://x", "A title", "https://x"),
        Paper("Me"),
    )
    found = [line.split(maxsplit=1)[1] for line in lines(with_papers(papers)) if line.startswith("  ref ")]
    assert found == ["Me 2026: A title, https://x", "Me, A title, https://x", "Me"]


def with_papers(papers: tuple[Paper, ...]) -> Card:
    return replace(AUROC, about=replace(AUROC.about, papers=papers))


def test_what_is_not_known_takes_no_line() -> None:
    assert isinstance(AUROC, MetricCard)
    bare = replace(AUROC, about=replace(AUROC.about, formula="", text="", source=Source("a:b")), readings=())
    found = list(lines(bare))
    assert not any(line.lstrip().startswith(("formula", "file")) for line in found)
    assert "" not in found
