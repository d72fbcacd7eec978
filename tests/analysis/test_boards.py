"""The boards of a run: failures count, missing and skipped trials nowhere, claims and reference rows never."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ebmbench.analysis.boards import Board, boards
from ebmbench.analysis.standings import Word
from ebmbench.contracts.records import Column, EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import DENSITY, LIKELIHOOD, ORDER, PLANE, USER_DATA
from ebmbench.report.text import mark
from ebmbench.store.runs import TrialResult
from tests.factories import make_cells, make_report, make_trial, make_view

LOST = float("nan")
"""A trial that ended well and has no such number."""


def of(trials: Iterable[TrialResult]) -> tuple[Board, ...]:
    return make_report(trials).leaderboard.boards


def rows(board: Board) -> list[str]:
    return [standing.row for standing in board.standings]


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


def test_density_and_order_are_two_boards_and_what_only_ranks_stands_on_one() -> None:
    """KL .1 for .2, a skill of .9 for .8: factors of 2; the one that only ranks leads the order alone."""
    both = {"better": (0.1, 0.9), "worse": (0.2, 0.8)}
    trials = [make_trial(make_view(row), {"kl": kl, "skill": skill}) for row, (kl, skill) in both.items()]
    trials.append(make_trial(make_view("order", kind=EnergyKind.RANKING), {"kl_beta": 0.01, "skill": 0.95}))
    density, order = of(trials)
    assert (density.ruler, order.ruler) == (DENSITY, ORDER)
    assert rows(density) == ["better", "worse"]
    assert [standing.factor.value for standing in density.standings] == pytest.approx([1, 2])
    assert rows(order) == ["order", "better", "worse"]
    assert [standing.factor.value for standing in order.standings] == pytest.approx([1, 2, 4])


def test_a_density_that_is_badly_scaled_shows_on_one_board_alone() -> None:
    """Perfect order, a KL of .2: the wrong twin, one board by skill, would call it the best."""
    trials = [make_trial(make_view("order"), {"kl": 0.2, "skill": 0.998})]
    trials += [make_trial(make_view("scale"), {"kl": 0.01, "skill": 0.98})]
    density, order = of(trials)
    assert (density.best, order.best) == ("scale", "order")


def test_reference_rows_never_compete() -> None:
    trials = [*levels("oracle", [1.0] * 3, strategy=Strategy.REFERENCE), *levels("good", [0.7] * 3)]
    (order,) = of(trials)
    assert rows(order) == ["good"]
    assert of(trials[:3]) == ()
    assert boards([], (PLANE,)) == boards([], ()) == ()


def test_a_crashed_method_is_failed_and_never_told_to_be_tied() -> None:
    """One seed, one dataset: no test could tell; it is no tie for that."""
    (order,) = of([*levels("good", [0.7]), *levels("broken", [None])])
    assert [(s.row, s.word) for s in order.standings] == [("good", Word.BEST), ("broken", Word.FAILED)]
    assert of(levels("broken", [None])) == (), "nobody has anything"


def test_a_failure_on_most_seeds_is_a_failure_and_on_few_the_median_counts() -> None:
    few = [*levels("good", [0.7] * 3), *levels("frail", [0.9, 0.9, None])]
    most = [*levels("good", [0.7] * 3), *levels("frail", [0.9, None, None])]
    assert of(few)[0].best == "frail"
    assert of(most)[0].best == "good"


def test_an_energy_of_which_there_is_no_integral_has_failed_as_a_density() -> None:
    trials = [make_trial(make_view("plateau"), {"kl": float("inf"), "skill": -1.0}), *levels("good", [0.5], "kl")]
    density, _ = of(trials)
    assert [(s.row, s.word) for s in density.standings] == [("good", Word.BEST), ("plateau", Word.FAILED)]


def test_what_ended_well_without_a_number_or_was_skipped_counts_nowhere() -> None:
    skipped = [make_trial(make_view("half", seed=3, skipped="no such device"), status=Status.SKIPPED)]
    (order,) = of(
        [*levels("steady", [0.5] * 4), *levels("half", [0.9, 0.9, LOST]), *skipped, *levels("none", [LOST] * 3)]
    )
    assert rows(order) == ["half", "steady"]


def test_tracks_of_the_same_ruler_rank_together() -> None:
    """Bits and the plane: a method that is good on the plane alone is not best."""
    plane = [t for row, level in (("one", 0.9), ("other", 0.7)) for t in levels(row, [level] * 3)]
    bits = [
        t
        for row, level in (("one", 0.0), ("other", 0.95))
        for t in levels(row, [level] * 3, dataset="ising", track="binary")
    ]
    assert of([*plane, *bits])[0].best == "other"
    assert of(plane)[0].best == "one"


def test_where_a_truth_is_known_other_data_have_no_say() -> None:
    mine: dict[str, Any] = {"dataset": "mine", "track": "user_data", "metric": "nll_beta"}
    trials = [*levels("first", [0.9] * 3), *levels("first", [9.0] * 3, **mine)]
    trials += [*levels("second", [0.5] * 3), *levels("second", [1.0] * 3, **mine)]
    (order,) = of(trials)
    assert order.best == "first"


# --- where none is ---------------------------------------------------------------------------------------------------


def nll(row: str, values: Sequence[float | None], dataset: str = "mine") -> list[TrialResult]:
    return levels(row, values, "nll_beta", dataset=dataset, track="user_data", kind=EnergyKind.NORMALIZED)


def test_a_nat_of_likelihood_is_a_factor_of_e_and_datasets_need_no_common_zero() -> None:
    trials = [*nll("good", [1.0] * 3), *nll("bad", [2.0] * 3)]
    trials += [*nll("good", [1001.0] * 3, "other"), *nll("bad", [1004.0] * 3, "other")]
    (board,) = of(trials)
    assert board.ruler == LIKELIHOOD
    assert [standing.factor.value for standing in board.standings] == pytest.approx([1, np.exp(2)])


def test_a_claim_that_nobody_checked_is_never_ranked() -> None:
    claims = levels("liar", [-100.0] * 3, metric="nll", dataset="mine", track="user_data")
    assert of(claims) == ()
    assert rows(of([*claims, *nll("good", [1.0] * 3)])[0]) == ["good"]


def test_a_claim_that_is_impossible_never_leads_a_track_that_ranks_claims() -> None:
    """A plugin's track may take likelihoods at their word; what the truth itself does not have has failed."""
    track = replace(USER_DATA, name="ten", columns=(Column("NLL", "nll"), *USER_DATA.columns[1:]), rulers=())
    truth = levels("oracle", [21.1] * 3, "nll", track="ten", strategy=Strategy.REFERENCE)
    rivals = [*levels("liar", [1.17] * 3, "nll", track="ten"), *levels("good", [21.2] * 3, "nll", track="ten")]
    with_truth = make_report([*truth, *rivals], tracks=(track,), metrics=make_cells(["nll"])).leaderboard
    (board,) = with_truth.boards
    assert [(s.row, s.word) for s in board.standings] == [("good", Word.BEST), ("liar", Word.FAILED)]
    assert [mark(with_truth, method) for method in with_truth.methods] == ["!", "*", ""]
    (trusting,) = make_report(rivals, tracks=(track,), metrics=make_cells(["nll"])).leaderboard.boards
    assert trusting.best == "liar", "where the truth is not known a claim that is asked for is believed"


def test_what_has_failed_is_never_starred() -> None:
    """Also where nothing else stands on the board."""
    for values in ([None, None, 0.9], [None, 0.9, None], [LOST, None, None, 0.1]):
        board = make_report(levels("frail", values)).leaderboard
        assert [mark(board, method) for method in board.methods] == ["!"], values
        assert board.best is None
