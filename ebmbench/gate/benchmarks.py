"""Two files of pytest-benchmark held against each other: its rounds by their medians, its ``extra_info`` exactly.

The rounds of a file are those of one process, and base and head ran one after the other: nothing pairs a round of one
with one of the other, and rounds that follow each other are alike, since a machine is busy for longer than one of them.
So the rounds of each side are cut into consecutive blocks, as long as can be while there are enough of them: a median
of B independent block medians lies outside of their range with probability 2^(1 - B), whatever their distribution. The
ratio goes from the lowest to the highest that the two ranges allow; each errs with half of the probability, so that
together they err no more often than was said (Bonferroni). What is between one process and the next is in no range.

Numbers in ``extra_info`` are counters, and less of them is better. What is measured, and has noise, stands in an object
of its own there, which is not looked at.

Source: Thompson 1936 (intervals of medians between order statistics); Schmeiser 1982 (few and long batches).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from ebmbench.errors import UsageError
from ebmbench.gate.medians import MAX_PAIRS
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict, compared, decided

ALPHA = 0.01
"""The probability of saying anything wrong of any benchmark, given independent blocks."""
NAMED = 5
"""Benchmarks that a note names at most."""
MACHINE = ("node", "machine", "processor", "system", "release", "python_implementation", "python_version")
"""What makes timings comparable, besides the processor: of ``machine_info``."""
PROCESSOR = ("brand_raw", "arch_string_raw", "count")
"""The same of its ``cpu``: what does not move from one moment to the next."""
TWO_PROCESSES = (
    "Base and head are one process each, run one after the other: what differs from process to process is in no "
    "interval; ebmbench gate --base REF runs the two interleaved."
)
NO_DATA = "saved without --benchmark-save-data"


Seconds = Annotated[FiniteFloat, Field(ge=1e-15, le=1e12)]


class _Loose(BaseModel):
    """What is not named here is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Stats(_Loose):
    median: Seconds
    data: tuple[Seconds, ...] | None = None


class _Commit(_Loose):
    id: str | None = None
    dirty: bool | None = None


class _Benchmark(_Loose):
    fullname: str
    stats: _Stats
    extra_info: dict[str, Any] = {}

    @property
    def counters(self) -> dict[str, float]:
        """The numbers that have no noise."""
        numbers = {k: v for k, v in self.extra_info.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}


class _File(_Loose):
    benchmarks: tuple[_Benchmark, ...] = Field(min_length=1)
    machine_info: dict[str, Any]
    commit_info: Annotated[_Commit, BeforeValidator(lambda given: given or {})] = _Commit()


@dataclass(frozen=True)
class _Side:
    """One of the two files."""

    path: Path
    file: _File

    @property
    def by_name(self) -> dict[str, _Benchmark]:
        return {one.fullname: one for one in self.file.benchmarks}

    @property
    def called(self) -> str:
        """``base.json (4177ab9 with changes)``."""
        commit = self.file.commit_info
        if not commit.id:
            return self.path.name
        return f"{self.path.name} ({commit.id[:7]}{' with changes' if commit.dirty else ''})"

    @property
    def machine(self) -> dict[str, str]:
        """What makes its timings comparable."""
        info = self.file.machine_info
        cpu = info.get("cpu")
        parts = {name: info.get(name) for name in MACHINE}
        parts |= {f"cpu {name}": cpu.get(name) if isinstance(cpu, dict) else None for name in PROCESSOR}
        return {name: "unknown" if value is None else str(value) for name, value in parts.items()}


def judge(base: Path, head: Path, tolerance: float) -> Judgement:
    """The verdict on each benchmark that both files have.

    Args:
        base, head: JSON files of pytest-benchmark, of ``--benchmark-json`` or ``--benchmark-save``.
        tolerance: the share by which a time may grow and still be the same: 0.05.

    Raises:
        UsageError: if a file is not one of pytest-benchmark, they are of different machines, or have nothing in common.
    """
    sides = _read(base), _read(head)
    _check_machine(*sides)
    first, second = (side.by_name for side in sides)
    both = [name for name in second if name in first]
    if not both:
        raise UsageError(f"{base} and {head} have no benchmark in common")
    alpha = ALPHA / len(both)
    findings = [
        finding
        for name in both
        for finding in (
            _timing(name, first[name].stats, second[name].stats, math.log1p(tolerance), alpha),
            *_counters(first[name], second[name]),
        )
    ]
    machine = sides[1].machine
    return Judgement(
        "benchmarks",
        sides[0].called,
        sides[1].called,
        f"{machine['node']}, {machine['cpu brand_raw']}",
        tuple(findings),
        notes=tuple(_notes(first, second, both)),
    )


def _read(path: Path) -> _Side:
    try:
        file = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = ".".join(map(str, found["loc"]))
        raise UsageError(
            f"{path}: not a JSON file of pytest-benchmark: {place}{': ' * bool(place)}{found['msg']}"
        ) from None
    names = [one.fullname for one in file.benchmarks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{path}: '{twice}' stands in it twice")
    return _Side(path, file)


def _check_machine(base: _Side, head: _Side) -> None:
    for name, first in base.machine.items():
        second = head.machine[name]
        if first != second:
            raise UsageError(
                f"timings of another machine are not compared: {name} is {first} in {base.path.name} "
                f"and {second} in {head.path.name}"
            )


def _notes(first: dict[str, _Benchmark], second: dict[str, _Benchmark], both: Sequence[str]) -> Iterator[str]:
    yield TWO_PROCESSES
    new = [name for name in second if name not in first]
    gone = [name for name in first if name not in second]
    for names, what in ((new, "new"), (gone, "gone")):
        if names:
            shown = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
            yield f"{len(names)} {what}, and compared with nothing: {shown}"
    for name in both:
        counters = [side[name].counters for side in (first, second)]
        alone = sorted(counters[0].keys() ^ counters[1].keys())
        if alone:
            yield f"{name}: only one file has the {'counter' if len(alone) == 1 else 'counters'} {', '.join(alone)}"


# --- verdicts --------------------------------------------------------------------------------------------------------


def _counters(base: _Benchmark, head: _Benchmark) -> Iterator[Finding]:
    before, after = base.counters, head.counters
    for name in after:
        if name in before:
            yield compared(head.fullname, name, before[name], after[name])


def _timing(name: str, base: _Stats, head: _Stats, limit: float, alpha: float) -> Finding:
    rounds, why = [base.data, head.data], ""
    if rounds[0] and rounds[1]:
        middles = [median(rounds[0]), median(rounds[1])]
        low, high = interval(rounds[0], rounds[1], alpha)
    else:
        middles, low, high, why = [base.median, head.median], -math.inf, math.inf, NO_DATA
    change = math.log(middles[1] / middles[0])
    counts = [len(one or ()) for one in rounds]
    verdict = decided(low, high, limit)
    more = _more(counts, change, high - low, limit, alpha) if verdict is Verdict.UNDECIDED and not why else None
    return Finding(
        name,
        Measure.TIME,
        "seconds",
        verdict,
        math.exp(change),
        math.exp(low),
        math.exp(high),
        math.exp(limit),
        min(counts),
        more,
        middles[0],
        middles[1],
        why,
    )


def interval(base: Sequence[float], head: Sequence[float], alpha: float) -> tuple[float, float]:
    """The log ratios, head over base, that those of the medians can be, but for a probability of ``alpha``.

    Args:
        base, head: values in the order in which they were measured, all positive.
        alpha: holds if values a block apart are independent.

    Returns:
        both ends; infinite where there are too few values to say anything.
    """
    blocks = fewest(alpha)
    if min(len(base), len(head)) < blocks:
        return -math.inf, math.inf
    before, after = (block_medians(side, blocks) for side in (base, head))
    return math.log(min(after) / max(before)), math.log(max(after) / min(before))


def block_medians(values: Sequence[float], blocks: int) -> list[float]:
    """Those of so many consecutive blocks, whose lengths differ by one at most."""
    ends = [len(values) * k // blocks for k in range(blocks + 1)]
    return [median(values[begin:end]) for begin, end in pairwise(ends)]


def fewest(alpha: float) -> int:
    """The blocks, or rounds, of each side without which nothing can be said."""
    return math.ceil(1 + math.log2(2 / alpha))


def _more(counts: Sequence[int], change: float, width: float, limit: float, alpha: float) -> int | None:
    """How many more rounds of each would decide it, if intervals shrink with the root of their number."""
    n = min(counts)
    if n < fewest(alpha):
        return fewest(alpha) - n
    room = abs(abs(change) - limit)
    total = n * (width / 2 / room) ** 2 if room else math.inf
    return max(1, math.ceil(total) - n) if total < MAX_PAIRS else None
