"""The leaderboard and the tables of every metric as Markdown: escaped, complete, and marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.markdown import every_metric, leaderboard, rendered, table
from ebmbench.store.records import Point
from ebmbench.store.runs import TrialResult
from tests.factories import make_attempt, make_cell, make_cells, make_report, make_training, make_trial, make_view

NUMBERS = {"skill": 0.5, "kl": 0.25, "kl_beta": 0.125}


def ended(row: str, numbers: dict[str, float] | None = None, **facts: Any) -> TrialResult:
    """A trial that ended well in 1.5 seconds and two million passes."""
    training = make_training(train_seconds=1.5, passes=2_000_000)
    return make_trial(make_view(row, **facts), NUMBERS if numbers is None else numbers, training=training)


def lost(row: str, status: Status, message: str = "", **facts: Any) -> TrialResult:
    """A trial that did not end well, or could not be run."""
    attempts = [make_attempt(status, error_type="Boom", message=message)] if message else []
    skipped = "no cuda device on this machine" if status is Status.SKIPPED else ""
    return make_trial(make_view(row, skipped=skipped, **facts), status=status, attempts=attempts)


END_OF_BOARDS = "exact density of one of these datasets."


def text(*trials: TrialResult, **facts: Any) -> str:
    return leaderboard(make_report(trials, **facts))


def cells(text: str, row: str) -> list[str]:
    """The cells of the first table row below the boards that speaks of a method."""
    below = text.partition(END_OF_BOARDS)[2] or text
    found = next(line for line in below.splitlines() if line.startswith("|") and f" {row} " in line)
    return [cell.strip() for cell in found.strip("|").split(" | ")]


# --- the leaderboard -------------------------------------------------------------------------------------------------

HOSTILE = "a|b<img src=x>`c`*d*_e_[f](g)"


def test_markdown_escapes_what_a_name_may_hold() -> None:
    """Every character with a meaning stands behind a backslash, so that a row stays a row and nothing is markup."""
    found = text(ended(HOSTILE, grid_point=HOSTILE), select={HOSTILE: "nll_validation"})
    escaped = r"a\|b\<img src=x\>\`c\`\*d\*\_e\_\[f\](g)"
    assert escaped in found
    assert HOSTILE not in found
    rows = [row for row in found.splitlines() if escaped in row and row.startswith("|")]
    assert len(rows) == 6, "the boards of density and order, the averages, two tables of datasets, the times"
    for row in rows:
        bare = row.replace(r"\|", "")
        head = found.splitlines()[found.splitlines().index(row) - 2]
        assert bare.count("|") == head.count("|")


def test_a_backslash_before_a_bar_does_not_free_it() -> None:
    assert r"a\\\|b" in text(ended("a\\|b"))


def test_a_line_break_does_not_end_a_row() -> None:
    assert not [row for row in text(ended("a[k=x\ny]")).splitlines() if row.startswith("y")]


def test_the_best_and_its_ties_are_marked() -> None:
    levels = {"first": 0.9, "second": 0.895, "third": 0.1}
    found = text(*(ended(row, {"skill": level}, seed=seed) for row, level in levels.items() for seed in range(8)))
    assert [cells(found, row)[0] for row in levels] == [r"\*", "~", ""]


def test_a_board_is_sorted_and_says_how_sure_it_is() -> None:
    """KL .1, .2 and .9 on two datasets, a failure, and what has no density."""
    losses = {"third": 0.9, "second": 0.2, "first": 0.1}
    trials = [ended(row, {"kl": kl}, dataset=name) for row, kl in losses.items() for name in ("moons", "rings")]
    trials += [ended("frail", {"kl": 0.01}), lost("frail", Status.CRASHED, dataset="rings")]
    trials += [ended("order", {"kl_beta": 0.01}, kind=EnergyKind.RANKING)]
    found = text(*trials)
    board = found[found.index("## Density") : found.index(END_OF_BOARDS)]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in board.splitlines() if " C2 " in line]
    assert [row[1] for row in rows] == ["first", "second", "third", "frail"]
    assert [row[5] for row in rows] == ["best", "behind", "behind", "failed"]
    assert rows[0][3] == r"3.2 \[1.0, 10.0\]", "the root of 10: on moons the frail one is ten times better"
    assert rows[3][3].startswith("inf")
    assert [row[6] for row in rows][3] == "rings"
    assert rows[3][7] == "1/2, 1 crashed"


def test_each_family_has_a_table_and_empty_ones_have_none() -> None:
    found = text(ended("one"), ended("truth", strategy=Strategy.REFERENCE))
    found = found.partition(END_OF_BOARDS)[2]
    assert found.index("## contrastive") < found.index("one") < found.index("## reference") < found.index("truth")
    assert "## architectural" not in found


def test_a_ranking_energy_shows_its_fitted_divergence_and_says_so() -> None:
    found = text(ended("plain"), ended("order", kind=EnergyKind.RANKING))
    assert cells(found, "plain")[5] == "0.250"
    assert cells(found, "order")[5] == "0.125 β"


def test_what_a_training_cost() -> None:
    """Seconds, millions of passes and of different rows."""
    assert cells(text(ended("a")), "a")[-4:] == ["1.50", "2.00", "0.000", "1/1"]


def test_failures_and_their_reasons_are_shown() -> None:
    failed = [lost("bad", Status.DIVERGED, "loss is nan", seed=seed) for seed in (1, 2)]
    found = text(ended("bad", {"skill": 0.5}), *failed, lost("bad", Status.SKIPPED, seed=3))
    assert cells(found, "bad")[-1] == "1/4, 2 diverged, 1 skipped"
    assert "- bad: 2 x diverged: Boom: loss is nan" in found
    assert "- bad: 1 x skipped: no cuda device on this machine" in found


def test_a_method_that_only_failed_keeps_its_row() -> None:
    shown = cells(text(lost("bad", Status.CRASHED)), "bad")
    assert shown[4] == "-1.00"
    assert shown[5:11] == ["-"] * 6
    assert shown[-1] == "0/1, 1 crashed"


def test_a_cell_says_where_trials_have_no_number() -> None:
    trials = [ended("a", {"skill": 0.5, "auroc": 0.75}, seed=0), ended("a", {"skill": 0.5}, seed=1)]
    assert cells(text(*trials), "a")[4:8] == ["0.500 ± 0.000", "-", "0.750 (1 of 2)", "-"]


def test_numbers_that_were_not_asked_for_are_not_shown() -> None:
    trial = ended("a", {"skill": 0.5, "kl": 0.25, "auroc": 0.75})
    found = text(trial, metrics=make_cells(["skill", "auroc"]))
    assert "| method | strategy | kind | skill ↑ | AUROC ↑ | train s |" in found
    assert "0.250" not in found
    assert "Forward KL" not in found


def test_a_metric_of_a_plugin_has_its_column() -> None:
    own = make_cell("roundness", direction="one", on_board=True)
    found = text(ended("a", {"skill": 0.5, "roundness": 0.875}), metrics=(*make_cells(["skill"]), own))
    assert "| skill ↑ | roundness → 1 | train s |" in found
    assert cells(found, "a")[5] == "0.875"


def rows_of_datasets(*trials: TrialResult) -> str:
    """The table of skills by dataset."""
    found = text(*trials)
    return found[found.index("## Skill, median") :]


def test_the_tables_of_datasets_hold_medians() -> None:
    seeds = [ended("a", {"skill": skill, "kl": 1.0}, seed=seed) for seed, skill in enumerate((0.1, 0.2, 0.9))]
    found = rows_of_datasets(*seeds, ended("b", dataset="rings"))
    assert "| method | moons | rings |" in found
    assert cells(found, "a") == ["a", "0.20 ± 0.40", "-"]
    assert cells(found, "b") == ["b", "-", "0.500"]


def test_failures_count_in_the_tables_of_datasets_too() -> None:
    """The legend of the same file says that failures count as skill -1."""
    trials = [ended("a", {"skill": 0.9}), *(lost("a", Status.DIVERGED, seed=seed) for seed in (1, 2))]
    assert cells(rows_of_datasets(*trials), "a")[1] == "-1.0 ± 1.0"


def test_choices_are_noted() -> None:
    trial = ended("a", {"nll_validation": 1.0}, grid_point="k=1")
    metrics = make_cells(["skill", "nll_validation"])
    found = text(trial, select={"a": "nll_validation"}, metrics=metrics)
    assert "- a: chosen on validation: moons: k=1" in found


def test_without_remarks_there_are_no_notes() -> None:
    assert "## Notes" not in text(ended("a"))
    assert "## Notes" in text(ended("a"), lost("a", Status.OOM, "too large", seed=1))


def test_a_table_of_datasets_has_the_unit_of_its_numbers() -> None:
    small = [ended("a", {"kl": 0.005, "skill": 0.9}), ended("b", {"kl": 0.25, "skill": 0.8})]
    found = text(*small)
    assert "## Forward KL (mnats), median over seeds" in found
    assert cells(found[found.index("## Forward KL") :], "a") == ["a", "5.00"]
    assert "## Forward KL (nats), median over seeds" in text(small[1])


def test_the_facts_stand_below_the_title_and_are_escaped() -> None:
    found = text(ended("a"), machine={"processor": "a|b<i>", "cores": "2"}).splitlines()
    assert found[2].startswith(r"a\|b\<i\>, 2 cores. 1 trial.")


def test_the_gap_stands_beside_the_ranks_of_the_order_alone() -> None:
    found = text(ended("a", {"skill": 0.75, "kl": 0.25}), ended("b", {"skill": 0.5, "kl": 0.5}))
    heads = [line for line in found.splitlines() if "| times the best |" in line]
    assert ["optimality gap" in head for head in heads] == [False, True]
    order = found[found.index("## Order") :]
    rows = [line.split(" | ") for line in order.splitlines() if " C2 " in line][:2]
    assert [row[5] for row in rows] == ["250", "500"]
    assert "Optimality gap: the mean of" in found


def test_mass_outside_stands_on_every_row_of_its_method() -> None:
    found = text(ended("a", {"skill": 0.75, "kl": 0.25, "mass_outside": 0.43}), ended("b"))
    rows = [line for line in found.splitlines() if "outside 43 %" in line]
    assert len(rows) == 3, "two boards and the averages"


# --- times -----------------------------------------------------------------------------------------------------------


def curve(row: str, seed: int, step: int | None, dataset: str = "moons") -> TrialResult:
    """A trial that came within all targets at a step of a million passes and ten seconds each; None diverged."""
    if step is None:
        return lost(row, Status.DIVERGED, seed=seed, dataset=dataset)
    points = [Point(step, step * 1_000_000, 10.0 * step, "kl", "raw", 0.01)]
    training = make_training(steps=100, passes=100_000_000, train_seconds=1000.0)
    view = make_view(row, seed=seed, dataset=dataset)
    return make_trial(view, {"kl": 0.01, "skill": 0.5}, training=training, curve=points)


def times(*trials: TrialResult) -> str:
    """The table of passes and seconds to the targets."""
    found = text(*trials)
    return found[found.index("## Passes (millions) and seconds until the forward KL is within a target") :]


@pytest.mark.long
@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((1, 2, 9), ["2.0 ± 4.0", "20 ± 40", "3/3"]),
        ((2,), ["2.00", "20.0", "1/1"]),
        ((1, 4, None), ["4.00 ± inf", "40.0 ± inf", "2/3"]),
        ((1, None, None), ["-", "-", "1/3"]),
        ((None, None), ["-", "-", "0/2"]),
    ],
)
def test_the_median_counts_censored_trials_as_infinite(steps: Sequence[int | None], shown: list[str]) -> None:
    found = times(*(curve("a", seed, step) for seed, step in enumerate(steps)), curve("other", 0, 50))
    head = next(line for line in found.splitlines() if line.startswith("| method"))
    assert head.startswith("| method | Mpasses to 0.1 | seconds to 0.1 | reached to 0.1 | Mpasses to 0.05 |")
    assert cells(found, "a") == ["a", *shown, *shown]


def test_the_spread_of_a_time_is_over_seeds_and_not_over_datasets() -> None:
    """Trials lie between 1 and 60, seeds 1 and 2 apart; what no seed brought so far has no range."""
    near = [curve("a", seed, step) for seed, step in enumerate((1, 2))]
    far = [curve("a", seed, step, "rings") for seed, step in enumerate((58, 60))]
    missed = [curve("a", 0, None, "pinwheel")]
    found = times(*near, *far, *missed)
    assert cells(found, "a")[1:4] == ["58.0 ± 0.8", "580 ± 8", "4/5"]
    assert "± half of the range over seeds (its mean over the datasets" in found


def test_what_was_skipped_is_timed_nowhere() -> None:
    found = times(lost("a", Status.SKIPPED), curve("b", 0, 50))
    assert cells(found, "a") == ["a", *["-"] * 6]


def test_without_targets_there_are_no_times() -> None:
    assert "Passes (millions)" not in text(ended("a", {"nll_beta": 1.0}, dataset="mine", track="user_data"))


# --- every metric ----------------------------------------------------------------------------------------------------


def test_a_table_for_each_variant_that_was_measured() -> None:
    kl = make_cell("kl", "raw", "beta", "iso", unit="nats", direction="down")
    trials = [ended("nce", {"kl": 0.25, "kl_beta": 0.125}), ended("nce", {"kl": 0.75}, dataset="rings")]
    found = every_metric(make_report(trials, metrics=(kl,)))
    assert "## kl ↓ (nats)" in found
    assert "| raw | moons | rings |" in found
    assert "| nce | 0.250 | 0.750 |" in found
    assert "| nce | 0.125 | - |" in found
    assert "| iso |" not in found


def test_medians_over_seeds() -> None:
    seeds = [ended("nce", {"auroc": value}, seed=seed) for seed, value in enumerate((0.1, 0.2, 0.9))]
    trials = [*seeds, ended("gmm", {"auroc": 0.5}, dataset="rings")]
    assert "| nce | 0.200 | - |" in every_metric(make_report(trials, metrics=(make_cell("auroc"),)))


def test_failures_are_no_numbers_here() -> None:
    """The leaderboard counts them as a skill of -1; these are medians of what ended well, as the page says."""
    trials = [ended("a", {"skill": 0.75}), *(lost("a", Status.DIVERGED, seed=seed) for seed in (1, 2)), ended("b")]
    found = every_metric(make_report([*trials, lost("bad", Status.OOM)], metrics=(make_cell("skill"),)))
    assert "of the trials that ended well" in found
    assert "| a | 0.750 |" in found
    assert "bad" not in found


def test_what_nobody_measured_has_no_table() -> None:
    found = every_metric(make_report([ended("nce", {"kl": 1.0})], metrics=(make_cell("auroc"), make_cell("kl", "raw"))))
    assert "auroc" not in found
    assert "## kl" in found


def test_what_was_measured_and_not_asked_for_has_no_table() -> None:
    found = every_metric(make_report([ended("nce", {"kl": 1.0, "auroc": 0.5})], metrics=(make_cell("kl", "raw"),)))
    assert "auroc" not in found


def test_names_are_escaped() -> None:
    cell = make_cell("x", summary="<script>", unit="a_b", direction="none")
    found = every_metric(make_report([ended("a|b", {"x": 1.0})], metrics=(cell,)))
    assert "a\\|b" in found
    assert "<script>" not in found
    assert "## x (a\\_b)\n" in found


# --- templates -------------------------------------------------------------------------------------------------------


def test_a_table_is_markup_and_what_is_in_it_is_not() -> None:
    assert table(["a", "b"], [["<i>", "x|y"]]).splitlines() == ["| a | b |", "|---|---|", r"| \<i\> | x\|y |"]


def test_whatever_a_template_shows_is_escaped() -> None:
    found = rendered("metrics.md.j2", suite="*bold*", sections=[])
    assert found.startswith(r"# \*bold\*: every metric")
