"""Errors that a person reads: what was wrong, where, what was expected, and the nearest right thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class UsageError(Exception):
    """Bad input: the command line shows the message alone and exits with code 2."""


class EngineLost(Exception):
    """No workers can be started any more: the command line exits with code 5."""


class SuiteError(UsageError):
    """Something wrong in a suite file, with the place and the line itself where they are known."""

    def __init__(
        self, message: str, path: Path | None = None, line: int | None = None, column: int | None = None, text: str = ""
    ) -> None:
        self.message, self.path, self.line, self.column = message, path, line, column
        where = "" if path is None else f"{path}:" if line is None else f"{path}:{line}:{column}:"
        shown = f"{where} {message}".strip()
        if text and column is not None:
            shown += f"\n    {text}\n    {' ' * (column - 1)}^"
        super().__init__(shown)


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


def one_line(error: BaseException, limit: int = 300) -> str:
    """The type and message of an exception in one line, for tables and logs."""
    message = " ".join(str(error).split())
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return printable(text if len(text) <= limit else text[: limit - 3] + "...")


def printable(text: str) -> str:
    """The text without control characters, so that a name or message cannot drive a terminal."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)
