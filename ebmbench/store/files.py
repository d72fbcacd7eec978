"""Writing so that a reader never sees half of a file."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ebmbench.errors import printable

MAX_TAIL = 16384
"""Bytes of a log that are read."""
MAX_LINE = 500
"""Characters of a line of it that are kept."""


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write beside, flush to disk, rename: a reader sees the old file or the new one, never half of one."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; what was written there takes the place of ``path`` in one step.

    If the writing fails, what was there stays, and nothing else does.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def append_line(path: Path, text: str) -> None:
    """Append one line in a single write."""
    with path.open("ab") as file:
        file.write(text.encode() + b"\n")


def last_lines(path: Path, count: int) -> tuple[str, ...]:
    """The last lines of a text that anything may have written, without control codes; none where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - MAX_TAIL))
            lines = file.read().decode(errors="replace").replace("\t", "    ").splitlines()
    except OSError:
        return ()
    return tuple(printable(line)[:MAX_LINE] for line in lines[-count:])


def size_of(path: str) -> int | None:
    """Bytes of a file; None when there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
