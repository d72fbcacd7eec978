"""A judgement as github-action-benchmark reads it, its tool being ``customSmallerIsBetter``.

A list of objects with ``name``, ``unit`` and ``value``, and, as texts, ``range`` and ``extra``. The action refuses an
empty list, so that how many findings have regressed always stands in it. It shows names and ranges as code in tables of
Markdown, without escaping them.

Source: ``src/extract.ts`` and ``src/write.ts`` of benchmark-action/github-action-benchmark.
"""

from __future__ import annotations

import json

from ebmbench.errors import printable
from ebmbench.gate.formats.series import Point, points
from ebmbench.gate.formats.wording import change, conclusion, label, sentence
from ebmbench.gate.verdicts import Judgement, Verdict

REGRESSED = "gate: regressed"
"""The name of the number of findings that have."""
UNSAFE = str.maketrans({"`": "'", "|": "\N{BROKEN BAR}"})
"""What would end the code or the cell that a name stands in."""


def written(judgement: Judgement) -> str:
    """A JSON array."""
    regressed = sum(finding.verdict is Verdict.REGRESSED for finding in judgement.findings)
    first = {"name": REGRESSED, "unit": "findings", "value": regressed, "extra": printable(conclusion(judgement))}
    return json.dumps([first, *map(_entry, points(judgement))], indent=1, allow_nan=False) + "\n"


def _entry(point: Point) -> dict[str, object]:
    finding = point.finding
    name = printable(f"{finding.method}: {label(finding)}").translate(UNSAFE)
    ranged = {} if (point.low, point.high) == (None, None) else {"range": change(finding)}
    return {
        "name": name,
        "unit": point.unit,
        "value": point.value,
        **ranged,
        "extra": printable(sentence(finding)),
    }
