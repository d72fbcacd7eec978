"""What each built-in metric reads when the truth is held against itself, and what it costs: ``readings.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("readings.csv")


@dataclass(frozen=True)
class Reading:
    """A metric of the truth against itself: mean and standard deviation over seeds; the seconds of a core."""

    metric: str
    variant: str
    dataset: str
    mean: float
    sd: float
    seconds: float


def read_readings() -> list[Reading]:
    """The readings on record."""
    with PATH.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Reading(r["metric"], r["variant"], r["dataset"], *(float(r[name]) for name in ("mean", "sd", "seconds")))
        for r in rows
    ]
