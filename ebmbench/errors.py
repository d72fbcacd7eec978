"""Errors that a person reads: what was wrong, where, what was expected, and the nearest right thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

MAX_LENGTH = 380
"""Characters of a message: a longer one loses its middle."""
WINDOW = 100
"""Characters of a suite's line that are shown around the place of an error."""


class UsageError(Exception):
    """Bad input: the command line shows the message alone and exits with code 2.

    Whatever names it is made of, the message is one line of at most ``MAX_LENGTH`` printable characters; ``below`` it
    may stand more lines that are ready to be shown.
    """

    def __init__(self, message: str, below: str = "") -> None:
        super().__init__(sentence(message) + below)


class NotApplicable(Exception):
    """A number that cannot be had here; the message says why."""


class NotNormalizable(NotApplicable):
    """exp(-F) has no finite integral, or none at all: a finding, and no gap."""


class EngineLost(Exception):
    """No workers can be started any more: the command line exits with code 5."""


class SuiteError(UsageError):
    """Something wrong in a suite file, with the place and the line itself where they are known."""

    def __init__(
        self, message: str, path: Path | None = None, line: int | None = None, column: int | None = None, text: str = ""
    ) -> None:
        self.message, self.path, self.line, self.column = message, path, line, column
        where = "" if path is None else f"{path}:" if line is None else f"{path}:{line}:{column}:"
        below = "" if not text or column is None else excerpt(text, column)
        super().__init__(f"{where} {message}", below)


def excerpt(text: str, column: int) -> str:
    """What stands around a column (from one) of a line, and a caret below it: two lines, of a bounded length."""
    start = max(0, min(column - 1 - WINDOW // 2, len(text) - WINDOW))
    shown = printable(text[start : start + WINDOW].replace("\t", " "))
    return f"\n    {shown}\n    {' ' * min(column - 1 - start, len(shown))}^"


def suggest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'nce'?`` for the nearest known name, else ``; known: ...`` (a short list), else nothing."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not known:
        return ""
    shown = ", ".join(known[:12])
    return f"; known: {shown}{', ...' if len(known) > 12 else ''}"


def sentence(text: str, limit: int = MAX_LENGTH) -> str:
    """The text as one line of printable characters; one that is too long loses its middle."""
    text = printable(" ".join(text.split()))
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 5]} ... {text[-tail:]}"


def one_line(error: BaseException, limit: int = 300) -> str:
    """The type and message of an exception in one line, for tables and logs."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - a plugin's exception may fail even to say what it is
        message = "its message cannot be shown"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return printable(text if len(text) <= limit else text[: limit - 3] + "...")


def printable(text: str) -> str:
    """The text without control characters, so that a name or message cannot drive a terminal."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)
