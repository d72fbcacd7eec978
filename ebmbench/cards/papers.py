"""The bibliography: title and link of what records refer to by a short name. ``papers.csv``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ebmbench.cards.card import Paper

PATH = Path(__file__).with_name("papers.csv")
URL = re.compile(r"https?://[^\s<>\"]+")
ARXIV = re.compile(r"arXiv:? ?(\d{4}\.\d{4,5})", re.IGNORECASE)


@cache
def bibliography() -> dict[str, Paper]:
    """By short name."""
    with PATH.open(newline="", encoding="utf-8") as file:
        return {row["name"]: Paper(row["name"], row["title"], row["link"]) for row in csv.DictReader(file)}


def papers(refs: Iterable[str]) -> tuple[Paper, ...]:
    """Of each reference what is known: a plugin's own gives a link by writing one, or an arXiv number."""
    return tuple(bibliography().get(name) or Paper(name, link=_link(name)) for name in refs)


def _link(name: str) -> str:
    """The first link in a text; empty where there is none."""
    if found := URL.search(name):
        return found[0].rstrip(".,;)")
    return f"https://arxiv.org/abs/{found[1]}" if (found := ARXIV.search(name)) else ""
