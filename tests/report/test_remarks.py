"""What stands below a leaderboard: each reason once, with the metrics, rows and trials that it concerns."""

from __future__ import annotations

from pathlib import Path

from ebmbench.analysis.aggregate import Line
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.report.remarks import MOST_REASONS, notes
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import Measurements, TrialView, Value
from ebmbench.store.tables import TrialResult

SCALE = "n/a: the scale of a ranking energy means nothing"


def line(row: str, *values: Value, trials: int = 2, status: Status = Status.OK) -> Line:
    results = []
    for seed in range(trials):
        view = TrialView(
            key=f"{row}{seed}",
            name=row,
            row=row,
            method=row,
            dataset="moons",
            seed=seed,
            device="cpu",
            strategy=Strategy.A1,
            kind=EnergyKind.RANKING,
        )
        result = TrialResult(view, TrialFolder(Path("/nonexistent")))
        result.__dict__.update(
            status=status, attempts=[], measurements=Measurements(values=values, code={}, eval_seconds=0)
        )
        results.append(result)
    return Line(row, Strategy.A1, EnergyKind.RANKING, tuple(results), {})


def gap(metric: str, variant: str = "", note: str = SCALE) -> Value:
    return Value(metric=metric, variant=variant, note=note)


def number(metric: str, variant: str = "") -> Value:
    return Value(metric=metric, variant=variant, value=1.0)


def test_a_reason_stands_once_with_what_it_concerns() -> None:
    kmeans = line("kmeans", gap("fisher", "raw"), number("fisher", "beta"), gap("leak", "raw"))
    dae = line("dae", gap("fisher", "raw"), number("fisher", "beta"), gap("leak", "raw"))
    nce = line("nce", number("fisher", "raw"), number("fisher", "beta"), number("leak", "raw"))
    assert list(notes([kmeans, dae, nce])) == [f"{SCALE}: fisher raw, leak (kmeans, dae; 4 trials)"]


def test_all_rows_are_called_all_rows_and_all_variants_by_the_metric() -> None:
    values = [gap("kl", "raw", "n/a: no truth"), gap("kl", "beta", "n/a: no truth"), number("auroc")]
    assert list(notes([line("a", *values, trials=1)])) == ["n/a: no truth: kl (all rows; 1 trial)"]
    assert list(notes([line("a", *values), line("b", *values)])) == ["n/a: no truth: kl (all rows; 4 trials)"]


def test_a_metric_that_raised_and_a_remark_on_a_number_are_reasons_too() -> None:
    values = [gap("mine", note="error: ZeroDivisionError"), Value(metric="nll", value=1.0, note="not checked")]
    assert list(notes([line("a", *values)])) == [
        "error: ZeroDivisionError: mine (all rows; 2 trials)",
        "not checked: nll (all rows; 2 trials)",
    ]


def test_what_failed_has_no_gaps_but_its_own_reason() -> None:
    assert list(notes([line("a", gap("kl"), status=Status.FAILED)])) == ["a: 2 x failed: "]


def test_no_more_than_a_few_reasons_those_of_most_trials_first() -> None:
    many = [gap(f"m{i}", note=f"n/a: reason {i}") for i in range(MOST_REASONS + 2)]
    found = list(notes([line("few", *many, trials=1), line("most", gap("m9", note="n/a: common"), trials=3)]))
    assert found[0] == "n/a: common: m9 (most; 3 trials)"
    assert len(found) == MOST_REASONS + 1
    assert found[-1].startswith("3 more")
