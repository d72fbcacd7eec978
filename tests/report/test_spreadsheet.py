"""Tables for other programs: CSV in long form that parses back to every digit, and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ebmbench.contracts.records import Status, Strategy
from ebmbench.report.spreadsheet import leaderboard, numbers, trials
from ebmbench.store.runs import TrialResult
from tests.factories import Lab, make_cell, make_cells, make_report, make_training, make_trial, make_view

NUMBERS = {"skill": 0.5, "kl": 0.25, "kl_beta": 0.125}


def ended(row: str, numbers: dict[str, float] | None = None, status: Status = Status.OK, **facts: Any) -> TrialResult:
    training = make_training(passes=2_000_000) if status is Status.OK else None
    return make_trial(
        make_view(row, **facts), NUMBERS if numbers is None else numbers, status=status, training=training
    )


def parsed(*made: TrialResult, **facts: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(leaderboard(make_report(made, **facts)))))


def whole(rows: list[dict[str, str]], metric: str = "skill") -> dict[str, str]:
    """The line of the aggregate."""
    (found,) = (row for row in rows if row["dataset"] == "all" and row["metric"] == metric)
    return found


def test_csv_parses_back() -> None:
    hostile = 'a,"b" c|d'
    rows = parsed(
        ended(hostile, strategy=Strategy.C1),
        ended("other", strategy=Strategy.REFERENCE),
        ended("other", {"skill": 0.5}, strategy=Strategy.REFERENCE, dataset="rings"),
    )
    assert {row["label"] for row in rows} == {hostile, "other"}
    by_name = {(row["label"], row["dataset"], row["metric"]): row for row in rows}
    assert len(by_name) == len(rows)
    line = by_name[hostile, "all", "kl"]
    assert float(line["value"]) == 0.25
    assert line["low"] == line["high"] == ""
    assert (line["strategy"], line["family"], line["kind"]) == ("C1", "contrastive", "density")
    assert (line["reference"], by_name["other", "all", "kl"]["reference"]) == ("False", "True")
    assert (line["trials"], line["failed"]) == ("1", "0")
    assert float(by_name[hostile, "moons", "kl_beta"]["value"]) == 0.125
    assert (hostile, "rings", "kl") not in by_name
    assert float(by_name[hostile, "all", "passes"]["value"]) == 2e6


def test_from_the_line_of_each_trial_the_board_can_be_made_again() -> None:
    """Its medians, its aggregate and its failures; a hostile name is quoted, and what has not ended is no line."""
    hostile = 'a,"b" c|d'
    made = [ended(hostile, {"skill": level, "kl": 1 / 3}, seed=k) for k, level in enumerate((0.1, 0.7, 0.3))]
    lost = ended("bad", status=Status.CRASHED)
    report = make_report([*made, lost, make_trial(make_view("never"), status=None)])
    table = pd.read_csv(io.StringIO(numbers(report)), float_precision="round_trip")
    assert dict(table["label"].value_counts()) == {hostile: 3, "bad": 1}
    (board,) = (method for method in report.leaderboard.methods if method.row == hostile)
    ours = table[table["label"] == hostile]
    assert ours["skill"].median() == board.median("skill", "moons") == 0.3
    assert ours["kl"].tolist() == [1 / 3] * 3
    assert ours["passes"].tolist() == [2_000_000] * 3
    assert sorted(ours["seed"]) == [0, 1, 2]
    (bad,) = table[table["label"] == "bad"].to_dict("records")
    assert bad["status"] == "crashed"
    assert math.isnan(bad["skill"])


def test_csv_keeps_every_digit() -> None:
    values = [0.1 + 0.01 * k + 1e-13 for k in range(5)]
    line = whole(parsed(*(ended("a", {"skill": value}, seed=seed) for seed, value in enumerate(values))))
    assert float(line["value"]) == pytest.approx(values[2], rel=1e-15)


def test_csv_has_the_boards_with_their_intervals() -> None:
    trials = [
        ended(row, {"skill": 0.5 + seed / 100 + up}, seed=seed)
        for row, up in (("a", 0), ("b", 0.2))
        for seed in range(5)
    ]
    lines = {line["label"]: line for line in parsed(*trials) if line["metric"] == "times_the_best_skill"}
    assert float(lines["b"]["value"]) == 1
    assert float(lines["a"]["value"]) == pytest.approx((1 - 0.52) / (1 - 0.72))
    assert float(lines["a"]["low"]) < float(lines["a"]["value"]) < float(lines["a"]["high"])


def test_csv_has_spreads_units_and_gaps() -> None:
    rows = parsed(
        *(ended("a", {"skill": skill, "kl": kl}, seed=k) for k, (skill, kl) in enumerate([(0.9, 1), (0.5, 2)]))
    )
    assert float(whole(rows, "kl")["spread"]) == 0.5
    assert float(whole(rows, "optimality_gap_skill")["value"]) == pytest.approx(0.3)
    assert float(whole(rows, "optimality_gap_skill")["spread"]) == pytest.approx(0.2)
    assert whole(rows, "train_seconds")["unit"] == "s"
    one = parsed(ended("a"), metrics=(make_cell("kl", "raw", unit="=nats"),))
    assert (whole(one, "kl")["spread"], whole(one, "kl")["unit"]) == ("", "'=nats")


def test_csv_counts_failures_as_skill_minus_one() -> None:
    line = whole(parsed(ended("a", {"skill": 0.5}), ended("a", status=Status.OOM, seed=1)))
    assert float(line["value"]) == -0.25
    assert (line["trials"], line["failed"]) == ("2", "1")


def test_csv_keeps_infinities() -> None:
    """KL(p || q) is infinite where q vanishes: a number, and not nothing."""
    assert math.isinf(float(whole(parsed(ended("a", {"kl": math.inf})), "kl")["value"]))


def test_csv_has_what_was_asked_for_and_costs() -> None:
    asked = make_cells(["skill", "kl_beta"])
    rows = parsed(ended("a"), metrics=asked)
    assert {row["metric"] for row in rows} == {
        *("skill", "kl_beta", "times_the_best_skill", "times_the_best_kl", "optimality_gap_skill"),
        *("train_seconds", "passes", "rows", "steps"),
    }


def test_no_name_is_a_formula() -> None:
    (line, *_) = parsed(ended("=SUM(A1)", dataset="+x"))
    assert line["label"] == "'=SUM(A1)"


def test_json_is_a_record_a_trial(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"skill": 0.5, "kl": math.inf}, seed=3, dataset="rings")
    lab.trial("bad", status=Status.DIVERGED)
    lab.trial("gone", status=Status.SKIPPED)
    text = trials(lab.report())
    assert text.endswith("]\n")
    good, bad, skipped = json.loads(text)
    assert (good["label"], good["dataset"], good["seed"], good["status"], good["passes"]) == (
        "nce",
        "rings",
        3,
        "ok",
        1000,
    )
    assert good["metrics"] == {"skill": 0.5, "kl": "inf"}
    assert bad["metrics"] == {}
    assert (bad["status"], bad["error"], bad["passes"]) == ("diverged", "Boom: it went wrong", None)
    assert (skipped["status"], skipped["error"]) == ("skipped", "no such device")
