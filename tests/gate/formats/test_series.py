"""Which number of a finding a service is given."""

from __future__ import annotations

import math
from dataclasses import replace

from ebmbench.gate.formats.series import COUNT, FACTOR, Point, points
from ebmbench.gate.verdicts import Finding, compared
from tests.judgements import CRASHED, EMPTY, FEW, LONGER, NONE


def of(*findings: Finding) -> list[Point]:
    return list(points(replace(EMPTY, findings=findings)))


def test_a_value_of_head_itself_comes_before_a_factor() -> None:
    counter = compared("nce", "rows", 5, 7)
    assert of(counter, CRASHED) == [Point(counter, 7, COUNT), Point(CRASHED, 2, COUNT)]
    assert of(LONGER) == [Point(LONGER, 1.052, FACTOR, 1.031, 1.07)]


def test_what_is_not_bounded_has_no_ends_and_what_is_exact_none_either() -> None:
    assert of(FEW) == [Point(FEW, 0.97, FACTOR)]
    half = replace(LONGER, high=math.inf)
    assert of(half) == [Point(half, 1.052, FACTOR, 1.031)]
    exact = replace(LONGER, low=1.052, high=1.052)
    assert of(exact) == [Point(exact, 1.052, FACTOR)]


def test_what_has_no_finite_number_is_left_out() -> None:
    assert of(NONE, replace(LONGER, change=math.inf), replace(NONE, head=math.nan)) == []
    new = compared("nce", "rows", 0, 3)
    assert of(new) == [Point(new, 3, COUNT)], "its factor is infinite, its value is not"
