"""Who is best: by the headline, failures counted, missing numbers and skipped trials nowhere, claims never."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ebmbench.analysis import ranks
from ebmbench.analysis.ranks import Ranking
from ebmbench.contracts.records import Column, EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import PLANE, USER_DATA
from ebmbench.store.runs import TrialResult
from tests.factories import make_cells, make_report, make_trial, make_view

LOST = float("nan")
"""A trial that ended well and has no such number."""


def ranking(trials: Iterable[TrialResult], **facts: Any) -> Ranking:
    return make_report(trials, **facts).leaderboard.ranking


def levels(row: str, values: Sequence[float | None], metric: str = "skill", **facts: Any) -> list[TrialResult]:
    """Trials of a row, a seed each: None failed, NaN ended well without the number."""
    return [
        make_trial(
            make_view(row, seed=seed, **facts),
            {} if value is None or np.isnan(value) else {metric: value},
            status=Status.FAILED if value is None else Status.OK,
        )
        for seed, value in enumerate(values)
    ]


def fill(row: str, level: float, **facts: Any) -> list[TrialResult]:
    """Twenty trials of a row about a level of skill."""
    rng = np.random.default_rng(sum(map(ord, row)))
    skills = {dataset: list(level + rng.normal(0, 0.02, 10)) for dataset in ("moons", "rings")}
    return [trial for dataset, values in skills.items() for trial in levels(row, values, dataset=dataset, **facts)]


# --- where a truth is known ------------------------------------------------------------------------------------------


def test_the_highest_skill_is_best_and_reference_rows_never_are() -> None:
    rows = [*fill("oracle", 0.99, strategy=Strategy.REFERENCE), *fill("good", 0.7), *fill("bad", 0.3)]
    assert ranking(rows) == Ranking("good", frozenset())


def test_what_cannot_be_told_from_the_best_is_a_tie() -> None:
    found = ranking([*fill("good", 0.7), *fill("twin", 0.7), *fill("bad", 0.3)])
    assert {found.best, *found.ties} == {"good", "twin"}


def test_failures_cost_the_first_place() -> None:
    frail: list[float | None] = [*[None] * 8, 0.95, 0.95]
    brilliant = [trial for dataset in ("moons", "rings") for trial in levels("brilliant", frail, dataset=dataset)]
    assert ranking([*fill("steady", 0.6), *brilliant]) == Ranking("steady", frozenset())


@pytest.mark.long
def test_what_ended_well_without_a_skill_costs_nothing() -> None:
    """Six pairs are left, all won: best and no tie. The wrong twin failed there, and loses."""
    steady = levels("steady", [0.5 + k / 100 for k in range(10)])
    half = [0.9 + k / 100 for k in range(6)]
    assert ranking([*steady, *levels("half", [*half, *[LOST] * 4])]) == Ranking("half", frozenset())
    twin = ranking([*steady, *levels("half", [*half[:4], *[None] * 6])])
    assert twin.best == "steady"


def test_a_method_that_never_had_a_skill_is_not_ranked() -> None:
    nothing = levels("nothing", [LOST] * 8)
    assert ranking([*nothing, *levels("some", [0.1] * 8)]) == Ranking("some", frozenset())
    none = [make_trial(make_view("nothing", seed=seed), {"auroc": 0.5}) for seed in range(8)]
    assert ranking(none) == Ranking(None, frozenset())


@pytest.mark.long
def test_the_rank_and_the_estimate_are_of_the_same_numbers() -> None:
    """The best is the row whose shown average is the largest, whatever is missing or failed where."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        trials = []
        for row in "abcd":
            values = [None if u < 0.2 else LOST if u < 0.5 else float(rng.normal(0.3, 0.4)) for u in rng.random(8)]
            trials += levels(row, values)
        board = make_report(trials).leaderboard
        estimates = {method.row: method.estimate("skill") for method in board.methods}
        shown = {row: found.value for row, found in estimates.items() if found is not None}
        assert board.ranking.best == max(shown, key=lambda row: shown[row])


def test_a_method_that_only_failed_is_never_the_best_nor_is_one_that_was_skipped() -> None:
    broken = make_trial(make_view("broken"), status=Status.FAILED)
    absent = make_trial(make_view("absent", skipped="no such device"), status=Status.SKIPPED)
    measured = make_trial(make_view("oracle", strategy=Strategy.REFERENCE), {"skill": 1.0})
    board = make_report([broken, absent, measured]).leaderboard
    assert {method.row for method in board.methods} == {"broken", "absent", "oracle"}
    assert board.ranking.best is None
    assert ranking([absent, measured]).best is None
    assert ranking([broken, *fill("poor", -0.9)]).best == "poor"


def test_a_board_of_references_has_no_best() -> None:
    assert ranking(fill("oracle", 0.99, strategy=Strategy.REFERENCE)).best is None
    assert ranks.rank([], (PLANE,)).best is None
    assert ranks.rank([], ()).best is None


def test_rows_of_two_devices_are_compared_by_dataset_and_seed() -> None:
    """The bad one on cuda is far below the good one on cpu: not a tie."""
    found = ranking([*fill("good", 0.9), *fill("bad", 0.1, device="cuda")])
    assert found.best == "good @cpu"
    assert "bad @cuda" not in found.ties


def test_skill_ranks_where_any_truth_is_known_and_other_data_have_no_say() -> None:
    mine: dict[str, Any] = {"dataset": "mine", "track": "user_data", "metric": "nll_beta"}
    trials = [
        *levels("first", [0.9, 0.91, 0.92]),
        *levels("first", BAD[:3], **mine),
        *levels("second", [0.5] * 3),
        *levels("second", GOOD[:3], **mine),
    ]
    board = make_report(trials).leaderboard
    assert board.ranking.best == "first"
    assert board.methods[0].strata("skill") == [[0.9, 0.91, 0.92]]


@pytest.mark.long
def test_tracks_of_the_same_headline_rank_together() -> None:
    """Bits and the plane are both judged by skill: a method that is good on the plane alone is not best."""
    plane = {"one": 0.9, "other": 0.7}
    bits = {"one": 0.0, "other": 0.6}
    trials = [t for row, level in plane.items() for t in levels(row, [level] * 6)]
    trials += [t for row, level in bits.items() for t in levels(row, [level] * 6, dataset="ising", track="binary")]
    assert ranking(trials).best == "other"
    assert ranking(trials[:12]).best == "one"


# --- where none is ---------------------------------------------------------------------------------------------------

GOOD, BAD = (1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98), (2.0, 2.1, 1.9, 2.05, 1.95, 2.02, 1.98)


def nll(row: str, values: Sequence[float | None], dataset: str = "mine", shift: float = 0.0) -> list[TrialResult]:
    moved = [None if value is None else value + shift for value in values]
    return levels(row, moved, metric="nll_beta", dataset=dataset, track="user_data", kind=EnergyKind.NORMALIZED)


SOUND = [x + 0.05 for x in GOOD]


def test_the_lowest_nll_is_best_and_what_is_clearly_higher_is_no_tie() -> None:
    assert ranking([*nll("bad", BAD), *nll("good", GOOD)]) == Ranking("good", frozenset())


def test_datasets_need_no_common_zero() -> None:
    """A dataset in other units shifts all methods alike."""
    trials = [
        trial
        for row, values in (("bad", BAD), ("good", GOOD))
        for trial in (*nll(row, values), *nll(row, values, dataset="other", shift=1000.0))
    ]
    assert ranking(trials).best == "good"


def test_a_failure_costs_the_first_place() -> None:
    found = ranking([*nll("frail", [*GOOD[:-1], None]), *nll("sound", SOUND)])
    assert found.best == "sound"


def test_a_failure_counts_as_a_nat_worse_than_the_worst() -> None:
    """Six seeds that are 0.3 nats better outweigh it, six that are 0.1 better do not: it costs 1."""
    for lead, best in ((0.3, "frail"), (0.17, "frail"), (0.16, "sound"), (0.1, "sound")):
        frail = [x - lead for x in SOUND[:-1]]
        assert ranking([*nll("frail", [*frail, None]), *nll("sound", SOUND)]).best == best


def test_an_infinite_nll_counts_as_a_failure() -> None:
    found = ranking([*nll("frail", [*GOOD[:-1], float("inf")]), *nll("sound", SOUND)])
    assert found.best == "sound"


@pytest.mark.parametrize("better", ["up", "down"])
def test_a_failure_is_worse_than_the_worst_whatever_is_good(better: str) -> None:
    """A track of a plugin's own whose headline has no worst value, in either direction."""
    sign = 1.0 if better == "up" else -1.0
    headline = Column("mine", "mine")
    track = replace(USER_DATA, name="mine", columns=(headline,), better=better)  # type: ignore[arg-type]
    frail: list[float | None] = [sign * (5.0 + x / 100) for x in GOOD[:-1]]
    trials = [
        *levels("frail", [*frail, None], metric="mine", track="mine"),
        *levels("sound", [sign * (4.99 + x / 100) for x in GOOD], metric="mine", track="mine"),
    ]
    found = ranking(trials, tracks=(track,), metrics=make_cells(["mine"]))
    assert found.best == "sound"


def test_a_claim_that_nobody_checked_is_never_ranked() -> None:
    claims = levels("liar", [-100.0] * 3, metric="nll", dataset="mine", track="user_data")
    assert ranking(claims).best is None
    assert ranking([*claims, *nll("good", GOOD[:3])]) == Ranking("good", frozenset())


def test_a_skipped_trial_counts_nowhere_without_a_truth_either() -> None:
    """What cannot work on one dataset is compared on the other alone."""
    part, whole = nll("part", GOOD), [*nll("whole", SOUND), *nll("whole", BAD, dataset="other", shift=100.0)]
    skipped = [
        make_trial(
            make_view("part", seed=seed, dataset="other", track="user_data", skipped="works on bits only"),
            status=Status.SKIPPED,
        )
        for seed in range(len(GOOD))
    ]
    assert ranking([*part, *skipped, *whole]).best == ranking([*part, *nll("whole", SOUND)]).best == "part"


def test_what_ended_well_without_an_nll_costs_nothing() -> None:
    """As with a skill: it is missing, and no failure."""
    found = ranking([*nll("half", [*GOOD[:-1], LOST]), *nll("sound", SOUND)])
    assert found.best == "half"
