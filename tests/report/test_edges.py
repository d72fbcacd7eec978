"""Runs at the edge of what there can be: every reporter has something to say of each, or says that there is nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.report import Report
from ebmbench.report.terminal import leaderboard
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_trial, make_view

PLANE = {"skill": 0.9, "kl": 0.1, "kl_beta": 0.09, "auroc": 0.95}


def trials(
    rows: str, datasets: str, seeds: int, numbers: dict[str, float], track: str = "plane", **facts: object
) -> list[TrialResult]:
    """Of methods and datasets of one letter."""
    views = [
        make_view(row, dataset=d, seed=s, track=track, **facts) for row in rows for d in datasets for s in range(seeds)
    ]
    return [make_trial(view, {name: x * (1 + view.seed / 100) for name, x in numbers.items()}) for view in views]


def failed(rows: str) -> list[TrialResult]:
    return [make_trial(make_view(row, seed=s), status=Status.CRASHED) for row in rows for s in range(3)]


EDGES: dict[str, Callable[[], list[TrialResult]]] = {
    "one seed": lambda: trials("abc", "xy", 1, PLANE),
    "one method": lambda: trials("a", "xy", 3, PLANE),
    "one trial": lambda: trials("a", "x", 1, PLANE),
    "one dataset": lambda: trials("abc", "x", 3, PLANE),
    "everything failed": lambda: failed("abc"),
    "one failed everywhere": lambda: [*trials("ab", ["moons"], 3, PLANE), *failed("c")],  # type: ignore[arg-type]
    "user data alone": lambda: trials("abc", "xy", 3, {"nll_beta": 1.5, "nll": 1.4}, "user_data"),
    "bits alone": lambda: trials("abc", "xy", 3, PLANE, "binary"),
    "ranking energies alone": lambda: trials("abc", "xy", 3, {"skill": 0.9, "kl_beta": 0.1}, kind=EnergyKind.RANKING),
    "reference rows alone": lambda: trials("ab", "xy", 3, PLANE, strategy=Strategy.REFERENCE),
    "no number": lambda: trials("ab", "xy", 2, {}),
    "nothing has ended": lambda: [make_trial(make_view(row), status=None) for row in "ab"],
    "all skipped": lambda: [
        make_trial(make_view(row, skipped="no such device"), status=Status.SKIPPED) for row in "ab"
    ],
}
REPORTERS = load_catalog([]).reporters


def report_of(edge: str) -> Report:
    return make_report(EDGES[edge]())


@pytest.mark.long
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", [*REPORTERS, "terminal"])
def test_a_reporter_has_something_to_say_or_nothing(name: str, edge: str) -> None:
    target = leaderboard if name == "terminal" else REPORTERS[name].load()
    found = target(report_of(edge))
    assert found is None or found


@pytest.mark.parametrize("edge", [edge for edge in EDGES if edge not in ("one failed everywhere",)])
def test_who_never_competed_or_failed_never_leads(edge: str) -> None:
    board = report_of(edge).leaderboard
    if edge in ("everything failed", "reference rows alone", "no number", "nothing has ended", "all skipped"):
        assert board.best is None
    else:
        assert board.best == "a"


def test_a_method_that_failed_everywhere_is_last_and_never_tied() -> None:
    board = report_of("one failed everywhere").leaderboard
    for one in board.boards:
        assert one.standings[-1].row == "c"
        assert one.standings[-1].word == "failed"
