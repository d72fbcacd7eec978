"""Every built-in's card is whole."""

from __future__ import annotations

from functools import cache

import pytest

from ebmbench.cards.card import Card
from ebmbench.cards.datasets import DatasetCard
from ebmbench.cards.making import card_of, entries
from ebmbench.cards.methods import MethodCard
from ebmbench.cards.metrics import MetricCard
from ebmbench.catalog.loading import load_catalog

CATALOG = load_catalog()
WITHOUT_PAPER = {"oracle", "untrained", "gaussian", "independent", "olympics", "two_branches", "curve_embedded"}
"""Floors and a ceiling that nobody has to cite, and three toys that are our own."""


@cache
def every() -> tuple[Card, ...]:
    return tuple(card_of(entry, CATALOG) for entry in entries(CATALOG))


def missing(card: Card) -> list[str]:
    """What a card lacks."""
    about = card.about
    lacks = {
        "summary": not about.summary,
        "formula": not about.formula,
        "text": not about.text,
        "file": about.source.file is None,
        "link": any(not paper.link for paper in about.papers),
        "meaning of a parameter": any(not p.meaning for p in about.parameters),
        "paper": not about.papers and not isinstance(card, MetricCard) and about.name not in WITHOUT_PAPER,
    }
    if isinstance(card, MethodCard):
        trained = card.strategy != "reference"
        lacks |= {"track": not card.works.tracks, "cost": trained and not card.step, "measured": not card.measured}
    if isinstance(card, DatasetCard):
        lacks |= {"entropy": card.has_density and card.entropy is None, "domain": not card.domain}
    if isinstance(card, MetricCard):
        lacks |= {"needs": not card.needs, "kinds": not card.kinds}
    return [what for what, lacking in lacks.items() if lacking]


@pytest.mark.long
def test_every_card_is_whole() -> None:
    assert len(every()) == len(CATALOG.methods) + len(CATALOG.datasets) + len(CATALOG.metrics)
    assert {card.about.name: missing(card) for card in every() if missing(card)} == {}


@pytest.mark.long
def test_every_card_can_be_said_and_is_plain_json() -> None:
    import json

    for card in every():
        assert all(label and said for label, said in card.facts()), card.about.name
        assert all(len(row) == len(table.heads) for table in card.tables() for row in table.rows)
        json.dumps(card.as_json(), allow_nan=False)


@pytest.mark.long
def test_every_method_of_the_seven_strategies_has_a_place_or_stands_on_no_table() -> None:
    away = {card.about.name for card in every() if isinstance(card, MethodCard) and not card.standings}
    assert away == {"jepa", "jepa_density", "kmeans_free", "kmeans_net", "least_squares", "mdn"}, (
        "results/reference/seven has it: python -m tests.measured"
    )
