"""What is known of the built-in methods and datasets: ``charges.csv``, ``entropies.csv``, ``standings.csv``.

``python -m tests.charges`` writes the first, ``python -m tests.measured`` the others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
BUILT_IN = "ebmbench:"
"""How the owners begin of what these files are about."""


@dataclass(frozen=True)
class Charge:
    """What a step of a method costs on ``plane``, ``bits`` or ``given`` x: rows, millions of operations, passes."""

    data: str
    rows: int
    mflop: float
    passes: float


@dataclass(frozen=True)
class Mark:
    """A number of a method on a board of the reference, and its place among so many that are ranked by it.

    Attributes:
        measure: ``times_the_best_kl``, ``kl``, ``skill``, ...: flat names of the reference's table.
        dataset: ``all`` where it is of the whole board.
        value: of the method.
        low: end of its interval, where it has one.
        high: the other end.
        place: 1 is the best; None where it is not ranked.
        of: how many are ranked; 0 where none is.
    """

    measure: str
    dataset: str
    value: float
    low: float | None
    high: float | None
    place: int | None
    of: int


@dataclass(frozen=True)
class Standing:
    """Where a method stands in a table of results/reference.

    Attributes:
        table: its folder there.
        commit: that its trials were trained at.
        trials: of the method.
        failed: of these.
        marks: its numbers.
    """

    table: str
    commit: str
    trials: int
    failed: int
    marks: tuple[Mark, ...]

    def mark(self, measure: str, dataset: str) -> Mark | None:
        """One of them."""
        return next((m for m in self.marks if (m.measure, m.dataset) == (measure, dataset)), None)

    @property
    def datasets(self) -> list[str]:
        """Those of the table, in its order."""
        return list(dict.fromkeys(mark.dataset for mark in self.marks if mark.dataset != "all"))


def charges(method: str) -> tuple[Charge, ...]:
    """On each kind of data that it works on; nothing where nobody measured."""
    return tuple(
        Charge(row["data"], int(row["rows"]), float(row["mflop"]), float(row["passes"]))
        for row in _rows("charges")
        if row["method"] == method
    )


def entropy(dataset: str) -> float | None:
    """In nats, by quadrature or over all states, of y given x the mean over x; None where nobody measured."""
    return next((float(row["entropy"]) for row in _rows("entropies") if row["dataset"] == dataset), None)


def standings(method: str) -> tuple[Standing, ...]:
    """In each table of the reference that it stands in."""
    rows = [row for row in _rows("standings") if row["method"] == method]
    tables = dict.fromkeys((row["table"], row["commit"], int(row["trials"]), int(row["failed"])) for row in rows)
    return tuple(Standing(*facts, tuple(_mark(row) for row in rows if row["table"] == facts[0])) for facts in tables)


def _mark(row: dict[str, str]) -> Mark:
    low, high = (float(row[end]) if row[end] else None for end in ("low", "high"))
    place = int(row["place"]) if row["place"] else None
    return Mark(row["measure"], row["dataset"], float(row["value"]), low, high, place, int(row["of"]))


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    return tuple(_read(FOLDER / f"{name}.csv"))


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
