"""A judgement as Markdown: for the summary of a workflow's run, and for a comment at a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ebmbench.errors import printable
from ebmbench.gate.formats.wording import HEAD, NUMBERS, conclusion, heads, rows, sentences, untouched
from ebmbench.gate.verdicts import Judgement, Verdict
from ebmbench.report import text

MARKER = "<!-- ebmbench gate -->"
"""The first line, which nobody sees: by it a comment is found when it is to be replaced."""
NOBODY = "@&#8203;"
"""An at sign that calls nobody."""


def written(judgement: Judgement) -> str:
    """The table, a sentence a finding, and the verdict first and last."""
    blocks = [f"{MARKER}\n## Gate: {judgement.verdict}", "\\\n".join(map(line, heads(judgement)))]
    if judgement.findings:
        blocks.append(_table(judgement))
    blocks += [escaped(one) for one in [untouched(judgement)] if one]
    blocks += [_listed(lines) for lines in (sentences(judgement), judgement.notes) if lines]
    if judgement.commands:
        blocks += ["To see more:", _fenced(judgement.commands)]
    return "\n\n".join([*blocks, f"**{escaped(conclusion(judgement))}**"]) + "\n"


def escaped(said: str) -> str:
    """A text as it is; whoever is named in it is not called."""
    return text.escaped(said).replace("~", "\\~").replace("@", NOBODY)


def line(said: str) -> str:
    """A text as it is where a line begins: no list, and no rule."""
    return re.sub(r"^([0-9]*)([-+=.)])", r"\1\\\2", escaped(said))


def _table(judgement: Judgement) -> str:
    """A row a finding; any verdict but ``same`` is bold."""
    lines = [_line(HEAD), "|" + "".join("---:|" if title in NUMBERS else "---|" for title in HEAD)]
    for row in rows(judgement):
        cells = [escaped(cell) for cell in row.cells]
        place = HEAD.index("verdict")
        cells[place] = cells[place] if row.verdict is Verdict.SAME else f"**{cells[place]}**"
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line(one)}" for one in lines)


def _fenced(lines: Sequence[str]) -> str:
    """Code between fences that are longer than any in it."""
    code = "\n".join(map(printable, lines))
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code)), 0)
    return f"{fence}sh\n{code}\n{fence}"
