"""What is said of a method and a measure: same, better, regressed or undecided; and of all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from ebmbench.gate.medians import fewest, interval, needed


class Verdict(StrEnum):
    """What became of one measure of one method from base to head."""

    SAME = "same"
    BETTER = "better"
    REGRESSED = "regressed"
    UNDECIDED = "undecided"


class Measure(StrEnum):
    """What is compared."""

    WORK = "work"
    """A counter without noise: one of the harness's own, of the same steps on both sides."""
    TIME = "time"
    """Seconds of the processor in a training step."""
    QUALITY = "quality"
    """The suite's loss, a ratio of base and head on the same data and seed."""
    OUTCOME = "outcome"
    """Whether trials end well."""


@dataclass(frozen=True)
class Finding:
    """One verdict.

    Attributes:
        method: the row of the suite.
        measure, name: what was compared: ``work`` and ``gradient_rows``, ``quality`` and ``kl``.
        verdict: what it came to.
        change: head over base, a factor; None where there is none to speak of.
        low, high: the interval of the factor; infinite or 0 while there are too few pairs.
        limit: the factor that still counts as the same.
        pairs: how many pairs it rests on.
        more: how many more pairs would decide it, if they fall out as those did; None if none would, or none need to.
        base, head: the two values, where they are one each.
        why: what else there is to say, in one sentence.
    """

    method: str
    measure: Measure
    name: str
    verdict: Verdict
    change: float | None = None
    low: float = 0.0
    high: float = math.inf
    limit: float = 1.0
    pairs: int = 0
    more: int | None = None
    base: float | None = None
    head: float | None = None
    why: str = ""

    @property
    def changed(self) -> bool:
        """Whether it is known to be another than before."""
        return self.verdict in (Verdict.REGRESSED, Verdict.BETTER)


EXIT_CODES = {Verdict.SAME: 0, Verdict.BETTER: 0, Verdict.REGRESSED: 3, Verdict.UNDECIDED: 4}


def worst(findings: Iterable[Finding]) -> Verdict:
    """What is said of all: regressed if anything is, else undecided if anything is, else better if anything is."""
    found = {finding.verdict for finding in findings}
    order = (Verdict.REGRESSED, Verdict.UNDECIDED, Verdict.BETTER)
    return next((verdict for verdict in order if verdict in found), Verdict.SAME)


@dataclass(frozen=True)
class Judgement:
    """All that a gate found.

    Attributes:
        suite: its name.
        base, head: what was compared, as people call it: ``main (4177ab9)``, ``4c8a8b9 with changes``.
        machine: on which.
        findings: all verdicts, in the order of the suite's methods.
        untouched: methods that the change does not touch, of which nothing was run.
        notes: what else there is to know, a sentence each.
        commands: what to call to see more.
        seconds: how long it took.
    """

    suite: str
    base: str
    head: str
    machine: str
    findings: tuple[Finding, ...]
    untouched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """What is said of all."""
        return worst(self.findings)

    @property
    def exit_code(self) -> int:
        """0 same or better, 3 regressed, 4 undecided."""
        return EXIT_CODES[self.verdict]


def judged(
    method: str, measure: Measure, name: str, pairs: Sequence[float], limit: float, alpha: float, why: str = ""
) -> Finding:
    """The verdict on the median of paired log ratios, head over base; more is worse.

    Args:
        pairs: log ratios of independent pairs.
        limit: the log ratio that still counts as the same.
        alpha: the probability of ever saying something wrong of this median.
    """
    low, high = interval(pairs, alpha)
    if pairs and not any(pairs):
        low = high = 0.0  # identical to the last bit: no noise that could hide anything
    verdict = decided(low, high, limit)
    middle = median(pairs) if pairs else None
    return Finding(
        method,
        measure,
        name,
        verdict,
        None if middle is None else _factor(middle),
        _factor(low),
        _factor(high),
        _factor(limit),
        len(pairs),
        _more(pairs, limit, alpha) if verdict is Verdict.UNDECIDED else None,
        why=why,
    )


def decided(low: float, high: float, limit: float) -> Verdict:
    """What the interval of a log ratio, of which more is worse, says of a limit."""
    if low > limit:
        return Verdict.REGRESSED
    if high < -limit:
        return Verdict.BETTER
    return Verdict.SAME if -limit <= low and high <= limit else Verdict.UNDECIDED


def compared(method: str, name: str, base: float, head: float) -> Finding:
    """The verdict on a counter: any change at all is one. Less is better."""
    verdict = Verdict.SAME if base == head else Verdict.REGRESSED if head > base else Verdict.BETTER
    change = head / base if base else (1.0 if head == base else math.inf)
    return Finding(method, Measure.WORK, name, verdict, change, change, change, 1.0, 1, None, base, head)


def _factor(log_ratio: float) -> float:
    return math.exp(log_ratio) if log_ratio < 700 else math.inf


def _more(pairs: Sequence[float], limit: float, alpha: float) -> int | None:
    """How many pairs would decide it: that the median lies beyond the limit, or inside of it."""
    n = len(pairs)
    if n < fewest(alpha):
        return fewest(alpha) - n
    above, below = (sum(sign * value > limit for value in pairs) / n for sign in (1, -1))
    inside = [needed(1 - above, alpha), needed(1 - below, alpha)]
    if above > 0.5 or below > 0.5:
        total = needed(max(above, below), alpha)
    else:
        total = None if None in inside else max(one for one in inside if one is not None)
    return None if total is None else max(1, total - n)
