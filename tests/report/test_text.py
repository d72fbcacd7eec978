"""Numbers and names as tables show them: short, complete, marked, and harmless."""

from __future__ import annotations

from typing import Any

import pytest

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.standings import Standing, Word
from ebmbench.contracts.records import Column, EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import BINARY, KL, NLL, PLANE, SKILL, USER_DATA
from ebmbench.report.text import cell, escaped, factor, failures, inert, legend, mark, millions, number, ranks
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_trial, make_view


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (-0.5, "-0.500"),
        (99.9, "99.900"),
        (123.4, "123"),
        (1234567.0, "1,234,567"),
        (0.0004, "4e-04"),
        (-0.00012, "-1e-04"),
        (0.0005, "0.001"),
        (1e-10, "0.000"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_millions() -> None:
    assert millions(None) is None
    assert millions(2_500_000) == 2.5


# --- cells -----------------------------------------------------------------------------------------------------------


def ended(numbers: dict[str, float], status: Status = Status.OK, **facts: Any) -> TrialResult:
    return make_trial(make_view("a", **facts), numbers, status=status)


def shown(column: Column, *trials: TrialResult) -> str:
    """The cell of the only method."""
    board = make_report(trials).leaderboard
    return cell(board, column, board.methods[0])


def test_a_cell_is_a_number_or_a_dash() -> None:
    assert shown(SKILL, ended({"skill": 0.5})) == "0.500"
    assert shown(KL, ended({"skill": 0.5})) == "-"


def test_a_cell_says_how_many_trials_have_a_number() -> None:
    full = [ended({"skill": 0.5, "kl": 0.25}, seed=seed) for seed in range(3)]
    assert shown(KL, *full) == "0.250"
    gaps = [ended({"skill": 0.5}, seed=seed) for seed in range(3, 5)]
    assert shown(KL, *full, *gaps) == "0.250 (3 of 5)"
    assert shown(SKILL, *full, *gaps) == "0.500", "nothing is missing here"


def test_a_failure_is_no_gap() -> None:
    """In the headline it is a number, and elsewhere it stands under ``ok``."""
    trials = [ended({"skill": 0.5, "kl": 0.25}, seed=0), ended({}, Status.FAILED, seed=1)]
    assert shown(SKILL, *trials) == "-0.250"
    assert shown(KL, *trials) == "0.250"


def test_a_gap_of_one_track_is_not_filled_by_numbers_of_another() -> None:
    """The NLL of a plane is measured too, but the column is of the data whose density is not known."""
    plane = [ended({"skill": 0.5, "nll_beta": 9.0}, seed=seed) for seed in range(5)]
    mine = [
        ended({"nll_beta": 1.0} if seed < 3 else {"auroc": 0.5}, seed=seed, dataset="mine", track="user_data")
        for seed in range(5)
    ]
    assert shown(NLL, *mine) == "1.000 (3 of 5)"
    assert shown(NLL, *plane, *mine) == "1.000 (3 of 5)"


def test_a_fitted_temperature_is_marked() -> None:
    numbers = {"skill": 0.5, "kl": 0.25, "kl_beta": 0.125}
    assert shown(KL, ended(numbers, kind=EnergyKind.RANKING)) == "0.125 β"
    assert shown(KL, ended(numbers)) == "0.250"
    assert shown(SKILL, ended(numbers, kind=EnergyKind.RANKING)) == "0.500", "skill has no temperature"
    gaps = [ended(numbers, kind=EnergyKind.RANKING), ended({"skill": 0.5}, kind=EnergyKind.RANKING, seed=1)]
    assert shown(KL, *gaps) == "0.125 β (1 of 2)"


def test_the_best_and_its_ties_are_marked() -> None:
    levels = {"first": 0.9, "second": 0.895, "third": 0.1}
    trials = [
        make_trial(make_view(row, seed=seed), {"skill": level}) for row, level in levels.items() for seed in range(8)
    ]
    reference = [make_trial(make_view("oracle", strategy=Strategy.REFERENCE), {"skill": 1.0})]
    board = make_report([*trials, *reference]).leaderboard
    marks = {method.row: mark(board, method) for method in board.methods}
    assert marks == {"first": "*", "second": "~", "third": "", "oracle": ""}


def test_failures_are_counted_by_how_they_ended() -> None:
    trials = [ended({"skill": 0.5}), *(ended({}, Status.DIVERGED, seed=seed) for seed in (1, 2))]
    trials.append(ended({}, Status.SKIPPED, seed=3, skipped="no such device"))
    (method,) = make_report(trials).leaderboard.methods
    assert failures(method) == "1/4, 2 diverged, 1 skipped"
    (sound,) = make_report(trials[:1]).leaderboard.methods
    assert failures(sound) == "1/1"


def test_the_legend_speaks_of_the_tracks_that_are_there() -> None:
    legends = {
        name: legend(make_report([ended({"skill": 0.5}, track=name)]).leaderboard)
        for name in ("plane", "binary", "user_data")
    }
    for name, track in (("plane", PLANE), ("binary", BINARY), ("user_data", USER_DATA)):
        assert [other for other, text in legends.items() if track.legend in text] == [name]
        assert "(n of m)" in legends[name]


# --- names -----------------------------------------------------------------------------------------------------------


def test_markup_stands_behind_a_backslash() -> None:
    assert escaped("a|b<i>`c`*d*_e_[f](g)&$x$#") == r"a\|b\<i\>\`c\`\*d\*\_e\_\[f\](g)\&\$x\$\#"
    assert escaped("a\\|b") == r"a\\\|b", "a backslash frees no bar"
    assert escaped("plain-name.2") == "plain-name.2"


def test_a_line_break_or_a_terminal_code_is_none_any_more() -> None:
    assert escaped(" a \n\t b ") == "a b"
    assert escaped("a\x1b]0;b\x07") == "a\N{REPLACEMENT CHARACTER}\\]0;b\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_spreadsheet_takes_no_name_for_a_formula(sign: str) -> None:
    assert inert(f"{sign}SUM(A1)") == f"'{sign}SUM(A1)"
    assert inert(f"a{sign}b") == f"a{sign}b"


def test_a_spreadsheet_gets_no_terminal_codes() -> None:
    assert inert("\x1b[31mred\r") == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"


def test_a_factor_has_two_digits_and_its_interval() -> None:
    def shown(value: float, low: float | None, high: float | None) -> str:
        return factor(Standing("a", Estimate(value, low, high), (1, 3), Word.BEHIND, "x"))

    assert shown(1.04, 1.0, 2.96) == "1.0 [1.0, 3.0]"
    assert shown(52.385, 17.07, 1453.6) == "52 [17, 1,500]"
    assert shown(float("inf"), 2.0, float("inf")) == "inf [2.0, inf]"
    assert shown(9.96, None, None) == "10.0"
    assert ranks(Standing("a", Estimate(1.0), (1, 3), Word.BEST, "x")) == "1-3"
    assert ranks(Standing("a", Estimate(1.0), (2, 2), Word.BEST, "x")) == "2"
