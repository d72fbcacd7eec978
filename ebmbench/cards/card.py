"""What a card holds, and how it is laid out whatever it is shown on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

Noun = Literal["method", "dataset", "metric"]
Fact = tuple[str, str]
"""A label, and what stands behind it."""


@dataclass(frozen=True)
class Parameter:
    """A field of a method or dataset, in words; the default is that under this name of the catalog."""

    name: str
    type: str
    default: str
    allowed: str
    meaning: str


@dataclass(frozen=True)
class Paper:
    """What a record refers to; title and link where the bibliography knows it."""

    name: str
    title: str = ""
    link: str = ""


@dataclass(frozen=True)
class Exclusion:
    """Names that something does not go with, and why."""

    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under heads."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Source:
    """Where the code stands: ``module:qualname``, and the file and line where they are known."""

    target: str
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        """``file:line``, or the target."""
        return self.target if self.file is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class About:
    """What there is to know of anything in the catalog.

    Attributes:
        name: in the catalog.
        summary: its record's.
        formula: what it computes, in one sentence; empty where its docstring has none.
        text: its docstring.
        parameters: its fields.
        papers: what it refers to.
        owner: the plugin that offers it.
        source: its code.
    """

    name: str
    summary: str
    formula: str
    text: str
    parameters: tuple[Parameter, ...]
    papers: tuple[Paper, ...]
    owner: str
    source: Source


@dataclass(frozen=True)
class Card:
    """What a method, dataset or metric says of itself, and what is known of it."""

    noun: ClassVar[Noun]
    about: About

    def facts(self) -> Iterator[Fact]:
        """What there is to say in a line each, beyond ``about``."""
        raise NotImplementedError

    def tables(self) -> Iterator[Table]:
        """What takes a table."""
        rows = tuple((p.name, p.type, p.default, p.allowed, p.meaning) for p in self.about.parameters)
        if rows:
            yield Table("Parameters", ("name", "type", "default", "allowed", "meaning"), rows)

    def as_json(self) -> dict[str, Any]:
        """All of it, in plain types; what is not finite is in words, which JSON has no number for."""
        found = asdict(self, dict_factory=_plain)
        about = found.pop("about")
        about["source"]["file"] = None if self.about.source.file is None else str(self.about.source.file)
        return {"type": self.noun, **about, **found}


def exclusions(reasons: Iterator[tuple[str, str]]) -> tuple[Exclusion, ...]:
    """Pairs of a reason and a name, those of one reason together; what has no reason is not excluded."""
    found: dict[str, list[str]] = {}
    for reason, name in reasons:
        if reason:
            found.setdefault(reason, []).append(name)
    return tuple(Exclusion(reason, tuple(names)) for reason, names in found.items())


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, float) and not math.isfinite(value) else value for key, value in pairs}
