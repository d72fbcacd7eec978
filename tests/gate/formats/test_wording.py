"""What is said of a judgement: the exact words, of every verdict and measure, and at the edges."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ebmbench.gate.formats.wording import bounds, change, conclusion, heads, limit, rows, sentence, sentences, untouched
from ebmbench.gate.verdicts import Finding, Measure, Verdict, compared, judged
from tests.judgements import CRASHED, EMPTY, FEW, FULL, LONGER, LOWER, NARROW, NONE, OPEN, UNTOUCHED

SENTENCES = [
    "nce: work regressed: gradient_rows 2,560 -> 5,120",
    "nce: time regressed: a step takes 5.2 % longer, [3.1, 7.0] % after 14 pairs; up to 3 % counts as the same",
    "pcd: work regressed: aten 0 -> 3",
    "gan: outcome regressed: failed 0 -> 2; Boom: loss is nan, in head alone",
    "dsm: time undecided: a step takes 2.1 % longer, [-0.5, 5.0] % after 7 pairs; up to 3 % counts as the same; "
    "about 9 more pairs would decide it",
    "pcd: time undecided: a step takes 3.0 % less after 3 pairs, too few for an interval; "
    "up to 3 % counts as the same; about 6 more pairs would decide it",
    "pcd: quality undecided: no pair was measured; up to 10 % counts as the same; "
    "more pairs like these would not decide it; every trial of the base failed",
    "dsm: work better: peak_bytes 4,096 -> 2,048",
    "dsm: quality better: kl is 20.0 % lower, [11.0, 30.0] % after 9 pairs; up to 10 % counts as the same",
]


def test_every_finding_but_the_same_has_a_sentence_and_the_worst_come_first() -> None:
    assert sentences(FULL) == SENTENCES
    assert sentences(EMPTY) == []


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (NARROW, "nce: quality same: kl is 0.2 % lower, [-0.04, 4.0] % after 12 pairs; up to 10 % counts as the same"),
        (compared("nce", "aten", 7, 7), "nce: work same: aten 7"),
        (compared("nce", "aten", 0, 0), "nce: work same: aten 0"),
        (compared("nce", "charge", 1e16, 2.5), "nce: work better: charge 10,000,000,000,000,000 -> 2.5"),
        (replace(CRASHED, base=None), "gan: outcome regressed: Boom: loss is nan, in head alone"),
        (replace(CRASHED, base=None, why=""), "gan: outcome regressed"),
        (
            replace(LONGER, pairs=1, name="round"),
            "nce: time regressed: round is 5.2 % higher, [3.1, 7.0] % after 1 pair",
        ),
        (replace(OPEN, more=1), "about 1 more pair would decide it"),
        (replace(OPEN, low=0.0), "a step takes 2.1 % longer, [?, 5.0] % after 7 pairs"),
        (replace(OPEN, change=0.98, high=math.inf), "a step takes 2.0 % less, [?, 0.5] % after 7 pairs"),
        (replace(LONGER, change=math.inf, high=math.inf), "a step takes inf % longer, [3.1, ?] % after 14 pairs"),
    ],
)
def test_a_sentence_says_what_there_is(finding: Finding, said: str) -> None:
    assert said in sentence(finding)


def test_what_is_identical_is_said_to_be() -> None:
    """As the verdict is given: no interval around what has no noise."""
    finding = judged("nce", Measure.QUALITY, "kl", [0.0] * 4, math.log(1.1), 0.001)
    assert sentence(finding) == "nce: quality same: kl is the same to the last bit in 4 pairs"
    assert change(finding) == "0 %"
    assert bounds(finding) == (1.0, 1.0)


def test_too_few_pairs_have_no_interval_as_the_verdict_is_given() -> None:
    finding = judged("nce", Measure.TIME, "step", [0.01, 0.02], math.log(1.03), 0.001)
    assert bounds(finding) == (None, None)
    assert change(finding) == "+1.5 % [?, ?]"
    assert "after 2 pairs, too few for an interval; up to 3 % counts as the same; about " in sentence(finding)


@pytest.mark.parametrize(
    ("finding", "cell"),
    [
        (LONGER, "+5.2 % [+3.1, +7.0]"),
        (LOWER, "-20.0 % [-30.0, -11.0]"),
        (NARROW, "-0.2 % [-4.0, +0.04]"),
        (FEW, "-3.0 % [?, ?]"),
        (NONE, "-"),
        (CRASHED, "-"),
        (compared("nce", "rows", 3, 60), "+1,900 %"),
        (compared("nce", "rows", 10_000_000, 10_000_001), "+1e-05 %"),
        (compared("nce", "rows", 1, 1e12), "+1e+14 %"),
        (compared("nce", "rows", 5, 0), "-100 %"),
        (compared("nce", "rows", 0, 5), "from 0"),
        (compared("nce", "rows", 0, 0), "0 %"),
    ],
)
def test_a_change_is_shown_in_per_cent(finding: Finding, cell: str) -> None:
    """A change that there is never reads as none."""
    assert change(finding) == cell


def test_limits_are_shown_without_noise_of_arithmetic() -> None:
    shown = [limit(replace(LONGER, limit=math.exp(math.log(value)))) for value in (1.03, 1.1, 1.125, 1.0)]
    assert shown == ["3 %", "10 %", "12.5 %", "0 %"]
    assert limit(CRASHED) == "-"


def test_counters_that_are_the_same_are_one_row() -> None:
    found = [row.cells[1] for row in rows(FULL) if row.cells[0] == "nce"]
    assert found == ["work: 2 counters", "work gradient_rows", "time step", "quality kl"]
    one = replace(FULL, findings=(compared("nce", "aten", 7, 7),))
    assert [row.cells for row in rows(one)] == [("nce", "work aten", "same", "0 %", "0 %", "1")], "one has its name"


def test_rows_stand_by_method_whatever_the_order_of_what_was_found() -> None:
    mixed = replace(FULL, findings=(LONGER, OPEN, NARROW, LOWER))
    assert [row.cells[0] for row in rows(mixed)] == ["nce", "nce", "dsm", "dsm"]


def test_heads_and_ends() -> None:
    assert heads(FULL) == ["toy2d: main (4177ab9) -> 4c8a8b9 with changes", "2 cores, Linux; 3 minutes and 20 seconds"]
    assert heads(EMPTY)[1] == "0 seconds"
    assert untouched(FULL) == "untouched, not run: 2 methods (cd_k, gmm)"
    assert untouched(UNTOUCHED) == "untouched, not run: 9 methods (m0, m1, m2, m3, m4, m5, and 3 more)"
    assert untouched(replace(EMPTY, untouched=("nce",))) == "untouched, not run: 1 method (nce)"
    assert untouched(EMPTY) == ""


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (FULL.findings, "regressed: 4 regressed, 3 undecided, 2 better, 3 same (exit code 3)"),
        ((OPEN, LOWER), "undecided: 1 undecided, 1 better (exit code 4)"),
        ((LOWER, NARROW), "better: 1 better, 1 same (exit code 0)"),
        ((NARROW,), "same: 1 same (exit code 0)"),
        ((), "same: there was nothing to compare (exit code 0)"),
    ],
)
def test_the_conclusion_counts_the_verdicts(findings: tuple[Finding, ...], said: str) -> None:
    assert conclusion(replace(EMPTY, findings=findings)) == said


def test_a_change_that_touches_nothing_is_said_to_be_one() -> None:
    assert conclusion(UNTOUCHED) == "same: the change touches no method of the suite (exit code 0)"
    assert UNTOUCHED.verdict is Verdict.SAME
