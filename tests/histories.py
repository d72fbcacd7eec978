"""Builders of histories: lines of made-up commits, a day apart unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ebmbench.gate.history.lines import History, Line, Series

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def commit(day: int) -> str:
    """The commit of a day: the day is its beginning."""
    return f"{day:04d}{'c' * 36}"


def make_line(day: int = 0, median: float | None = 1.0, **facts: Any) -> Line:
    """A number of nce on moons."""
    defaults: dict[str, Any] = {
        "commit": commit(day),
        "committed": FIRST + timedelta(days=day),
        "suite": "smoke",
        "method": "nce",
        "dataset": "moons",
        "measure": "kl",
        "median": median,
        "n": 3,
        "unit": "nats",
        "date": FIRST + timedelta(days=day, hours=1),
    }
    return Line(**{**defaults, **facts})


def make_lines(medians: Sequence[float | None], **facts: Any) -> list[Line]:
    """A line a day."""
    return [make_line(day, median, **facts) for day, median in enumerate(medians)]


def make_series(medians: Sequence[float | None], **facts: Any) -> Series:
    """One series of them."""
    (found,) = History(tuple(make_lines(medians, **facts))).series
    return found
