"""Ranking where no truth is known: by the held-out NLL, failures counted, claims never."""

from __future__ import annotations

from pathlib import Path

from ebmbench.analysis.aggregate import FAILED_SKILL, Line, rank
from ebmbench.analysis.quality import pace
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import TrialView
from ebmbench.store.tables import TrialResult


def trial(row: str, seed: int, values: dict[str, float], known: bool = False, dataset: str = "mine") -> TrialResult:
    """A trial with its results at hand; one without any failed."""
    view = TrialView(
        key="0" * 16,
        name=row,
        row=row,
        method=row,
        dataset=dataset,
        seed=seed,
        device="cpu",
        strategy=Strategy.C1,
        kind=EnergyKind.NORMALIZED,
        density_known=known,
    )
    result = TrialResult(view, TrialFolder(Path("/nonexistent")))
    result.__dict__.update(status=Status.OK if values else Status.FAILED, values=values, curve=[], training=None)
    return result


def line(row: str, *trials: TrialResult) -> Line:
    return Line(row, Strategy.C1, EnergyKind.NORMALIZED, trials, {})


def nll(row: str, *levels: float | None, dataset: str = "mine", shift: float = 0.0) -> list[TrialResult]:
    return [
        trial(row, seed, {} if level is None else {"nll_beta": level + shift}, dataset=dataset)
        for seed, level in enumerate(levels)
    ]


GOOD, BAD = (1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98), (2.0, 2.1, 1.9, 2.05, 1.95, 2.02, 1.98)


def test_the_lowest_nll_is_best_and_what_is_clearly_higher_is_no_tie() -> None:
    found = rank([line("bad", *nll("bad", *BAD)), line("good", *nll("good", *GOOD))])
    assert (found.best, found.ties) == ("good", frozenset())


def test_datasets_need_no_common_zero() -> None:
    """A dataset in other units shifts all methods alike."""
    rows = [
        line(row, *nll(row, *levels), *nll(row, *levels, dataset="other", shift=1000.0))
        for row, levels in (("bad", BAD), ("good", GOOD))
    ]
    assert rank(rows).best == "good"


def test_a_failure_costs_the_first_place() -> None:
    levels = [*GOOD[:-1], None]
    found = rank([line("frail", *nll("frail", *levels)), line("sound", *nll("sound", *(x + 0.05 for x in GOOD)))])
    assert found.best == "sound"


def test_an_infinite_nll_counts_as_a_failure() -> None:
    levels = (*GOOD[:-1], float("inf"))
    found = rank([line("frail", *nll("frail", *levels)), line("sound", *nll("sound", *(x + 0.05 for x in GOOD)))])
    assert found.best == "sound"


def test_a_claim_that_nobody_checked_is_never_ranked() -> None:
    claims = [trial("liar", seed, {"nll": -100.0}) for seed in range(3)]
    assert rank([line("liar", *claims)]).best is None
    assert rank([line("liar", *claims), line("good", *nll("good", *GOOD[:3]))]).best == "good"


def test_skill_ranks_where_any_truth_is_known_and_other_data_have_no_say() -> None:
    first = [trial("first", seed, {"skill": 0.9 + seed / 100}, known=True, dataset="moons") for seed in range(3)]
    second = [trial("second", seed, {"skill": 0.5}, known=True, dataset="moons") for seed in range(3)]
    rows = [line("first", *first, *nll("first", *BAD[:3])), line("second", *second, *nll("second", *GOOD[:3]))]
    assert rank(rows).best == "first"
    assert rows[0].strata("skill", FAILED_SKILL) == [[0.9, 0.91, 0.92]]


def test_a_failure_without_a_truth_is_no_skill_of_minus_one() -> None:
    failed = line("frail", *nll("frail", None, None))
    assert failed.estimate("skill", FAILED_SKILL) is None
    assert failed.median("skill", "mine", FAILED_SKILL) is None


def test_nobody_is_within_reach_of_a_truth_that_is_not_known() -> None:
    assert pace(nll("good", *GOOD), 0.1) is None
