"""What a reader must know beside the numbers: choices made, failures, and what was not measured and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ebmbench.analysis.aggregate import Line
from ebmbench.contracts import Status

MOST_REASONS = 10
"""Reasons that are listed; metrics.parquet has the note of every number."""


@dataclass
class Gap:
    """Numbers that bear one note: which variants of which metrics, in which rows and trials."""

    metrics: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    rows: dict[str, None] = field(default_factory=dict)
    trials: set[str] = field(default_factory=set)


def notes(lines: Sequence[Line]) -> Iterator[str]:
    """The remarks below a leaderboard, a sentence each."""
    for line in lines:
        if line.chosen:
            yield f"{line.row}: chosen on validation: {line.chosen}"
    seen: dict[tuple[str, str], int] = {}
    for line in lines:
        for trial in line.trials:
            if trial.status is not Status.OK:
                key = (line.row, f"{trial.status}: {trial.error}")
                seen[key] = seen.get(key, 0) + 1
    for (row, reason), count in seen.items():
        yield f"{row}: {count} x {reason}"
    yield from _missing(lines)


def _missing(lines: Sequence[Line]) -> Iterator[str]:
    """The reasons why numbers are missing or not checked, those that concern most trials first."""
    gaps: dict[str, Gap] = defaultdict(Gap)
    variants: dict[str, dict[str, None]] = defaultdict(dict)
    measured = [(line.row, trial) for line in lines for trial in line.trials if trial.status is Status.OK]
    for row, trial in measured:
        for value in trial.measurements.values if trial.measurements else ():
            variants[value.metric][value.variant] = None
            if value.note:
                gap = gaps[value.note]
                gap.metrics[value.metric][value.variant] = None
                gap.rows[row] = None
                gap.trials.add(trial.view.key)
    ordered = sorted(gaps.items(), key=lambda item: -len(item[1].trials))
    for reason, gap in ordered[:MOST_REASONS]:
        concerned = "all rows" if gap.rows.keys() == {row for row, _ in measured} else ", ".join(gap.rows)
        count = f"{len(gap.trials)} trial{'s' if len(gap.trials) != 1 else ''}"
        names = ", ".join(_name(metric, those, variants[metric]) for metric, those in gap.metrics.items())
        yield f"{reason}: {names} ({concerned}; {count})"
    if len(ordered) > MOST_REASONS:
        yield f"{len(ordered) - MOST_REASONS} more: see the notes in metrics.parquet"


def _name(metric: str, those: Iterable[str], known: Iterable[str]) -> str:
    """A metric by its name alone, if all its variants are meant."""
    return metric if set(those) == set(known) else f"{metric} {'/'.join(those)}"
