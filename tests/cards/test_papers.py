"""The bibliography."""

from __future__ import annotations

import re

import pytest

from ebmbench.cards.card import Paper
from ebmbench.cards.making import entries
from ebmbench.cards.papers import bibliography, papers
from ebmbench.catalog.loading import load_catalog


def test_a_known_name_has_a_title_and_a_link() -> None:
    (found,) = papers(["Hinton 2002"])
    assert "contrastive divergence" in found.title
    assert found.link == "https://doi.org/10.1162/089976602760128018"


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ("Me 2026", ""),
        ("Me 2026, https://example.org/a(b).", "https://example.org/a(b"),
        ("Me, arXiv:2601.01234", "https://arxiv.org/abs/2601.01234"),
        ("Me, javascript:alert(1)", ""),
    ],
)
def test_a_plugin_gives_a_link_by_writing_one(given: str, link: str) -> None:
    assert papers([given]) == (Paper(given, "", link),)


def test_every_line_is_whole_and_used_by_a_record() -> None:
    used = {name for entry in entries(load_catalog()) for name in entry.spec.refs}
    for name, paper in bibliography().items():
        assert paper.title
        assert re.fullmatch(r"https?://\S+", paper.link), name
    assert set(bibliography()) - used == set(), "nobody refers to it"
