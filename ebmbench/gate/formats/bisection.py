"""What came of the search for a commit: a line a step, what was found, and both as one JSON document."""

from __future__ import annotations

import json

from ebmbench.errors import printable
from ebmbench.gate.bisect import Found, Step
from ebmbench.gate.commits import Commit
from ebmbench.gate.formats.document import plain_finding
from ebmbench.gate.formats.wording import sentence

VERSION = 1
"""Goes up when a field changes its meaning or goes away."""


def line(step: Step) -> str:
    """``4177ab9c good (nce: two rounds): nce: work same: gradient_rows 2,560``."""
    commit, why = step.commit, [sentence(step.finding)] if step.finding is not None else []
    facts = "; ".join(filter(None, [*why, step.why]))
    return printable(f"{commit.short} {step.said} ({commit.subject})" + (f": {facts}" if facts else ""))


def shown(found: Found) -> str:
    """The commit, or the commits of which it is one; what became worse; what to call."""
    *others, last = found.suspects
    if others:
        lines = [f"the first bad commit is one of {len(found.suspects)}: those between could not be judged"]
        lines += [f"  {_named(commit)}" for commit in found.suspects]
    else:
        lines = [f"first bad commit: {_named(last)}"]
    if found.finding is not None:
        lines.append(f"{last.short} against {found.good}: {sentence(found.finding)}")
    lines += ["to see more:", *(f"  git show {commit.short}" for commit in found.suspects)]
    return "\n".join(map(printable, lines))


def written(found: Found) -> str:
    """Numbers are finite or null."""
    document = {
        "version": VERSION,
        "suite": found.suite,
        "machine": found.machine,
        "good": found.good,
        "metric": found.metric,
        "first_bad": found.suspects[0].sha if len(found.suspects) == 1 else None,
        "suspects": [_commit(commit) for commit in found.suspects],
        "finding": None if found.finding is None else plain_finding(found.finding),
        "steps": [_step(step) for step in found.steps],
        "exit_code": found.exit_code,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _named(commit: Commit) -> str:
    return f"{commit.short} {commit.subject} ({commit.date})"


def _commit(commit: Commit) -> dict[str, object]:
    return {"sha": commit.sha, "date": commit.date, "subject": commit.subject}


def _step(step: Step) -> dict[str, object]:
    finding = None if step.finding is None else plain_finding(step.finding)
    return {**_commit(step.commit), "said": step.said.value, "finding": finding, "why": step.why}
