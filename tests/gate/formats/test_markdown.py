"""A judgement in Markdown: the exact text, and names that are never markup, as a reader of Markdown understands it."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from ebmbench.errors import printable
from ebmbench.gate.formats.markdown import MARKER, line, written
from tests.judgements import EMPTY, EVIL, FULL, HOSTILE, LONGER, UNTOUCHED

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def read(markdown: str) -> str:
    """The text that people see, without the marks of blocks."""
    return html.unescape(re.sub(r"</?[a-z0-9]+[^<>]*>|<!--.*?-->", "", READER.render(markdown)))


def test_exactly_this_is_written() -> None:
    short = replace(FULL, findings=(FULL.findings[1], LONGER, FULL.findings[4]))
    assert written(short) == (
        r"""<!-- ebmbench gate -->
## Gate: regressed

toy2d: main (4177ab9) -\> 4c8a8b9 with changes\
2 cores, Linux; 3 minutes and 20 seconds

| method | measure | verdict | change | limit | pairs |
|---|---|---|---:|---:|---:|
| nce | work gradient\_rows | **regressed** | +100 % | 0 % | 1 |
| nce | time step | **regressed** | +5.2 % \[+3.1, +7.0\] | 3 % | 14 |
| nce | quality kl | same | -0.2 % \[-4.0, +0.04\] | 10 % | 12 |

untouched, not run: 2 methods (cd\_k, gmm)

- nce: work regressed: gradient\_rows 2,560 -\> 5,120
- nce: time regressed: a step takes 5.2 % longer, \[3.1, 7.0\] % after 14 pairs; up to 3 % counts as the same

- The tree has changes that are not committed.

To see more:

```sh
ebmbench compare a b
ebmbench report toy2d
```

**regressed: 2 regressed, 1 same (exit code 3)**
"""
    )


def test_nothing_touched_is_said_in_a_few_lines() -> None:
    text = r"toy2d: main (4177ab9) -\> 4c8a8b9"
    assert written(EMPTY) == (
        f"{MARKER}\n## Gate: same\n\n{text}\\\n0 seconds\n\n**same: there was nothing to compare (exit code 0)**\n"
    )
    assert "\n\nuntouched, not run: 9 methods (m0, m1, m2, m3, m4, m5, and 3 more)\n\n" in written(UNTOUCHED)


def test_a_comment_is_found_by_its_first_line_and_by_no_name() -> None:
    named = replace(HOSTILE, suite=MARKER, notes=(MARKER,))
    assert written(named).startswith(MARKER + "\n")
    assert written(named).count(MARKER) == 1


def test_every_name_is_shown_as_it_is() -> None:
    """But the at sign, which a character that takes no place parts from the name."""
    seen = read(written(HOSTILE))
    name = printable(" ".join(EVIL.split())).replace("@", "@\N{ZERO WIDTH SPACE}")
    assert seen.count(name) == 4 + 2 * 2 + 1 + 5 + 1, "heads, table, untouched, sentences, note"
    assert printable(EVIL) in seen, "the command, in code"
    tags = {"h2", "p", "br", "table", "thead", "tbody", "tr", "th", "td", "strong", "ul", "li", "pre", "code"}
    assert set(re.findall("<([a-z0-9]+)", READER.render(written(HOSTILE)))) == tags


def test_nobody_is_called() -> None:
    """Not outside of code."""
    text, code = written(HOSTILE).split("```sh\n")
    assert not re.search(r"@\w", text)
    assert "@you" in code


@pytest.mark.parametrize(
    "said", ["- a", "+ a", "1. a", "12) a", "---", "===", "# a", "> a", "* a", "~~~", "```", "    a"]
)
def test_a_line_begins_nothing(said: str) -> None:
    assert READER.render(line(said)) == f"<p>{html.escape(said.strip())}</p>\n"
    assert READER.render(f"- {line(said)}") == f"<ul>\n<li>{html.escape(said.strip())}</li>\n</ul>\n"


def test_no_command_ends_its_code() -> None:
    text = written(replace(EMPTY, commands=("a ```` b", "c\n```\n# d")))
    assert "`````sh\na ```` b\nc�```�# d\n`````\n" in text
    assert "<h1>" not in READER.render(text)
