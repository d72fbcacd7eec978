"""trials.parquet and metrics.parquet: the columns that are promised, and what pandas reads back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ebmbench.contracts.records import EnergyKind, Status
from ebmbench.store.files import append_line, write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import Point, TrialSpec, TrialView, Value
from ebmbench.store.runs import RunResult, save_run
from ebmbench.store.tables import METRICS, TRIALS, metric_table, read_table, trial_table, write_table
from tests.factories import (
    make_attempt,
    make_cells,
    make_measurements,
    make_report,
    make_run,
    make_spec,
    make_training,
    make_trial,
    make_view,
)

TRIAL_COLUMNS = [
    "run_id",
    "trial",
    "name",
    "suite",
    "method",
    "label",
    "grid_point",
    "strategy",
    "family",
    "kind",
    "reference",
    "dataset",
    "track",
    "seed",
    "device",
    "status",
    "error",
    "params",
    "train_seconds",
    "eval_seconds",
    "compile_seconds",
    "total_seconds",
    "steps",
    "passes",
    "flops",
    "operations",
    "energy_rows",
    "gradient_rows",
    "samples",
    "peak_bytes",
    "n_concurrent",
    "interrupted",
    "machine_id",
    "started",
]
"""``the counters`` are spelled out: operations, energy rows, gradient rows, samples seen."""
METRIC_COLUMNS = ["trial", "step", "train_seconds", "passes", "metric", "variant", "value", "note", "final"]


def spec(seed: int) -> TrialSpec:
    return make_spec(seed, kind=EnergyKind.NORMALIZED, params={"lr": 0.1, "noise_ratio": 4})


def view(seed: int, skipped: str = "") -> TrialView:
    facts = {"method": "nce", "kind": EnergyKind.NORMALIZED, "name": f"nce[mine]/moons/{seed}/cpu"}
    return make_view("mine", seed=seed, key=spec(seed).key, skipped=skipped, **facts)


VIEWS = (view(0), view(1), view(2, skipped="no cuda device on this machine"), view(3))
"""One ok, one that failed, one that cannot be run, one that was not run yet."""
TRAINING = make_training(
    prepare_seconds=0.25,
    train_seconds=2.0,
    compile_seconds=0.5,
    steps=10,
    passes=3000,
    flops=10**9,
    operations=700,
    energy_rows=1000,
    gradient_rows=40,
    samples=200,
    rows=150,
    peak_bytes=2**33,
)
POINTS = (Point(4, 1200, 0.75, "kl", "raw", 1.5), Point(4, 1200, 0.75, "auroc", "", 0.5))


def fill(store: Store, seed: int) -> None:
    """A trial that was trained and measured; another suite asked for an AUROC too."""
    folder = store.trial_folder(spec(seed).key)
    folder.begin(spec(seed))
    write_atomic(folder.file("TRAINED"), TRAINING.model_dump_json())
    values = (
        Value("kl", "raw", 0.5),
        Value("kl", "beta", math.inf),
        Value("tv", "raw", note="error: Boom: why"),
        Value("auroc", "", 0.75),
    )
    end = Point(TRAINING.steps, TRAINING.passes, TRAINING.train_seconds, "kl", "raw", 0.5)
    for point in (*POINTS, end):
        append_line(folder.file("curve.jsonl"), point.as_json())
    measured = make_measurements(values, eval_seconds=1.25)
    write_atomic(folder.file("metrics.json"), measured.model_dump_json())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    store = Store(tmp_path_factory.mktemp("results"))
    ok = make_attempt(total_seconds=4.0, n_concurrent=1, machine_id="abc")
    failed = make_attempt(Status.FAILED, error_type="KeyError", message="'lost'", total_seconds=9.0)
    for seed in (0, 1):
        fill(store, seed)
        store.trial_folder(spec(seed).key).finish(ok)
    store.trial_folder(spec(1).key).finish(failed)
    made = RunResult(make_run(VIEWS, suite="tiny", metrics=make_cells(["kl", "kl_beta", "tv"])), store)
    save_run(made)
    write_table(made, TRIALS, trial_table(made))
    write_table(made, METRICS, metric_table(made))
    return made


@pytest.fixture(scope="module")
def trials(run: RunResult) -> pd.DataFrame:
    return read_table(run, TRIALS).set_index("seed", drop=False)


@pytest.fixture(scope="module")
def metrics(run: RunResult) -> pd.DataFrame:
    return read_table(run, METRICS)


def cells(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    """A row as a mapping."""
    row: dict[str, Any] = table.to_dict("index")[seed]  # type: ignore[assignment]
    return row


def test_the_columns_of_trials(trials: pd.DataFrame) -> None:
    assert set(TRIAL_COLUMNS) <= set(trials.columns)
    in_order = [column for column in trials.columns if column in TRIAL_COLUMNS]
    assert in_order == [column for column in TRIAL_COLUMNS if column in trials.columns]


def test_one_row_a_trial_in_the_order_of_the_plan(trials: pd.DataFrame) -> None:
    assert trials["trial"].tolist() == [view.key for view in VIEWS]
    assert trials["seed"].tolist() == [0, 1, 2, 3]


def test_a_trial_that_ended_well(trials: pd.DataFrame) -> None:
    row = cells(trials, 0)
    expected = {
        "run_id": "20260101-000000-12345678",
        "name": "nce[mine]/moons/0/cpu",
        "suite": "tiny",
        "method": "nce",
        "label": "mine",
        "strategy": "C2",
        "family": "contrastive",
        "kind": "normalized",
        "reference": False,
        "dataset": "moons",
        "track": "plane",
        "grid_point": "",
        "device": "cpu",
        "status": "ok",
        "error": "",
        "train_seconds": 2.0,
        "eval_seconds": 1.25,
        "compile_seconds": 0.5,
        "total_seconds": 4.0,
        "steps": 10,
        "passes": 3000,
        "flops": 10**9,
        "operations": 700,
        "energy_rows": 1000,
        "gradient_rows": 40,
        "samples": 200,
        "rows": 150,
        "steps_per_second": 5.0,
        "samples_per_second": 100.0,
        "peak_bytes": 2**33,
        "n_concurrent": 1,
        "machine_id": "abc",
        "started": "2026-01-01T00:00:00+00:00",
    }
    assert {name: row[name] for name in expected} == expected
    assert json.loads(row["params"]) == {"lr": 0.1, "noise_ratio": 4}


def test_a_trial_that_failed_says_why_and_how_long_it_took(trials: pd.DataFrame) -> None:
    row = cells(trials, 1)
    assert (row["status"], row["error"], row["total_seconds"]) == ("failed", "KeyError: 'lost'", 9.0)
    assert row["attempts"] == 2
    assert pd.isna(row["eval_seconds"])


def test_nothing_is_dropped(trials: pd.DataFrame) -> None:
    skipped, waiting = cells(trials, 2), cells(trials, 3)
    assert (skipped["status"], skipped["error"]) == ("skipped", "no cuda device on this machine")
    assert pd.isna(waiting["status"])
    assert pd.isna(skipped["steps"])
    assert pd.isna(waiting["steps"])


def test_the_columns_of_metrics(metrics: pd.DataFrame) -> None:
    assert list(metrics.columns) == METRIC_COLUMNS


def test_the_numbers_of_a_trial(metrics: pd.DataFrame) -> None:
    mine = metrics[metrics["trial"] == VIEWS[0].key]
    rows = [
        (row.step, row.train_seconds, row.passes, row.metric, row.variant, row.note, row.final)
        for row in mine.itertuples()
    ]
    assert rows == [
        (4, 0.75, 1200, "kl", "raw", "", False),
        (10, 2.0, 3000, "kl", "raw", "", True),
        (10, 2.0, 3000, "kl", "beta", "", True),
        (10, 2.0, 3000, "tv", "raw", "error: Boom: why", True),
    ]
    values = mine["value"].tolist()
    assert values[:2] == [1.5, 0.5]
    assert math.isnan(values[3])


def test_an_infinite_value_is_kept(metrics: pd.DataFrame) -> None:
    """KL(p || q) is infinite where q vanishes: that is a number, not nothing."""
    mine = metrics[(metrics["trial"] == VIEWS[0].key) & (metrics["variant"] == "beta")]
    assert mine["value"].tolist() == [math.inf]


def test_the_end_of_a_curve_is_its_final_value(metrics: pd.DataFrame, run: RunResult) -> None:
    """It stands in curve.jsonl too; in the table once."""
    trial = run.trials[0]
    assert [point.step for point in trial.curve if point.metric == "kl"] == [4, 10]
    mine = metrics[(metrics["trial"] == trial.view.key) & (metrics["step"] == 10) & (metrics["variant"] == "raw")]
    assert mine[mine["metric"] == "kl"]["final"].tolist() == [True]


def test_what_other_suites_asked_for_is_in_no_table(metrics: pd.DataFrame, run: RunResult) -> None:
    assert "auroc" in run.trials[0].values
    assert set(metrics["metric"]) == {"kl", "tv"}


def test_the_final_numbers_of_a_failed_trial_do_not_count(metrics: pd.DataFrame) -> None:
    """Its curve shows how far it came."""
    mine = metrics[metrics["trial"] == VIEWS[1].key]
    assert mine["step"].tolist() == [4, 10]
    assert mine["final"].tolist() == [False, False]


def test_the_tables_of_python_are_those_of_the_files(
    run: RunResult, trials: pd.DataFrame, metrics: pd.DataFrame
) -> None:
    pd.testing.assert_frame_equal(metric_table(run), metrics, check_dtype=False)
    pd.testing.assert_frame_equal(
        trial_table(run).astype(object), trials.reset_index(drop=True).astype(object), check_dtype=False
    )


def test_rates_are_of_what_was_trained() -> None:
    """No division by a clock that did not run, or by steps that were not made."""
    trainings = [make_training(steps=0), make_training(train_seconds=0.0), make_training(samples=50)]
    trials = [make_trial(make_view(seed=seed), {}, training=one) for seed, one in enumerate(trainings)]
    table = make_report(trials).trials
    assert table["steps_per_second"].isna().tolist() == [True, True, False]
    assert table["samples_per_second"].tolist()[2] == 50.0


def test_a_trial_that_stands_under_two_names_has_its_numbers_once() -> None:
    """The rows of metrics are of a key; both names look it up."""
    views = [make_view(row, key="1" * 16) for row in ("plain", "labelled")]
    report = make_report([make_trial(view, {"skill": 0.5}) for view in views])
    assert report.trials["trial"].tolist() == ["1" * 16] * 2
    assert report.metrics["trial"].tolist() == ["1" * 16]


def test_tables_of_a_run_without_any_number_have_their_columns(tmp_path: Path) -> None:
    views = [make_view(seed=seed) for seed in (0, 1)]
    result = RunResult(make_run(views), Store(tmp_path))
    result.folder.mkdir(parents=True)
    write_table(result, TRIALS, trial_table(result))
    write_table(result, METRICS, metric_table(result))
    assert list(pd.read_parquet(result.folder / "metrics.parquet").columns) == METRIC_COLUMNS
    assert len(pd.read_parquet(result.folder / "trials.parquet")) == 2
