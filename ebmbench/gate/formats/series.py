"""The one number of a finding that services keep from commit to commit; of all of them, less is better."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ebmbench.gate.formats.wording import bounds, is_exact
from ebmbench.gate.verdicts import Finding, Judgement

FACTOR = "times base"
"""The unit of head over base."""
COUNT = "counted"
"""The unit of a value of head itself."""


@dataclass(frozen=True)
class Point:
    """A number for a service.

    Attributes:
        finding: what it is of.
        value: head's own where it has one, else head over base; finite.
        unit: which of the two it is.
        low, high: the interval of head over base; None for an end that is not bounded, and of what has none.
    """

    finding: Finding
    value: float
    unit: str
    low: float | None = None
    high: float | None = None


def points(judgement: Judgement) -> Iterator[Point]:
    """Those of all findings that have a number."""
    for finding in judgement.findings:
        if finding.head is not None and math.isfinite(finding.head):
            yield Point(finding, finding.head, COUNT)
        elif finding.change is not None and math.isfinite(finding.change):
            ends = (None, None) if is_exact(finding) else bounds(finding)
            yield Point(finding, finding.change, FACTOR, *ends)
