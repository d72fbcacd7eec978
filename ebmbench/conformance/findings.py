"""What a check says: what was expected, what was seen, why that may be, and where."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ebmbench.conformance.surroundings import left_alone
from ebmbench.errors import NotApplicable, one_line

S = TypeVar("S")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        check: the name of the check that found it.
        expected, seen: in words.
        cause: what most likely is the reason; empty where there is no telling.
        where: ``file:line``; empty where there is none.
        advice: whether it costs time or readers, and no number is wrong for it.
    """

    check: str
    expected: str
    seen: str
    cause: str = ""
    where: str = ""
    advice: bool = False

    def __str__(self) -> str:
        """One line, and one more for the cause."""
        place = f" ({self.where})" if self.where else ""
        likely = f"\n    likely: {self.cause}" if self.cause else ""
        kind = "advice, " if self.advice else ""
        return f"{kind}{self.check}: expected {self.expected}; saw {self.seen}{place}{likely}"


@dataclass(frozen=True)
class Checked:
    """All that was found of one component.

    Attributes:
        name: of the component.
        component_type: ``method``, ``dataset`` or ``metric``.
        passed: the checks that found nothing.
        findings: what the others found.
        seconds: that all of them took.
    """

    name: str
    component_type: str
    passed: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; advice may have been given."""
        return all(finding.advice for finding in self.findings)

    def __str__(self) -> str:
        """A line, and those of the findings."""
        wrong = sum(not finding.advice for finding in self.findings)
        said = f"{len(self.passed)} checks passed, {wrong or 'nothing'} wrong, {self.seconds:.1f} s"
        head = f"{self.component_type} {self.name}: {said}"
        return "\n".join([head, *(f"  {finding}" for finding in self.findings)])


class Nonconforming(AssertionError):
    """A component does not keep its contract; the message has all findings."""


Check = Callable[[S], Iterator[Finding]]


def carried_out(
    name: str, component_type: str, subject: S, checks: Mapping[str, Check[S]], owner: object, fatal: frozenset[str]
) -> Checked:
    """Every check of a subject. One that raises is a finding; after one that is ``fatal`` the others make no sense."""
    begun, passed, findings = time.monotonic(), list[str](), list[Finding]()
    for title, check in checks.items():
        found = _carried_out(title, check, subject, owner)
        findings += found
        if not found:
            passed.append(title)
        elif title in fatal:
            break
    return Checked(name, component_type, tuple(passed), tuple(findings), time.monotonic() - begun)


def _carried_out(title: str, check: Check[S], subject: S, owner: object) -> list[Finding]:
    try:
        with left_alone():
            return list(check(subject))
    except NotApplicable:
        return []
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything: it is what was seen
        return [Finding(title, "no error", one_line(error), why(error), raised_at(error, owner))]


FROZEN = "a method is a frozen record: what training changes belongs into the surface, as a buffer"
SINGLE = "a tensor was made in single precision; make it like another: y.new_tensor, torch.zeros_like"
CAUSES: Mapping[str, str] = {
    "Instance is frozen": FROZEN,
    "frozen_instance": FROZEN,
    "does not require grad": "the loss does not depend on a parameter of the surface; was something detached?",
    "used in an in-place operation": "its input is changed in place (y += ...): write y = y + ...",
    "modified by an inplace operation": "a tensor that autograd needs was changed in place",
    "Float and Double": SINGLE,
    "same dtype": SINGLE,
    "expected scalar type": SINGLE,
    "Missing key": "parts of the surface are made elsewhere than in build, or hang on the data",
    "Unexpected key": "parts of the surface are made elsewhere than in build, or hang on the data",
    "size mismatch": "build takes a shape from the data; shapes may depend on the domain and the parameters alone",
}
"""What an error most likely comes of, by a part of its message."""


def why(error: BaseException) -> str:
    """The likely cause of an error; empty where there is no telling."""
    return next((cause for part, cause in CAUSES.items() if part in str(error)), "")


def raised_at(error: BaseException, owner: object) -> str:
    """The last line of the owner's own file that the error went through."""
    file = file_of(owner)
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1].lineno}" if lines else ""


def file_of(owner: object) -> str:
    """The source file of a class or function; empty where there is none."""
    found: Any = owner if inspect.isclass(owner) or inspect.isfunction(owner) else type(owner)
    try:
        return inspect.getsourcefile(found) or ""
    except TypeError:
        return ""


def line_of(owner: object, *names: str) -> str:
    """``file:line`` of the first of these members that the owner's class defines itself, else of the class."""
    cls: Any = owner if inspect.isclass(owner) or inspect.isfunction(owner) else type(owner)
    found = next((vars(cls)[name] for name in names if name in getattr(cls, "__dict__", {})), cls)
    found = (found.fget or cls) if isinstance(found, property) else found
    try:
        return f"{inspect.getsourcefile(found)}:{inspect.getsourcelines(found)[1]}"
    except (TypeError, OSError):
        return ""
