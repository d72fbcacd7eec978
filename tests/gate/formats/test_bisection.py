"""What is said of a search: lines for people, a document for programs."""

from __future__ import annotations

import json

from ebmbench.gate.bisect import Found, Step
from ebmbench.gate.commits import Commit
from ebmbench.gate.formats.bisection import line, shown, written
from ebmbench.gate.searching import Judged
from ebmbench.gate.verdicts import compared
from tests.judgements import EVIL, LONGER

FIRST, SECOND = (Commit(digit * 40, f"2026-01-0{digit}T12:00:00+00:00", f"change {digit}") for digit in "12")
BAD = Step(SECOND, Judged.BAD, compared("nce", "gradient_rows", 2560, 5120))
SKIPPED = Step(FIRST, Judged.SKIP, why="nce time undecided")


def found(*suspects: Commit) -> Found:
    return Found("smoke", "here", "v1 (33333333)", "gradient_rows", suspects, (BAD, SKIPPED))


def test_a_line_a_step() -> None:
    assert line(BAD) == "22222222 bad (change 2): nce: work regressed: gradient_rows 2,560 -> 5,120"
    assert line(SKIPPED) == "11111111 skip (change 1): nce time undecided"
    assert line(Step(FIRST, Judged.GOOD)) == "11111111 good (change 1)"


def test_the_commit() -> None:
    assert shown(found(SECOND)).splitlines() == [
        "first bad commit: 22222222 change 2 (2026-01-02T12:00:00+00:00)",
        "22222222 against v1 (33333333): nce: work regressed: gradient_rows 2,560 -> 5,120",
        "to see more:",
        "  git show 22222222",
    ]


def test_an_interval_is_said() -> None:
    one = Found("smoke", "here", "v1", "time", (SECOND,), (Step(SECOND, Judged.BAD, LONGER),))
    assert "a step takes 5.2 % longer, [3.1, 7.0] % after 14 pairs" in shown(one)


def test_one_of_several() -> None:
    lines = shown(found(FIRST, SECOND)).splitlines()
    assert lines[0] == "the first bad commit is one of 2: those between could not be judged"
    assert lines[1:3] == [f"  {digit * 8} change {digit} (2026-01-0{digit}T12:00:00+00:00)" for digit in "12"]
    assert lines[-2:] == ["  git show 11111111", "  git show 22222222"]


def test_the_document() -> None:
    one, several = (json.loads(written(found(*suspects))) for suspects in ((SECOND,), (FIRST, SECOND)))
    assert (one["first_bad"], one["exit_code"]) == (SECOND.sha, 0)
    assert (several["first_bad"], several["exit_code"]) == (None, 4)
    assert [commit["subject"] for commit in several["suspects"]] == ["change 1", "change 2"]
    assert one["finding"]["head"] == 5120
    assert [step["said"] for step in one["steps"]] == ["bad", "skip"]
    assert one["steps"][1]["why"] == "nce time undecided"


def test_nothing_drives_a_terminal() -> None:
    step = Step(SECOND, Judged.BAD, compared(EVIL, EVIL, 1, 2), EVIL)
    one = Found(
        EVIL, EVIL, EVIL, EVIL, (Commit("2" * 40, EVIL, EVIL),) * 1, (Step(Commit("2" * 40, EVIL, EVIL), Judged.BAD),)
    )
    assert line(step).isprintable()
    assert all(text.isprintable() for text in shown(one).splitlines())
    json.loads(written(one))
