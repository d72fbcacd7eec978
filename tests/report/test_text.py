"""Numbers and names as tables show them: short, complete, marked, and harmless."""

from __future__ import annotations

from typing import Any

import pytest

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.standings import Standing, Word
from ebmbench.contracts.records import Column, EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import BINARY, KL, NLL, PLANE, SKILL, USER_DATA
from ebmbench.report import spreadsheet
from ebmbench.report.text import (
    badges,
    cell,
    cost,
    escaped,
    factor,
    facts,
    failures,
    gap,
    heading,
    inert,
    legend,
    mark,
    measured,
    millions,
    number,
    ok,
    ranks,
    seconds,
    times_the_best,
)
from ebmbench.store.records import Revision
from ebmbench.store.runs import TrialResult
from tests.factories import make_attempt, make_report, make_training, make_trial, make_view


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


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (5.83, 1.17, "5.8 ± 1.2"),
        (5.83, 0.04, "5.83 ± 0.04"),
        (0.9943, 0.0006, "0.994 ± 0.001"),
        (1507.0, 320.0, "1,500 ± 400"),
        (1507.0, 4.0, "1,510 ± 10"),
        (228.4, 3.5, "228 ± 4"),
        (-0.0001, 0.03, "0.000 ± 0.030"),
        (-0.000001, 0.0, "0.000 ± 0.000"),
        (1.0, 1e-14, "1.00 ± 0.00"),
        (0.0, 0.0, "0.000 ± 0.000"),
        (14.896, None, "14.9"),
        (0.99431, None, "0.994"),
        (float("inf"), None, "inf"),
        (float("inf"), float("inf"), "inf"),
        (2.0, float("inf"), "2.00 ± inf"),
    ],
)
def test_a_number_has_two_digits_and_its_spread(value: float, spread: float | None, text: str) -> None:
    """Three where the spread allows, and the spread never rounded down to less than it is."""
    assert measured(Estimate(value, spread=spread)) == text


def test_a_number_in_another_unit() -> None:
    assert measured(Estimate(0.0057, spread=0.0004), 1e3) == "5.7 ± 0.4"
    assert measured(None) == "-"


def test_a_log_factor_is_shown_as_a_factor() -> None:
    assert [times_the_best(x) for x in (0.0, 3.0, 800.0, float("inf"), float("nan"))] == [
        "1.0",
        "20",
        "inf",
        "inf",
        "-",
    ]


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
    assert shown(KL, *full) == "0.250 ± 0.000"
    gaps = [ended({"skill": 0.5}, seed=seed) for seed in range(3, 5)]
    assert shown(KL, *full, *gaps) == "0.250 ± 0.000 (3 of 5)"
    assert shown(SKILL, *full, *gaps) == "0.500 ± 0.000", "nothing is missing here"


def test_a_failure_is_a_number_in_the_headline_and_a_gap_elsewhere() -> None:
    """A mean of what is left is not a mean of all."""
    trials = [ended({"skill": 0.5, "kl": 0.25}, seed=0), ended({}, Status.FAILED, seed=1)]
    assert shown(SKILL, *trials) == "-0.25 ± 0.75"
    assert shown(KL, *trials) == "0.250 (1 of 2)"


def test_a_gap_of_one_track_is_not_filled_by_numbers_of_another() -> None:
    """The NLL of a plane is measured too, but the column is of the data whose density is not known."""
    plane = [ended({"skill": 0.5, "nll_beta": 9.0}, seed=seed) for seed in range(5)]
    mine = [
        ended({"nll_beta": 1.0} if seed < 3 else {"auroc": 0.5}, seed=seed, dataset="mine", track="user_data")
        for seed in range(5)
    ]
    assert shown(NLL, *mine) == "1.00 ± 0.00 (3 of 5)"
    assert shown(NLL, *plane, *mine) == "1.00 ± 0.00 (3 of 5)"


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


def columns(*trials: TrialResult) -> dict[str, dict[str, str]]:
    """The cells of all methods, by heading."""
    board = make_report(trials).leaderboard
    return {heading(board, c): {m.row: cell(board, c, m) for m in board.methods} for c in board.columns}


def test_a_column_has_one_unit_thousandths_where_any_competitor_is_small() -> None:
    large = [make_trial(make_view(row), {"kl": kl}) for row, kl in (("a", 0.25), ("b", 1.5))]
    assert columns(*large)["KL (nats) ↓"] == {"a": "0.250", "b": "1.50"}
    small = make_trial(make_view("c"), {"kl": 0.0057})
    assert columns(*large, small)["KL (mnats) ↓"] == {"a": "250", "b": "1,500", "c": "5.70"}
    oracle = make_trial(make_view("oracle", strategy=Strategy.REFERENCE), {"kl": 0.0})
    assert "KL (nats) ↓" in columns(*large, oracle), "the truth is no competitor"


def levels(row: str, places: dict[str, tuple[float, float]], **facts: Any) -> list[TrialResult]:
    """For each dataset skill and AUROC."""
    return [make_trial(make_view(row, dataset=d, **facts), {"skill": s, "auroc": a}) for d, (s, a) in places.items()]


def test_an_auroc_is_shown_below_its_ceiling_where_that_is_known_on_all_datasets() -> None:
    nce = levels("nce", {"moons": (0.9, 0.94), "rings": (0.9, 0.80)})
    truth = levels("truth", {"moons": (1.0, 0.95), "rings": (1.0, 0.83)}, strategy=Strategy.REFERENCE)
    assert columns(*nce, *truth)["AUROC gap (‰) ↓"] == {"nce": "20.0", "truth": "0.000"}
    assert columns(*nce, *truth[:1])["AUROC ↑"]["nce"] == "0.870", "on rings nobody knows"
    poor = levels("kde", {"moons": (0.97, 0.945), "rings": (0.97, 0.82)}, strategy=Strategy.REFERENCE)
    assert "AUROC ↑" in columns(*nce, *poor), "a reference that is not the truth is no ceiling"
    bold = levels("nce", {"moons": (1.0, 0.95), "rings": (1.0, 0.83)})
    assert "AUROC ↑" in columns(*bold), "nor is a method that competes"
    board = make_report([*nce, *truth]).leaderboard
    assert "AUROC gap: how far below what the truth itself reaches" in legend(board)


def test_the_gap_is_beside_the_rank_where_the_loss_is_a_distance_to_one() -> None:
    """A failure is a skill of -1: a gap of 2. Of densities there is none."""
    trials = [ended({"skill": 0.99, "kl": 0.1}, seed=seed) for seed in range(3)]
    board = make_report([*trials, ended({}, Status.FAILED, seed=3)]).leaderboard
    found = {one.ruler.title: gap(one, board.methods[0]) for one in board.boards}
    assert found == {"Density": None, "Order": "510 ± 1,000"}


def test_the_gap_is_of_the_data_of_its_board() -> None:
    """Not of those of another track that have the metric too, and are ruled by something else."""
    near = [ended({"skill": 0.8}, dataset="moons"), ended({"skill": -1.0}, dataset="rows", track="user_data")]
    report = make_report(near)
    (order,) = report.leaderboard.boards
    assert order.datasets == ["moons"]
    assert gap(order, report.leaderboard.methods[0]) == "200"
    (line,) = (line for line in spreadsheet.leaderboard(report).splitlines() if "optimality_gap_skill" in line)
    assert ",0.2" in line.replace("0.19999999999999996", "0.2")


def test_a_badge_stands_with_what_ended_well() -> None:
    (method,) = make_report([ended({"skill": 0.5, "mass_outside": 0.428})]).leaderboard.methods
    assert badges(method) == ["outside 43 %"]
    assert ok(method) == "1/1, outside 43 %"
    (method,) = make_report([ended({"skill": 0.5, "mass_outside": 0.0149})]).leaderboard.methods
    assert badges(method) == ["outside 1.5 %"]


@pytest.mark.parametrize(
    ("dataset", "said"), [("moons", ["default by truth"]), ("moons[train=100]", ["default by truth"]), ("rings", [])]
)
def test_a_default_that_the_truth_chose_is_a_badge_on_its_own_data(dataset: str, said: list[str]) -> None:
    view = make_view("nce", dataset=dataset, tuned_on=("moons", "pink_spiral"))
    (method,) = make_report([make_trial(view, {"skill": 0.5})]).leaderboard.methods
    assert badges(method) == said
    (method,) = make_report([ended({"skill": 0.5})]).leaderboard.methods
    assert ok(method) == "1/1"
    rows = make_view("nce", dataset="moons", track="user_data", tuned_on=("moons",))
    (method,) = make_report([make_trial(rows, {"nll": 0.5})]).leaderboard.methods
    assert badges(method) == [], "a file of that name is not that dataset"


# --- conditions ------------------------------------------------------------------------------------------------------


def timed(row: str, processor: float | None, machine: str = "m", beside: int = 1) -> TrialResult:
    training = make_training(train_seconds=10.0, processor_seconds=processor, passes=6_000_000)
    attempt = make_attempt(machine_id=machine, n_concurrent=beside)
    return make_trial(make_view(row), {"skill": 0.5}, training=training, attempts=[attempt])


def test_seconds_under_load_and_of_another_machine_are_marked() -> None:
    report = make_report(
        [timed("calm", 9.9), timed("loaded", 6.0), timed("unknown", None), timed("away", 9.9, "other")]
    )
    found = {method.row: seconds(method, report.conditions) for method in report.leaderboard.methods}
    assert found == {"calm": "10.0", "loaded": "10.0 †", "unknown": "10.0", "away": "10.0 ‡"}
    assert cost(report.leaderboard.methods[0], "passes", 1e6) == "6.00"
    never = make_report([ended({}, Status.CRASHED)])
    assert seconds(never.leaderboard.methods[0], never.conditions) == "-"


def test_the_facts_say_commit_machine_versions_trials_and_load() -> None:
    machine = {"processor": "a <b> CPU", "cores": "2", "memory_gb": "25", "system": "Linux", "python": "3.11.7"}
    known: dict[str, Any] = {
        "revision": Revision(commit="0123456789abcdef", dirty=True),
        "machine": machine,
        "versions": {"python": "3.11.7", "torch": "2.13.0", "ebmbench": "0.1.0", "numpy": "2"},
    }
    assert facts(make_report([timed("a", 9.9), timed("b", 5.0), timed("c", None, "x")], **known).conditions) == (
        "Commit 0123456789ab with changes since. a <b> CPU, 2 cores, 25 GB, Linux; trials of 1 other machine, whose "
        "seconds are marked ‡. Python 3.11.7, torch 2.13.0, ebmbench 0.1.0. 3 trials, 2 at a time at most. The seconds "
        "of 1 were measured under load, marked †; of 1 it is not known."
    )
    assert facts(make_report([timed("a", 9.9, beside=0)]).conditions) == (
        "1 trial, 1 at a time at most. No seconds were measured under load."
    )
    assert facts(make_report([ended({"skill": 0.5})]).conditions) == (
        "1 trial. Whether the seconds of 1 were measured under load is not known."
    )
    assert facts(make_report([]).conditions) == "0 trials."


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
