"""trials.parquet and metrics.parquet: the columns that DESIGN 5 promises, and what pandas reads back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.store.folders import Store, append_line, write_atomic
from ebmbench.store.records import (
    Attempt,
    DatasetCell,
    Measurements,
    MethodCell,
    Point,
    RunRecord,
    Training,
    TrialSpec,
    TrialView,
    Value,
)
from ebmbench.store.tables import RunResult, find_run, latest_run, save_run
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile, NetConfig

TRIAL_COLUMNS = [
    "run_id",
    "trial",
    "name",
    "suite",
    "method",
    "label",
    "strategy",
    "family",
    "kind",
    "reference",
    "dataset",
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
    "energy_rows",
    "gradient_rows",
    "samples",
    "peak_bytes",
    "neighbors",
    "interrupted",
    "machine_id",
    "started",
]
"""``the counters`` are spelled out: energy rows, gradient rows, samples seen."""
METRIC_COLUMNS = ["trial", "step", "train_seconds", "passes", "metric", "variant", "value", "note", "final"]


def spec(seed: int) -> TrialSpec:
    return TrialSpec(
        method=MethodCell(
            name="nce",
            target="a:B",
            owner="o",
            strategy=Strategy.C2,
            kind=EnergyKind.NORMALIZED,
            summary="",
            params={"lr": 0.1, "noise_ratio": 4},
        ),
        dataset=DatasetCell(name="moons", target="c:D", owner="o", params={}),
        data=DataRegime(),
        net=NetConfig(),
        budget=Budget(steps=5),
        seed=seed,
        device=DeviceProfile(),
        metrics=(),
        identity={"seed": seed},
    )


def view(seed: int, skipped: str = "") -> TrialView:
    return TrialView(
        key=spec(seed).key,
        name=f"nce[mine]/moons/{seed}/cpu",
        row="mine",
        method="nce",
        dataset="moons",
        seed=seed,
        device="cpu",
        strategy=Strategy.C2,
        kind=EnergyKind.NORMALIZED,
        skipped=skipped,
    )


VIEWS = (view(0), view(1), view(2, skipped="no cuda device on this machine"), view(3))
"""One ok, one that failed, one that cannot be run, one that was not run yet."""
TRAINING = Training(
    prepare_seconds=0.25,
    train_seconds=2.0,
    compile_seconds=0.5,
    steps=10,
    passes=3000,
    energy_rows=1000,
    gradient_rows=40,
    samples=200,
    peak_bytes=2**33,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    store = Store(tmp_path_factory.mktemp("results"))
    for seed in (0, 1):
        folder = store.trial(spec(seed).key)
        folder.begin(spec(seed))
        write_atomic(folder.file("TRAINED"), TRAINING.model_dump_json())
        values = (
            Value(metric="kl", variant="raw", value=0.5),
            Value(metric="kl", variant="beta", value=math.inf),
            Value(metric="tv", variant="raw", note="error: Boom: why"),
        )
        point = Point(step=4, passes=1200, train_seconds=0.75, metric="kl", variant="raw", value=1.5)
        append_line(folder.file("curve.jsonl"), point.as_json())
        measured = Measurements(values=values, code={}, eval_seconds=1.25)
        write_atomic(folder.file("metrics.json"), measured.model_dump_json())
    ok = Attempt(
        status=Status.OK, started="2026-01-01T00:00:00+00:00", total_seconds=4.0, neighbors=1, machine_id="abc"
    )
    failed = Attempt(
        status=Status.FAILED,
        error_type="KeyError",
        message="'lost'",
        started="2026-01-02T00:00:00+00:00",
        total_seconds=9.0,
    )
    store.trial(spec(0).key).finish(ok)
    store.trial(spec(1).key).finish(ok)
    store.trial(spec(1).key).finish(failed)
    record = RunRecord(
        run_id="20260101-000000-12345678",
        suite="tiny",
        plan_id="12345678",
        started="2026-01-01T00:00:00+00:00",
        full=True,
        metrics=(),
        trials=VIEWS,
    )
    made = RunResult(record, store)
    save_run(made)
    made.write_tables()
    return made


@pytest.fixture(scope="module")
def trials(run: RunResult) -> pd.DataFrame:
    return pd.read_parquet(run.folder / "trials.parquet").set_index("seed", drop=False)


@pytest.fixture(scope="module")
def metrics(run: RunResult) -> pd.DataFrame:
    return pd.read_parquet(run.folder / "metrics.parquet")


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
        "device": "cpu",
        "status": "ok",
        "error": "",
        "train_seconds": 2.0,
        "eval_seconds": 1.25,
        "compile_seconds": 0.5,
        "total_seconds": 4.0,
        "steps": 10,
        "passes": 3000,
        "energy_rows": 1000,
        "gradient_rows": 40,
        "samples": 200,
        "steps_per_second": 5.0,
        "samples_per_second": 100.0,
        "peak_bytes": 2**33,
        "neighbors": 1,
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


def test_the_final_numbers_of_a_failed_trial_do_not_count(metrics: pd.DataFrame) -> None:
    """Its curve shows how far it came."""
    mine = metrics[metrics["trial"] == VIEWS[1].key]
    assert mine["final"].tolist() == [False]


def test_the_tables_of_python_are_those_of_the_files(
    run: RunResult, trials: pd.DataFrame, metrics: pd.DataFrame
) -> None:
    pd.testing.assert_frame_equal(run.metric_table(), metrics, check_dtype=False)
    pd.testing.assert_frame_equal(
        run.trial_table().astype(object), trials.reset_index(drop=True).astype(object), check_dtype=False
    )


def test_a_run_is_found_by_its_plan(run: RunResult) -> None:
    assert find_run(run.store, "tiny", "12345678") == run.record
    assert find_run(run.store, "tiny", "87654321") is None
    assert find_run(run.store, "other", "12345678") is None


def test_the_latest_run_is_what_latest_says(run: RunResult, tmp_path: Path) -> None:
    assert latest_run(run.store, "tiny") is None
    latest = run.store.suite("tiny") / "latest"
    latest.write_text(run.record.run_id + "\n")
    assert latest_run(run.store, "tiny") == run.record
    latest.write_text("20990101-000000-00000000\n")
    assert latest_run(run.store, "tiny") is None
    latest.unlink()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_broken_run_record_is_no_run(run: RunResult, content: bytes) -> None:
    path = run.folder / "run.json"
    kept = path.read_bytes()
    try:
        path.write_bytes(content)
        assert find_run(run.store, "tiny", "12345678") is None
    finally:
        path.write_bytes(kept)
