"""How trials ended on both sides, and the ratio of their losses."""

from __future__ import annotations

import math

import pytest

from ebmbench.contracts.records import Ruler
from ebmbench.gate.quality import Ended, Outcome, ends, targets

KL = Ruler("density", "kl", "ratio")
SKILL = Ruler("order", "skill", "gap")


def outcome(base: float | str, head: float | str, metric: str = "kl") -> Outcome:
    sides = [Ended("ok", values={metric: one}) if isinstance(one, float) else Ended(one, "why") for one in (base, head)]
    return Outcome("nce/moons/0/cpu", *sides)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [(0.1, 0.12, math.log(1.2)), (0.1, 0.1, 0.0), (math.inf, math.inf, 0.0), (0.1, math.inf, math.inf)],
)
def test_the_ratio_of_losses(base: float, head: float, expected: float) -> None:
    assert outcome(base, head).ratio(KL) == pytest.approx(expected)


def test_the_loss_of_skill_is_what_it_lacks() -> None:
    assert outcome(0.9, 0.8, "skill").ratio(SKILL) == pytest.approx(math.log(2))


@pytest.mark.parametrize("pair", [(0.1, "failed"), ("failed", 0.1), (math.nan, 0.1)])
def test_no_number_no_ratio(pair: tuple[float | str, float | str]) -> None:
    assert outcome(*pair).ratio(KL) is None
    assert outcome(0.1, 0.1).ratio(SKILL) is None


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ([(0.1, 0.1)], None),
        ([(0.1, 0.1), (0.1, "crashed")], "regressed"),
        ([("failed", 0.1), (0.1, "failed")], "regressed"),
        ([("failed", 0.1)], "better"),
        ([("failed", "failed")], "same"),
    ],
)
def test_a_trial_that_ends_badly_in_head_alone_is_a_regression(
    pairs: list[tuple[float | str, float | str]], verdict: str | None
) -> None:
    found = ends("nce", [outcome(*pair) for pair in pairs])
    assert (None if found is None else found.verdict) == verdict
    if found is not None:
        assert "nce/moons/0/cpu" in found.why


def reached(base: float, head: float, name: str = "nce/moons/0/cpu") -> Outcome:
    return Outcome(name, *(Ended("ok", counters={"passes_to_0.1": number, "steps": 52}) for number in (base, head)))


def test_equal_passes_to_a_target_are_nothing_to_speak_of() -> None:
    assert list(targets([reached(3e5, 3e5), reached(math.inf, math.inf)])) == []


def test_other_passes_to_a_target_are_said_exactly() -> None:
    outcomes = [reached(3e5, 3e5), reached(300_000, 600_000, "nce/moons/1/cpu"), reached(6e5, 3e5)]
    assert list(targets(outcomes)) == [
        "passes to 0.1: another number in 2 of 3 trials, later in 1; "
        "nce/moons/1/cpu took 300,000 in base, 600,000 in head"
    ]


def test_a_target_that_is_no_longer_reached_is_said() -> None:
    (said,) = targets([reached(3e5, math.inf)])
    assert said.endswith("took 300,000 in base, for ever in head")


def test_a_base_that_does_not_count_them_says_nothing() -> None:
    assert list(targets([Outcome("nce/moons/0/cpu", Ended("ok"), Ended("ok", counters={"passes_to_0.1": 1.0}))])) == []
