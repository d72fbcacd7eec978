"""A document as what a reader does with it: its fenced blocks, the commands in them, the links and the headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(ebmbench [^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PROMPT = "$ "
FILE = re.compile(r"# ([\w.-]+\.(?:py|yaml|csv))\b")
"""A block whose first line is a comment with the name of a file is that file."""


@dataclass(frozen=True)
class Command:
    """A line that a reader types, and what the document says comes of it."""

    line: int
    text: str
    shown: str = ""

    @property
    def words(self) -> list[str]:
        """As a shell takes them apart: without the comment behind them."""
        return shlex.split(self.text, comments=True)


@dataclass(frozen=True)
class Block:
    """A fenced block, with its language and the line that it begins at."""

    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that it is, as its first line says; empty if it says none."""
        named = FILE.match(self.text)
        return named.group(1) if named else ""

    @property
    def is_session(self) -> bool:
        """Whether commands stand in it behind a prompt, with what they answer."""
        return self.text.startswith(PROMPT)

    @property
    def commands(self) -> list[Command]:
        """What is typed, in order; nothing where it is no shell."""
        if self.is_session:
            return list(self._typed())
        lines = self.text.replace("\\\n", "").splitlines() if self.language == "sh" else []
        return [Command(self.line + k + 1, text) for k, text in enumerate(lines) if shlex.split(text, comments=True)]

    def _typed(self) -> Iterator[Command]:
        line = self.line + 1
        for part in re.split(rf"^{re.escape(PROMPT)}", self.text, flags=re.MULTILINE)[1:]:
            typed, _, shown = part.partition("\n")
            yield Command(line, typed, shown)
            line += part.count("\n")


@dataclass(frozen=True)
class Document:
    """A Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """What stands outside the blocks."""
        return FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        """In order."""
        text = self.text
        return [Block(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)) for m in FENCE.finditer(text)]

    @property
    def mentioned(self) -> list[str]:
        """Commands of ours within sentences."""
        return [" ".join(found.split()) for found in INLINE.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        """Those that lead to a file, or to a heading."""
        return [link for link in LINK.findall(self.prose) if "://" not in link and not link.startswith("mailto:")]

    @property
    def anchors(self) -> set[str]:
        """Of its headings, as GitHub and the site make them."""
        found = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(self.prose))
        return {title.replace(" ", "-") for title in found}
