"""A judgement in Bencher's Metric Format (BMF, version 0): a benchmark a method, with a number a measure.

Source: the schema at https://bencher.dev/bmf.json; the lengths of names are those that Bencher's server takes.
"""

from __future__ import annotations

import json

from ebmbench.errors import printable
from ebmbench.gate.formats.series import Point, points
from ebmbench.gate.formats.wording import label
from ebmbench.gate.verdicts import Judgement

BENCHMARK, MEASURE = 1024, 64
"""Bytes of the longest names of benchmarks and of measures."""


def written(judgement: Judgement) -> str:
    """A JSON object: method -> measure -> ``value``, and ``lower_value`` and ``upper_value`` where they are bounded."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for point in points(judgement):
        metrics = found.setdefault(_named(point.finding.method, BENCHMARK), {})
        metrics[_named(label(point.finding), MEASURE)] = _metric(point)
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _metric(point: Point) -> dict[str, float]:
    ends = {"lower_value": point.low, "upper_value": point.high}
    return {"value": point.value, **{name: end for name, end in ends.items() if end is not None}}


def _named(name: str, longest: int) -> str:
    """A name of at least one character, cut to so many bytes."""
    return printable(name).encode()[:longest].decode(errors="ignore") or "-"
