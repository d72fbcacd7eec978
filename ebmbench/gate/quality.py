"""What trials came to on both sides: how they ended, and the ratio of their losses on the same data and seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ebmbench.analysis.boards import log_loss
from ebmbench.contracts.records import Ruler
from ebmbench.errors import sentence
from ebmbench.gate.verdicts import Finding, Measure, Verdict

OK = "ok"
TARGET = "passes_to_"
"""How the counters begin that say when a curve came within a target."""


@dataclass(frozen=True)
class Ended:
    """What came of one trial on one side.

    Attributes:
        status, error: how it ended, and why it did not end well.
        values: its numbers by flat name.
        counters: of its whole training.
    """

    status: str
    error: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.status == OK

    def log_loss(self, ruler: Ruler) -> float | None:
        """The log of its loss; None if it was not measured."""
        number = self.values.get(ruler.metric)
        return None if number is None else float(log_loss(np.array([number]), ruler)[0])

    @classmethod
    def of(cls, answers: Mapping[str, Any]) -> dict[str, Ended]:
        """What a side answers, by the trial's name."""
        return {name: cls(**one) for name, one in answers.items()}


@dataclass(frozen=True)
class Outcome:
    """One trial on both sides."""

    name: str
    base: Ended
    head: Ended

    def ratio(self, ruler: Ruler) -> float | None:
        """Log of head's loss over base's; None if either has none, 0 if both are equal, infinite ones too."""
        losses = [side.log_loss(ruler) if side.ok else None for side in (self.base, self.head)]
        if losses[0] is None or losses[1] is None or math.isnan(losses[0]) or math.isnan(losses[1]):
            return None
        return 0.0 if losses[0] == losses[1] else losses[1] - losses[0]


def targets(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """What is to be said of the passes that it takes to reach a loss, where they are not the same: a sentence each.

    They are exact, and no verdict: where a change draws other random numbers, some seeds are sooner and some later.
    """
    ended = [one for one in outcomes if one.base.ok and one.head.ok]
    names = dict.fromkeys(
        n for one in ended for n in one.head.counters if n.startswith(TARGET) and n in one.base.counters
    )
    for name in names:
        differ = [one for one in ended if one.base.counters[name] != one.head.counters[name]]
        if differ:
            first, words = differ[0], name.replace("_", " ")
            took = [_passes(side.counters[name]) for side in (first.base, first.head)]
            later = sum(one.head.counters[name] > one.base.counters[name] for one in differ)
            yield (
                f"{words}: another number in {len(differ)} of {len(ended)} trials, later in {later}; "
                f"{first.name} took {took[0]} in base, {took[1]} in head"
            )


def _passes(number: float) -> str:
    return f"{number:,.0f}" if math.isfinite(number) else "for ever"


def ends(method: str, outcomes: Iterable[Outcome]) -> Finding | None:
    """What is to be said of how trials ended; None if all ended well on both sides.

    One that ends well in base and does not in head is a regression, whatever its numbers would have been.
    """
    outcomes = list(outcomes)
    worse = [one for one in outcomes if one.base.ok and not one.head.ok]
    better = [one for one in outcomes if one.head.ok and not one.base.ok]
    neither = [one for one in outcomes if not one.head.ok and not one.base.ok]
    if worse:
        first = worse[0]
        why = f"{first.name} ended well in base, in head it is {first.head.status}: {sentence(first.head.error, 160)}"
        return Finding(method, Measure.OUTCOME, "status", Verdict.REGRESSED, pairs=len(outcomes), why=why)
    if better:
        first = better[0]
        why = f"{first.name} ends well; in base it is {first.base.status}: {sentence(first.base.error, 160)}"
        return Finding(method, Measure.OUTCOME, "status", Verdict.BETTER, pairs=len(outcomes), why=why)
    if neither:
        first = neither[0]
        why = f"{first.name} ends well on neither side: {sentence(first.head.error, 160)}"
        return Finding(method, Measure.OUTCOME, "status", Verdict.SAME, pairs=len(outcomes), why=why)
    return None
