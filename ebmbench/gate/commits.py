"""The commits that lie between two others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ebmbench.errors import UsageError, printable
from ebmbench.gate.trees import SHORT, commit_of, git


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        sha: all of its digits.
        date: when its author made it, in ISO 8601.
        subject: the first line of its message, harmless for a terminal.
    """

    sha: str
    date: str
    subject: str

    @property
    def short(self) -> str:
        """The digits that people see."""
        return self.sha[:SHORT]


def between(root: Path, good: str, bad: str) -> tuple[Commit, ...]:
    """The commits after one up to another, in order; of what was merged, the merge alone.

    Raises:
        UsageError: if there are no such commits, or the first is no ancestor of the second.
    """
    first, last = commit_of(root, good, "--good"), commit_of(root, bad, "--bad")
    if first == last:
        raise UsageError(f"--good {good} and --bad {bad} are the same commit")
    if git(root, "merge-base", "--all", first, last).split() != [first]:
        raise UsageError(f"--good {good} is no ancestor of --bad {bad}; expected an earlier commit")
    shape = "--format=%H%x00%aI%x00%s"
    lines = git(root, "log", "--first-parent", "--reverse", "--no-show-signature", shape, f"{first}..{last}")
    fields = (line.split("\0", 2) for line in lines.split("\n"))
    return tuple(Commit(sha, date, printable(subject)) for sha, date, subject in fields)
