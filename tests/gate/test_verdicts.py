"""The four verdicts, and what is said of all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ebmbench.gate.medians import needed
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict, compared, judged, worst

ALPHA = 0.005
LIMIT = math.log(1.03)


def on(pairs: list[float]) -> Finding:
    return judged("nce", Measure.TIME, "step", pairs, LIMIT, ALPHA)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [(1.05, "regressed"), (0.95, "better"), (1.02, "same"), (0.98, "same")],
)
def test_a_clear_change_is_told(change: float, verdict: str) -> None:
    found = on([math.log(change) + noise for noise in np.linspace(-0.005, 0.005, 15)])
    assert found.verdict == verdict
    assert found.change == pytest.approx(change)
    assert found.low <= change <= found.high
    assert found.more is None


def test_what_is_too_near_to_the_limit_is_undecided() -> None:
    found = on([LIMIT + noise for noise in np.linspace(-0.01, 0.01, 16)])
    assert found.verdict == "undecided"
    assert found.more is None, "half of the pairs on each side: no number of them would decide"


def test_too_few_pairs_are_undecided_however_clear() -> None:
    found = on([0.2] * 10)
    assert found.verdict == "undecided"
    assert (found.low, found.high) == (0, math.inf)
    assert found.more == 1


def test_how_many_more_would_decide() -> None:
    pairs = [0.1] * 12 + [0.0] * 4
    found = on(pairs)
    assert found.verdict == "undecided"
    assert found.more == (needed(0.75, ALPHA) or 0) - 16
    again = on(pairs * 5)
    assert again.verdict == "regressed"


def test_identical_numbers_are_the_same_at_once() -> None:
    assert on([0.0, 0.0]).verdict == "same"
    assert on([]).verdict == "undecided"
    assert on([0.0, 1e-12]).verdict == "undecided", "not identical: only pairs can tell"


def test_an_infinite_loss_is_no_crash() -> None:
    found = on([math.inf] * 11)
    assert found.verdict == "regressed"
    assert found.change == math.inf


@pytest.mark.parametrize(("base", "head", "verdict"), [(5, 5, "same"), (5, 6, "regressed"), (5, 4, "better")])
def test_a_counter_has_no_tolerance(base: float, head: float, verdict: str) -> None:
    found = compared("nce", "gradient_rows", base, head)
    assert (found.verdict, found.change) == (verdict, head / base)


def test_a_counter_that_was_nothing() -> None:
    assert compared("nce", "gradient_rows", 0, 0).verdict == "same"
    assert compared("nce", "gradient_rows", 0, 7).change == math.inf


def finding(verdict: str) -> Finding:
    return Finding("nce", Measure.TIME, "step", Verdict(verdict))


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        (["same", "better"], 0),
        (["same", "undecided", "better"], 4),
        (["undecided", "regressed"], 3),
    ],
)
def test_the_exit_code(verdicts: list[str], code: int) -> None:
    findings = tuple(map(finding, verdicts))
    assert Judgement("smoke", "a", "b", "m", findings).exit_code == code
    assert worst(findings) == ({0: "better" if findings else "same", 3: "regressed", 4: "undecided"}[code])
