"""What is said of a judgement, in words: the same for a terminal, for Markdown, for machines.

Names stand in it as they are: whoever writes them makes them harmless for the format.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict
from ebmbench.observers.progress import duration

MAX_NAMES = 6
"""Names that a line lists."""
STEP = "step"
"""What a time is of where it is that of a training step."""
HEAD = ("method", "measure", "verdict", "change", "limit", "pairs")
NUMBERS = ("change", "limit", "pairs")
"""Columns that are flush right."""
ORDER = (Verdict.REGRESSED, Verdict.UNDECIDED, Verdict.BETTER, Verdict.SAME)


@dataclass(frozen=True)
class Row:
    """A row of the table: the verdict and the cells below ``HEAD``."""

    verdict: Verdict
    cells: tuple[str, ...]


def heads(judgement: Judgement) -> list[str]:
    """What was compared, then where and for how long."""
    place = [judgement.machine] * bool(judgement.machine)
    return [
        f"{judgement.suite}: {judgement.base} -> {judgement.head}",
        "; ".join([*place, duration(judgement.seconds)]),
    ]


def rows(judgement: Judgement) -> Iterator[Row]:
    """A row a finding, by method; the counters of a method that are the same are one row."""
    for findings in by_method(judgement).values():
        same = [one for one in findings if one.measure is Measure.WORK and one.verdict is Verdict.SAME]
        folded = same if len(same) > 1 else []
        for finding in findings:
            if not any(finding is one for one in folded):
                yield _row(finding, label(finding))
            elif finding is folded[0]:
                yield _row(finding, f"{Measure.WORK}: {len(folded)} counters")


def by_method(judgement: Judgement) -> dict[str, list[Finding]]:
    """All that was found of each method, in the order of the suite."""
    found: dict[str, list[Finding]] = {}
    for finding in judgement.findings:
        found.setdefault(finding.method, []).append(finding)
    return found


def untouched(judgement: Judgement) -> str:
    """One line of the methods of which nothing was run; nothing if there are none."""
    names = judgement.untouched
    rest = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    listed = ", ".join(names[:MAX_NAMES]) + rest
    return f"untouched, not run: {len(names)} method{'' if len(names) == 1 else 's'} ({listed})" if names else ""


def sentences(judgement: Judgement) -> list[str]:
    """One for each finding that is not ``same``, the worst first."""
    ordered = sorted(judgement.findings, key=lambda finding: ORDER.index(finding.verdict))
    return [sentence(finding) for finding in ordered if finding.verdict is not Verdict.SAME]


def conclusion(judgement: Judgement) -> str:
    """``regressed: 1 regressed, 2 same (exit code 3)``."""
    counts = Counter(finding.verdict for finding in judgement.findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])
    nothing = "the change touches no method of the suite" if judgement.untouched else "there was nothing to compare"
    return f"{judgement.verdict}: {told or nothing} (exit code {judgement.exit_code})"


# --- one finding ------------------------------------------------------------------------------------------------------


def label(finding: Finding) -> str:
    """``quality kl``."""
    return f"{finding.measure} {finding.name}".strip()


def change(finding: Finding) -> str:
    """``+5.2 % [+3.1, +7.0]``; without an interval what is exact, with question marks what is not bounded yet."""
    if finding.change is None:
        return "-"
    if math.isinf(finding.change) and finding.base == 0:
        return "from 0"
    value = f"{_signed(finding.change)} %"
    if is_exact(finding):
        return value
    low, high = ("?" if end is None else _signed(end) for end in bounds(finding))
    return f"{value} [{low}, {high}]"


def limit(finding: Finding) -> str:
    """``3 %``: up to where a change counts as none; a dash where there is no factor to speak of."""
    return "-" if finding.measure is Measure.OUTCOME else f"{100 * (finding.limit - 1):.3g} %"


def sentence(finding: Finding) -> str:
    """All that there is to say of a finding: ``nce: work regressed: gradient_rows 2,560 -> 5,120``."""
    counted = is_exact(finding) or finding.measure is Measure.OUTCOME
    said = [(_values(finding) if counted else "") or _moved(finding)]
    if not counted:
        said.append(f"up to {limit(finding)} counts as the same")
    if finding.verdict is Verdict.UNDECIDED:
        said.append(_more(finding.more))
    facts = "; ".join(filter(None, [*said, finding.why.strip()]))
    return f"{finding.method}: {finding.measure} {finding.verdict}" + (f": {facts}" if facts else "")


def bounds(finding: Finding) -> tuple[float | None, float | None]:
    """The interval of the factor; None for an end that is not bounded, as both are while there are too few pairs."""
    if is_exact(finding):
        return _finite(finding.low), _finite(finding.high)
    return finding.low if finding.low > 0 else None, _finite(finding.high)


def is_exact(finding: Finding) -> bool:
    """Whether the change is known without any noise."""
    return finding.change is not None and finding.low == finding.change == finding.high


def _row(finding: Finding, measure: str) -> Row:
    cells = (finding.method, measure, finding.verdict.value, change(finding), limit(finding), f"{finding.pairs:,}")
    return Row(finding.verdict, cells)


def _values(finding: Finding) -> str:
    """``gradient_rows 2,560 -> 5,120``; nothing where the two sides are not one value each."""
    if finding.base is None or finding.head is None:
        return ""
    base, head = number(finding.base), number(finding.head)
    return f"{finding.name} {head}" if base == head else f"{finding.name} {base} -> {head}"


def number(value: float) -> str:
    """Exactly, whole numbers as such."""
    return f"{int(value):,}" if math.isfinite(value) and value == int(value) else f"{value:,}"


def _moved(finding: Finding) -> str:
    """``a step takes 5.2 % longer, [3.1, 7.0] % after 14 pairs``."""
    pairs = f"{finding.pairs:,} pair{'' if finding.pairs == 1 else 's'}"
    if finding.change is None:
        return "" if finding.measure is Measure.OUTCOME else "no pair was measured" if not finding.pairs else pairs
    if is_exact(finding) and finding.change == 1:
        return f"{finding.name or finding.measure} is the same to the last bit in {pairs}"
    up, sign = finding.change >= 1, 1 if finding.change >= 1 else -1
    a_step = finding.measure is Measure.TIME and finding.name == STEP
    verb, word = ("a step takes", "longer" if up else "less") if a_step else ("is", "higher" if up else "lower")
    subject = verb if a_step else f"{finding.name or finding.measure} {verb}"
    said = f"{subject} {_digits(sign * points(finding.change))} % {word}"
    if is_exact(finding):
        return said
    ends = bounds(finding)
    if ends == (None, None):
        return f"{said} after {pairs}, too few for an interval"
    shown = ["?" if end is None else _digits(sign * points(end)) for end in ends]
    return f"{said}, [{', '.join(shown if up else shown[::-1])}] % after {pairs}"


def _more(pairs: int | None) -> str:
    if pairs is None:
        return "more pairs like these would not decide it"
    return f"about {pairs:,} more pair{'' if pairs == 1 else 's'} would decide it"


def points(factor: float) -> float:
    """What a factor is in per cent more, without the noise of the subtraction."""
    return round(100 * (factor - 1), 10) + 0.0


def _signed(factor: float) -> str:
    value = points(factor)
    return f"+{_digits(value)}" if value > 0 else _digits(value)


def _digits(value: float) -> str:
    """One decimal, none for hundreds; of what would be nothing so, one digit."""
    if math.isinf(value) or abs(value) >= 1e6:
        return f"{value:.0e}"
    if abs(value) >= 100 or value == 0:
        return f"{value + 0.0:,.0f}"
    return f"{value:.1f}" if abs(value) >= 0.05 else f"{value:.1g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
