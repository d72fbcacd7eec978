"""A judgement in a terminal: the exact lines, at any width, and nothing that drives it."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from ebmbench.gate.formats.terminal import shown
from ebmbench.gate.formats.wording import conclusion, sentences
from ebmbench.gate.verdicts import Judgement
from tests.judgements import EMPTY, FULL, HOSTILE, UNTOUCHED


def text(judgement: Judgement, width: int = 200, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(width=width, file=out, force_terminal=terminal, _environ={"TERM": "xterm"}).print(shown(judgement))
    return out.getvalue()


def lines(judgement: Judgement, width: int = 200) -> list[str]:
    return [line.rstrip() for line in text(judgement, width).splitlines()]


def test_exactly_this_is_shown() -> None:
    assert lines(FULL)[:18] == [
        "toy2d: main (4177ab9) -> 4c8a8b9 with changes",
        "2 cores, Linux; 3 minutes and 20 seconds",
        "",
        "method  measure             verdict                    change  limit  pairs",
        "─" * 75,
        "nce     work: 2 counters    same                          0 %    0 %      1",
        "        work gradient_rows  regressed                  +100 %    0 %      1",
        "        time step           regressed     +5.2 % [+3.1, +7.0]    3 %     14",
        "        quality kl          same         -0.2 % [-4.0, +0.04]   10 %     12",
        "dsm     work peak_bytes     better                    -50.0 %    0 %      1",
        "        quality kl          better     -20.0 % [-30.0, -11.0]   10 %      9",
        "        time step           undecided     +2.1 % [-0.5, +5.0]    3 %      7",
        "pcd     work aten           regressed                  from 0    0 %      1",
        "        time step           undecided           -3.0 % [?, ?]    3 %      3",
        "        quality kl          undecided                       -   10 %      0",
        "gan     outcome failed      regressed                       -      -      0",
        "",
        "untouched, not run: 2 methods (cd_k, gmm)",
    ]
    assert lines(FULL)[18:] == [
        "",
        *(f"- {sentence}" for sentence in sentences(FULL)),
        "",
        "- The tree has changes that are not committed.",
        "",
        "to see more:",
        "  ebmbench compare a b",
        "  ebmbench report toy2d",
        "",
        "regressed: 4 regressed, 3 undecided, 2 better, 3 same (exit code 3)",
    ]


def test_nothing_touched_is_said_in_a_few_lines() -> None:
    assert lines(UNTOUCHED) == [
        "toy2d: main (4177ab9) -> 4c8a8b9",
        "0 seconds",
        "",
        "untouched, not run: 9 methods (m0, m1, m2, m3, m4, m5, and 3 more)",
        "",
        "same: the change touches no method of the suite (exit code 0)",
    ]
    assert lines(EMPTY)[3:] == ["same: there was nothing to compare (exit code 0)"]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("judgement", [FULL, HOSTILE], ids=["full", "hostile"])
def test_no_line_is_longer_than_the_terminal_and_every_verdict_is_a_word(judgement: Judgement, width: int) -> None:
    found = lines(judgement, width)
    assert max(map(cell_len, found)) <= width
    words = " ".join(found).split()
    assert [word for word in ("method", "measure", "verdict", "change", "regressed") if word not in words] == []
    assert conclusion(judgement) in " ".join(found[-2:])


def test_limits_and_pairs_are_what_a_narrow_terminal_has_no_room_for() -> None:
    assert "limit  pairs" in text(FULL, 75)
    assert "pairs\n" not in text(FULL, 60)


def test_verdicts_have_colors() -> None:
    found = text(FULL, terminal=True).splitlines()
    row = {word: next(line for line in found if word in line) for word in ("regressed", "better", "undecided")}
    assert "\x1b[1;31m" in row["regressed"]
    assert "\x1b[32m" in row["better"]
    assert "\x1b[33m" in row["undecided"]
    assert "\x1b[1;31mregressed: 4 regressed" in found[-1]


def test_no_name_drives_the_terminal_or_is_markup() -> None:
    found = text(HOSTILE, terminal=True)
    assert "\x1b]0;" not in found
    assert "\x07" not in found
    assert "[bold]" in found
