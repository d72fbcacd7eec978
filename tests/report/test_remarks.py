"""What stands below a leaderboard: each reason once, with the metrics, rows and trials that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.remarks import MAX_REASONS, folded, notes
from ebmbench.store.records import MetricCell, Value
from ebmbench.store.runs import TrialResult
from tests.factories import make_attempt, make_cell, make_report, make_trial, make_view

SCALE = "n/a: the scale of a ranking energy means nothing"


def line(row: str, *values: Value, trials: int = 2, status: Status = Status.OK, message: str = "") -> list[TrialResult]:
    """The trials of a row, all of which have these values."""
    facts = {"strategy": Strategy.A1, "kind": EnergyKind.RANKING}
    attempts = [make_attempt(status, error_type="Boom", message=message)] if message else []
    return [
        make_trial(make_view(row, seed=seed, **facts), values, status=status, attempts=attempts)
        for seed in range(trials)
    ]


def said(*lines: Sequence[TrialResult], **facts: Any) -> list[str]:
    trials = [trial for line in lines for trial in line]
    values = [value for trial in trials if trial.measurements for value in trial.measurements.values]
    report = make_report(trials, **{"metrics": asked(values), **facts})
    return list(notes(report.table, report.leaderboard))


def asked(values: Sequence[Value]) -> tuple[MetricCell, ...]:
    """The metrics of these values."""
    return tuple(make_cell(name) for name in dict.fromkeys(value.metric for value in values))


def gap(metric: str, variant: str = "", note: str = SCALE) -> Value:
    return Value(metric, variant, note=note)


def number(metric: str, variant: str = "") -> Value:
    return Value(metric, variant, 1.0)


def test_a_reason_stands_once_with_what_it_concerns() -> None:
    kmeans = line("kmeans", gap("fisher", "raw"), number("fisher", "beta"), gap("leak", "raw"))
    dae = line("dae", gap("fisher", "raw"), number("fisher", "beta"), gap("leak", "raw"))
    nce = line("nce", number("fisher", "raw"), number("fisher", "beta"), number("leak", "raw"))
    assert said(kmeans, dae, nce) == [f"{SCALE}: fisher raw, leak (kmeans, dae; 4 trials)"]


def test_all_rows_are_called_all_rows_and_all_variants_by_the_metric() -> None:
    values = [gap("kl", "raw", "n/a: no truth"), gap("kl", "beta", "n/a: no truth"), number("auroc")]
    assert said(line("a", *values, trials=1)) == ["n/a: no truth: kl (all rows; 1 trial)"]
    assert said(line("a", *values), line("b", *values)) == ["n/a: no truth: kl (all rows; 4 trials)"]


def test_a_metric_that_raised_and_a_remark_on_a_number_are_reasons_too() -> None:
    values = [gap("mine", note="error: ZeroDivisionError"), Value("nll", "", 1.0, "not checked")]
    assert said(line("a", *values)) == [
        "error: ZeroDivisionError: mine (all rows; 2 trials)",
        "not checked: nll (all rows; 2 trials)",
    ]


def test_what_failed_has_no_gaps_but_its_own_reason() -> None:
    good = line("good", number("kl"))
    assert said(line("a", gap("kl"), status=Status.FAILED), good) == ["a: 2 x failed: "]
    assert said(line("a", status=Status.FAILED, message="why"), good) == ["a: 2 x failed: Boom: why"]


def test_each_reason_of_a_failure_is_counted() -> None:
    trials = [
        make_trial(make_view("a", seed=seed), status=status, attempts=[make_attempt(status, message=message)])
        for seed, (status, message) in enumerate(
            [(Status.FAILED, "one"), (Status.OOM, "one"), (Status.FAILED, "two"), (Status.FAILED, "one")]
        )
    ]
    found = said(trials, line("good", number("kl")))
    assert sorted(found) == ["a: 1 x failed: two", "a: 1 x oom: one", "a: 2 x failed: one"]


def test_a_choice_is_the_first_remark() -> None:
    point = make_trial(make_view("a", grid_point="k=1"), {"loss": 1.0})
    found = said([point], line("b", status=Status.FAILED, message="why"), select={"a": "loss"})
    assert found[0] == "a: chosen on validation: moons: k=1"
    assert found[1].startswith("b: ")


def test_what_was_not_asked_for_is_not_missing() -> None:
    values = [gap("leak"), number("kl")]
    assert said(line("a", *values), metrics=(make_cell("kl"),)) == []


def test_what_was_not_chosen_has_no_gaps() -> None:
    """Trials that stand in no row of the board are not spoken of."""
    losses = {"k=1": 1.0, "k=2": 2.0}
    trials = [
        make_trial(make_view("a", grid_point=point), [Value("loss", "", loss), gap("leak", note=f"n/a: {point}")])
        for point, loss in losses.items()
    ]
    assert said(trials, select={"a": "loss"})[1:] == ["n/a: k=1: leak (all rows; 1 trial)"]


def test_what_does_not_apply_is_folded_to_one_sentence_and_errors_are_not() -> None:
    trials = [
        *line("a", gap("fisher", "raw"), gap("leak", "raw"), number("kl")),
        *line("b", gap("fisher", "raw", "n/a: another reason"), gap("mine", note="error: ZeroDivisionError")),
        *line("c", status=Status.FAILED, message="why"),
    ]
    values = [value for trial in trials if trial.measurements for value in trial.measurements.values]
    report = make_report(trials, metrics=asked(values))
    assert list(folded(report.table, report.leaderboard)) == [
        "c: 2 x failed: Boom: why",
        "error: ZeroDivisionError: mine (b; 2 trials)",
        "what does not apply: 2 metrics of 2 methods; see leaderboard.md",
    ]


def test_no_more_than_a_few_reasons_those_of_most_trials_first() -> None:
    many = [gap(f"m{i}", note=f"n/a: reason {i}") for i in range(MAX_REASONS + 2)]
    found = said(line("few", *many, trials=1), line("most", gap("m9", note="n/a: common"), trials=3))
    assert found[0] == "n/a: common: m9 (most; 3 trials)"
    assert len(found) == MAX_REASONS + 1
    assert found[-1].startswith("3 more")
