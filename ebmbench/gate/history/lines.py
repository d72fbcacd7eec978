"""What became of each method from commit to commit: a file of JSON lines that is only ever appended to.

Every line stands alone and says which number it is of: of a commit, a suite, a method, a dataset and a measure, and, if
it depends on that, of a machine. So the file can be merged by taking the lines of both sides, in any order: what stands
in it twice counts once, and commits are ordered by the dates that the lines record.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, AwareDatetime, Field, FiniteFloat, ValidationError

from ebmbench.contracts.records import Record
from ebmbench.errors import UsageError, suggest
from ebmbench.suite.selection import matcher

FILE = "history.jsonl"
"""What it is called in a results folder."""
COUNTERS = ("passes", "operations", "energy_rows", "gradient_rows")
"""What is counted by the harness: equal code has equal numbers, to the last digit, on every machine."""
MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
"""What git leaves in a file that it could not merge."""
NAMED = 5
"""Lines that cannot be read are named, so many of them at most."""

Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Place(NamedTuple):
    """Which series a number belongs to; the machine is empty where it makes no difference."""

    suite: str
    method: str
    dataset: str
    measure: str
    machine: str

    @property
    def name(self) -> str:
        """What ``-k`` looks at, as in the names of trials."""
        return f"{self.method}/{self.dataset}"


class Line(Record):
    """One number of a commit."""

    commit: str
    committed: Moment = Field(description="when the commit was made; where that is not known, when the run began")
    suite: str
    method: str
    dataset: str
    measure: str
    machine: str = ""
    median: FiniteFloat | None = Field(description="over seeds; None: half of the trials or more did not end well")
    spread: FiniteFloat | None = Field(None, description="half of the range over seeds; None: there is but one")
    n: int = Field(ge=0, description="how many seeds have a number")
    unit: str = ""
    scale: Literal["ratio", "log"] = Field("ratio", description="log: the number is the logarithm of what is compared")
    date: Moment = Field(description="when the run began")

    @property
    def place(self) -> Place:
        """Its series."""
        return Place(self.suite, self.method, self.dataset, self.measure, self.machine)

    @property
    def log(self) -> float | None:
        """The logarithm of what is compared; None where there is none."""
        if self.median is None or (self.scale == "ratio" and self.median <= 0):
            return None
        return self.median if self.scale == "log" else math.log(self.median)

    @property
    def log_spread(self) -> float | None:
        """The spread over seeds of that, about."""
        if self.spread is None or self.log is None:
            return None
        return self.spread if self.scale == "log" else self.spread / abs(self.median or 1)

    @property
    def _order(self) -> tuple[datetime, datetime, str, str]:
        """By the date of the commit; of two lines of one commit and place, the run that began first comes first."""
        return self.committed, self.date, self.commit, str(self.median)


@dataclass(frozen=True)
class Series:
    """One number from commit to commit: a line a commit, the oldest first."""

    place: Place
    lines: tuple[Line, ...]

    @property
    def exact(self) -> bool:
        """Whether it is counted, and has no noise."""
        return self.place.measure in COUNTERS


@dataclass(frozen=True)
class History:
    """All that could be read of a file.

    Attributes:
        lines: in the order of the file, what stands in it twice among them.
        notes: what could not be read, a sentence.
    """

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    @property
    def series(self) -> list[Series]:
        """All series, by suite, method, dataset and measure."""
        found = dict[tuple[Place, str], Line]()
        for line in sorted(self.lines, key=lambda line: line._order):
            found.setdefault((line.place, line.commit), line)
        by_place = sorted(found.values(), key=lambda line: line.place)
        return [Series(place, tuple(part)) for place, part in groupby(by_place, lambda line: line.place)]

    def new(self, lines: Iterable[Line]) -> list[Line]:
        """Those of some lines whose place has no number of their commit yet."""
        known = {(line.place, line.commit) for line in self.lines}
        return [line for line in lines if (line.place, line.commit) not in known]


def read(path: Path) -> History:
    """A history file; what cannot be read of it is skipped, and said.

    Raises:
        UsageError: if there is no such file, or it cannot be read at all.
    """
    try:
        texts = path.read_bytes().decode(errors="replace").split("\n")
    except FileNotFoundError:
        raise UsageError(f"no history in {path}; begin one with: ebmbench history add SUITE") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    lines, damaged, conflict = list[Line](), list[int](), False
    for number, text in enumerate(texts, 1):
        if text.startswith(MARKERS):
            conflict = True
        elif text.strip():
            try:
                lines.append(Line.model_validate_json(text))
            except (ValidationError, OverflowError):  # a year that has no moment in UTC
                damaged.append(number)
    return History(tuple(lines), tuple(_notes(path, damaged, conflict)))


def _notes(path: Path, damaged: Sequence[int], conflict: bool) -> Iterable[str]:
    if conflict:
        yield f"{path}: it has marks of a merge that did not succeed; the lines of both sides are read"
    if damaged:
        named = ", ".join(map(str, damaged[:NAMED])) + (", ..." if len(damaged) > NAMED else "")
        which = f"line {named} is" if len(damaged) == 1 else f"{len(damaged)} lines ({named}) are"
        yield f"{path}: {which} damaged, or another version's, and skipped"


def chosen(
    history: History, path: Path, suite: str | None = None, keyword: str | None = None, measure: str | None = None
) -> list[Series]:
    """The series of a suite, of methods and datasets whose names match, of a measure: of all where nothing is asked.

    Raises:
        UsageError: if there is none; it says what there is.
    """
    found = history.series
    if not found:
        raise UsageError(f"{path}: there is not a line in it; begin with: ebmbench history add SUITE")
    for wanted, what in ((suite, "suite"), (measure, "measure")):
        known = {getattr(series.place, what) for series in found}
        if wanted is not None and wanted not in known:
            raise UsageError(f"{path}: no {what} '{wanted}'{suggest(wanted, known)}")
        found = [series for series in found if wanted in (None, getattr(series.place, what))]
    matches = matcher(keyword) if keyword else None
    found = [series for series in found if matches is None or matches(series.place.name)]
    if not found:
        raise UsageError(f"{path}: no series of what was asked for; a name is method/dataset")
    return found


def append(path: Path, lines: Sequence[Line]) -> None:
    """Append lines in one write, so that those of two writers do not mix; a torn last line is ended first.

    Raises:
        OSError: if they could not be written.
    """
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line.model_dump_json()}\n" for line in lines).encode()
    with path.open("a+b", buffering=0) as file:
        if file.tell():
            file.seek(-1, 2)
            text = text if file.read(1) == b"\n" else b"\n" + text
        if file.write(text) != len(text):
            raise OSError(28, "there is no room for all of it", str(path))
