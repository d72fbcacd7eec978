"""A judgement as one JSON document, for programs: all of its numbers, and the same sentences that people read."""

from __future__ import annotations

import json
import math

from ebmbench.gate.formats.wording import bounds, conclusion, sentence
from ebmbench.gate.verdicts import Finding, Judgement

VERSION = 1
"""Goes up when a field changes its meaning or goes away."""


def written(judgement: Judgement) -> str:
    """Numbers are finite or null: an end of an interval that is null is not bounded."""
    document = {
        "version": VERSION,
        "suite": judgement.suite,
        "base": judgement.base,
        "head": judgement.head,
        "machine": judgement.machine,
        "verdict": judgement.verdict.value,
        "exit_code": judgement.exit_code,
        "conclusion": conclusion(judgement),
        "seconds": _plain(judgement.seconds),
        "findings": [plain_finding(one) for one in judgement.findings],
        "untouched": list(judgement.untouched),
        "notes": list(judgement.notes),
        "commands": list(judgement.commands),
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def plain_finding(found: Finding) -> dict[str, object]:
    """One finding in plain types."""
    low, high = bounds(found)
    return {
        "method": found.method,
        "measure": found.measure.value,
        "name": found.name,
        "verdict": found.verdict.value,
        "change": _plain(found.change),
        "low": _plain(low),
        "high": _plain(high),
        "limit": _plain(found.limit),
        "pairs": found.pairs,
        "more": found.more,
        "base": _plain(found.base),
        "head": _plain(found.head),
        "why": found.why,
        "sentence": sentence(found),
    }


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
