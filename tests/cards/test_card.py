"""What a card holds: JSON in plain types, tables, what is excluded by which reason."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from ebmbench.cards.card import About, Card, Exclusion, Fact, Noun, Paper, Parameter, Source, Table, exclusions

ABOUT = About("mine", "my own", "L = 1", "Mine.", (), (Paper("Me 2026"),), "mine.py", Source("mine:Mine"))


@dataclass(frozen=True)
class Plain(Card):
    noun: ClassVar[Noun] = "method"
    number: float

    def facts(self) -> Iterator[Fact]:
        yield "number", str(self.number)


def test_json_is_flat_and_names_what_it_is_of() -> None:
    found = Plain(replace(ABOUT, source=Source("mine:Mine", Path("mine.py"), 3)), 1.5).as_json()
    assert found["type"] == "method"
    assert (found["name"], found["number"]) == ("mine", 1.5)
    assert found["source"] == {"target": "mine:Mine", "file": "mine.py", "line": 3}
    assert found["papers"] == ({"name": "Me 2026", "title": "", "link": ""},)
    assert json.loads(json.dumps(found, allow_nan=False))["papers"][0]["name"] == "Me 2026"


def test_what_is_not_finite_is_in_words() -> None:
    assert [Plain(ABOUT, value).as_json()["number"] for value in (math.inf, -math.inf)] == ["inf", "-inf"]


def test_parameters_are_a_table_and_none_is_no_table() -> None:
    assert list(Plain(ABOUT, 1).tables()) == []
    card = Plain(replace(ABOUT, parameters=(Parameter("k", "int", "4", "≥ 1", "how many"),)), 1)
    heads = ("name", "type", "default", "allowed", "meaning")
    assert list(card.tables()) == [Table("Parameters", heads, (("k", "int", "4", "≥ 1", "how many"),))]


def test_names_of_one_reason_stand_together_and_no_reason_excludes_nothing() -> None:
    pairs = [("no scale", "kl"), ("", "auroc"), ("bits", "fisher"), ("no scale", "tv")]
    assert exclusions(iter(pairs)) == (Exclusion("no scale", ("kl", "tv")), Exclusion("bits", ("fisher",)))


def test_a_source_is_shown_as_editors_open_it() -> None:
    assert str(Source("a.b:C", Path("a/b.py"), 7)) == "a/b.py:7"
    assert str(Source("a.b:C")) == "a.b:C"
