"""The leaderboard as text: escaped, complete, and marked."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from ebmbench.analysis.aggregate import Line, Ranking
from ebmbench.analysis.intervals import Estimate
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.report.leaderboard import Board, interval, markdown, number, table_csv, terminal
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import Training, TrialView
from ebmbench.store.tables import TrialResult


def trial(row: str, values: dict[str, float], **facts: object) -> TrialResult:
    """A trial that has its results at hand, so that no folder is read."""
    status = facts.get("status", Status.OK)
    view = TrialView(
        key="0" * 16,
        name=row,
        row=row,
        method=row,
        dataset=str(facts.get("dataset", "moons")),
        seed=0,
        device="cpu",
        strategy=Strategy.C1,
        kind=EnergyKind.DENSITY,
        skipped="no cuda device on this machine" if status is Status.SKIPPED else "",
    )
    training = Training(
        prepare_seconds=0.0,
        train_seconds=1.5,
        steps=10,
        passes=2_000_000,
        energy_rows=1,
        gradient_rows=1,
        samples=1,
        peak_bytes=1,
    )
    result = TrialResult(view, TrialFolder(Path("/nonexistent")))
    known = {"status": status, "values": values, "attempts": facts.get("attempts", [])}
    result.__dict__.update(known, training=training if status is Status.OK else None)
    return result


def line(row: str, *trials: TrialResult, **facts: object) -> Line:
    failures: dict[Status, int] = {}
    for member in trials:
        if member.status not in (None, Status.OK):
            failures[member.status] = failures.get(member.status, 0) + 1
    strategy, kind = facts.get("strategy", Strategy.C1), facts.get("kind", EnergyKind.DENSITY)
    assert isinstance(strategy, Strategy)
    assert isinstance(kind, EnergyKind)
    return Line(row, strategy, kind, trials, failures, str(facts.get("chosen", "")))


def board(*rows: Line, best: str | None = None, ties: tuple[str, ...] = ()) -> Board:
    return Board("toy", rows, Ranking(best, frozenset(ties)), ("moons", "rings"))


def simple(row: str, skill: float = 0.5, **facts: object) -> Line:
    return line(row, trial(row, {"skill": skill, "kl": 0.25, "kl_beta": 0.125}), **facts)


def cells(text: str, row: str) -> list[str]:
    """The cells of the first table row that speaks of a method."""
    found = next(line for line in text.splitlines() if line.startswith("|") and f" {row} " in line)
    return [cell.strip() for cell in found.strip("|").split(" | ")]


# --- numbers ----------------------------------------------------------------------------------------------------------


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
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_intervals() -> None:
    assert interval(None) == "-"
    assert interval(Estimate(0.5)) == "0.500"
    assert interval(Estimate(0.5, 0.25, 0.75)) == "0.500 [0.250, 0.750]"


# --- Markdown ---------------------------------------------------------------------------------------------------------

HOSTILE = "a|b<img src=x>`c`*d*_e_[f](g)"


def test_markdown_escapes_what_a_name_may_hold() -> None:
    """Every character with a meaning stands behind a backslash, so that a row stays a row and nothing is markup."""
    text = markdown(board(simple(HOSTILE, chosen=HOSTILE), best=HOSTILE))
    escaped = r"a\|b\<img src=x\>\`c\`\*d\*\_e\_\[f\](g)"
    assert escaped in text
    assert HOSTILE not in text
    rows = [row for row in text.splitlines() if escaped in row and row.startswith("|")]
    assert len(rows) == 4
    for row in rows:
        bare = row.replace(r"\|", "")
        head = text.splitlines()[text.splitlines().index(row) - 2]
        assert bare.count("|") == head.count("|")


def test_a_backslash_before_a_bar_does_not_free_it() -> None:
    text = markdown(board(simple("a\\|b")))
    assert r"a\\\|b" in text


def test_a_line_break_does_not_end_a_row() -> None:
    text = markdown(board(simple("a[k=x\ny]")))
    assert not [row for row in text.splitlines() if row.startswith("y")]


def test_the_best_and_its_ties_are_marked() -> None:
    text = markdown(board(simple("first"), simple("second"), simple("third"), best="first", ties=("second",)))
    assert [cells(text, row)[0] for row in ("first", "second", "third")] == [r"\*", "~", ""]


def test_each_family_has_a_table_and_empty_ones_have_none() -> None:
    text = markdown(board(simple("one"), simple("truth", strategy=Strategy.REFERENCE)))
    assert text.index("## contrastive") < text.index("one") < text.index("## reference") < text.index("truth")
    assert "## architectural" not in text


def test_a_ranking_energy_shows_its_fitted_divergence_and_says_so() -> None:
    text = markdown(board(simple("plain"), simple("order", kind=EnergyKind.RANKING)))
    assert cells(text, "plain")[5] == "0.250"
    assert cells(text, "order")[5] == "0.125 β"


def test_failures_and_their_reasons_are_shown() -> None:
    from ebmbench.store.records import Attempt

    attempt = Attempt(
        status=Status.DIVERGED, error_type="Diverged", message="loss is nan", started="", total_seconds=1.0
    )
    failed = [trial("bad", {}, status=Status.DIVERGED, attempts=[attempt]) for _ in range(2)]
    skipped = trial("bad", {}, status=Status.SKIPPED)
    text = markdown(board(line("bad", trial("bad", {"skill": 0.5}), *failed, skipped)))
    assert cells(text, "bad")[-1] == "1/4, 2 diverged, 1 skipped"
    assert "- bad: 2 x diverged: Diverged: loss is nan" in text
    assert "- bad: 1 x skipped: no cuda device on this machine" in text


def test_a_method_that_only_failed_keeps_its_row() -> None:
    text = markdown(board(line("bad", trial("bad", {}, status=Status.CRASHED))))
    shown = cells(text, "bad")
    assert shown[4] == "-1.000"
    assert shown[5:10] == ["-"] * 5
    assert shown[-1] == "0/1, 1 crashed"


def test_the_tables_of_datasets_hold_medians() -> None:
    values = [trial("a", {"skill": skill, "kl": 1.0}) for skill in (0.1, 0.2, 0.9)]
    text = markdown(board(line("a", *values)))
    table = text[text.index("## Skill, median") :]
    assert cells(table, "a") == ["a", "0.200", "-"]


def test_failures_count_in_the_tables_of_datasets_too() -> None:
    """The legend of the same file says that failures count as skill -1."""
    trials = [trial("a", {"skill": 0.9}), *(trial("a", {}, status=Status.DIVERGED) for _ in range(2))]
    table = markdown(board(line("a", *trials)))
    assert cells(table[table.index("## Skill, median") :], "a")[1] == "-1.000"


def test_choices_are_noted() -> None:
    assert "- a: chosen on validation: moons: k=1" in markdown(board(simple("a", chosen="moons: k=1")))


# --- CSV --------------------------------------------------------------------------------------------------------------


def parsed(shown: Board) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_csv(shown))))


def test_csv_parses_back() -> None:
    hostile = 'a,"b" c|d'
    rows = parsed(board(simple(hostile), simple("other", strategy=Strategy.REFERENCE)))
    assert {row["label"] for row in rows} == {hostile, "other"}
    by_name = {(row["label"], row["dataset"], row["metric"]): row for row in rows}
    assert len(by_name) == len(rows)
    whole = by_name[hostile, "all", "kl"]
    assert float(whole["value"]) == 0.25
    assert whole["low"] == whole["high"] == ""
    assert (whole["strategy"], whole["family"], whole["kind"]) == ("C1", "contrastive", "density")
    assert (whole["reference"], by_name["other", "all", "kl"]["reference"]) == ("False", "True")
    assert (whole["trials"], whole["failed"]) == ("1", "0")
    assert float(by_name[hostile, "moons", "kl_beta"]["value"]) == 0.125
    assert (hostile, "rings", "kl") not in by_name
    assert float(by_name[hostile, "all", "passes"]["value"]) == 2e6


def test_csv_keeps_every_digit_and_the_interval() -> None:
    values = [0.1 + 0.01 * k + 1e-13 for k in range(5)]
    rows = parsed(board(line("a", *(trial("a", {"skill": value}) for value in values))))
    whole = next(row for row in rows if row["dataset"] == "all" and row["metric"] == "skill")
    assert float(whole["value"]) == pytest.approx(sum(values[1:4]) / 3, rel=1e-15)
    assert float(whole["low"]) < float(whole["value"]) < float(whole["high"])


def test_csv_counts_failures_as_skill_minus_one() -> None:
    rows = parsed(board(line("a", trial("a", {"skill": 0.5}), trial("a", {}, status=Status.OOM))))
    whole = next(row for row in rows if row["dataset"] == "all" and row["metric"] == "skill")
    assert float(whole["value"]) == -0.25
    assert (whole["trials"], whole["failed"]) == ("2", "1")


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_the_terminal_shows_names_as_they_are() -> None:
    """A name in square brackets is not rich's markup."""
    console = Console(width=250, record=True, file=io.StringIO())
    console.print(terminal(board(simple("a[bold]b"), simple("second"), best="a[bold]b", ties=("second",))))
    text = console.export_text()
    assert "a[bold]b" in text
    assert "~" in next(row for row in text.splitlines() if "second" in row)
