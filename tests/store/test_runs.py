"""Runs: an ordered list of trials, found by plan, by name and by id; a broken record is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ebmbench.contracts.records import Status
from ebmbench.store.folders import Store
from ebmbench.store.records import RunRecord, Value
from ebmbench.store.runs import (
    RunResult,
    TrialResult,
    earlier_runs,
    find_run,
    latest_run,
    newest_run,
    run_of_id,
    save_run,
)
from tests.factories import Lab, make_attempt, make_cells, make_run, make_trial, make_view

PLAN = "12345678"
RUN_ID = f"20260101-000000-{PLAN}"


@pytest.fixture
def run(tmp_path: Path) -> RunResult:
    lab = Lab(tmp_path)
    lab.trial("nce", {"skill": 0.5, "kl": 0.25}, seed=0)
    lab.trial("nce", seed=1, status=Status.DIVERGED)
    lab.trial("nce", seed=2, status=Status.SKIPPED)
    lab.trial("nce", seed=3, status=None)
    made = lab.result(suite="tiny", run_id=RUN_ID, plan_id=PLAN)
    save_run(made)
    return made


def another(store: Store, started: str, plan: str = PLAN, suite: str = "tiny") -> RunRecord:
    """One more run of a suite."""
    record = make_run([make_view()], run_id=f"{started}-{plan}", plan_id=plan, suite=suite)
    save_run(RunResult(record, store))
    return record


# --- trials ----------------------------------------------------------------------------------------------------------


def test_trials_stand_in_the_order_of_the_plan_with_their_statuses(run: RunResult) -> None:
    assert [trial.view.seed for trial in run.trials] == [0, 1, 2, 3]
    assert [trial.status for trial in run.trials] == [Status.OK, Status.DIVERGED, Status.SKIPPED, None]
    assert [trial.error for trial in run.trials] == ["", "Boom: it went wrong", "no such device", ""]


def test_values_are_of_what_ended_well(run: RunResult) -> None:
    assert run.trials[0].values == {"skill": 0.5, "kl": 0.25}
    run.trials[0].folder.finish(make_attempt(Status.FAILED))
    again = TrialResult(run.trials[0].view, run.trials[0].folder)
    assert again.measurements is not None
    assert again.values == {}


def test_a_note_without_a_number_is_no_value() -> None:
    trial = make_trial(make_view(), [Value("kl", "beta", 0.5), Value("tv", "raw", note="n/a: no"), Value("x", "", 0.0)])
    assert trial.values == {"kl_beta": 0.5, "x": 0.0}


def test_the_numbers_of_a_run_are_those_that_its_suite_asks_for(run: RunResult) -> None:
    asked = RunResult(run.record.model_copy(update={"metrics": make_cells(["kl", "kl_beta"])}), run.store)
    assert asked.numbers(asked.trials[0]) == {"kl": 0.25}
    assert asked.numbers(asked.trials[1]) == {}


def test_damage_is_said_and_the_trial_is_not_finished(run: RunResult) -> None:
    assert run.trials[0].damage == ""
    run.trials[0].folder.file("metrics.json").write_text("{}")
    again = RunResult(run.record, run.store).trials[0]
    assert again.status is None
    assert again.damage.startswith("metrics.json has 2 bytes")


def test_what_was_read_a_moment_ago_is_not_read_again(run: RunResult) -> None:
    first = run.trials[0]
    assert first.status is Status.OK
    assert first.values
    for path in first.folder.path.iterdir():
        path.unlink()
    known = RunResult(run.record, run.store, [first, None, None, None]).trials
    assert known[0] is first
    assert known[0].values == {"skill": 0.5, "kl": 0.25}
    assert [trial.view.seed for trial in known] == [0, 1, 2, 3]
    assert RunResult(run.record, run.store).trials[0].status is None


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_its_plan(run: RunResult) -> None:
    assert find_run(run.store, "tiny", PLAN) == run.record
    assert find_run(run.store, "tiny", "87654321") is None
    assert find_run(run.store, "other", PLAN) is None


def test_of_two_runs_of_a_plan_the_last_is_found(run: RunResult) -> None:
    newer = another(run.store, "20260202-000000")
    assert find_run(run.store, "tiny", PLAN) == newer


def test_the_latest_run_is_what_latest_says(run: RunResult) -> None:
    assert latest_run(run.store, "tiny") is None
    latest = run.store.suite_dir("tiny") / "latest"
    latest.write_text(run.record.run_id + "\n")
    assert latest_run(run.store, "tiny") == run.record
    latest.write_text("20990101-000000-00000000\n")
    assert latest_run(run.store, "tiny") is None
    latest.write_bytes(b"\xff")
    assert latest_run(run.store, "tiny") is None


def test_the_newest_run_is_the_one_that_was_last_written(run: RunResult) -> None:
    """A run that is reopened keeps its id, and is the newest again."""
    newer = another(run.store, "20260202-000000", plan="aaaaaaaa")
    another(run.store, "20260303-000000", suite="other")
    os.utime(run.folder / "run.json", (1, 1))
    assert newest_run(run.store, "tiny") == newer
    os.utime(run.folder / "run.json")
    os.utime(run.store.run_dir("tiny", newer.run_id) / "run.json", (1, 1))
    assert newest_run(run.store, "tiny") == run.record
    (run.folder / "run.json").write_text("{}")
    assert newest_run(run.store, "tiny") == newer, "a broken one is none"
    assert newest_run(run.store, "nothing") is None


def test_a_run_is_found_by_its_id_whatever_its_suite(run: RunResult) -> None:
    """Also one that was narrowed, and that no suite calls its latest."""
    other = another(run.store, "20260303-000000", plan="aaaaaaaa", suite="other")
    assert run_of_id(run.store, RUN_ID) == run.record
    assert run_of_id(run.store, other.run_id) == other
    assert run_of_id(run.store, "20990101-000000-00000000") is None


def test_earlier_runs_come_the_last_first(run: RunResult) -> None:
    made = [another(run.store, f"2026030{day}-000000", plan=f"{day}" * 8) for day in (2, 1, 3)]
    another(run.store, "20260309-000000", plan="99999999", suite="other")
    assert list(earlier_runs(run.store, "tiny")) == [made[2], made[0], made[1], run.record]
    assert list(earlier_runs(run.store, "nothing")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_broken_run_record_is_no_run(run: RunResult, content: bytes) -> None:
    newer = another(run.store, "20260202-000000")
    path = run.store.run_dir("tiny", newer.run_id) / "run.json"
    path.write_bytes(content)
    assert find_run(run.store, "tiny", PLAN) == run.record, "the one before it is found"
    assert list(earlier_runs(run.store, "tiny")) == [run.record]
    assert run_of_id(run.store, newer.run_id) is None
    (run.store.suite_dir("tiny") / "latest").write_text(newer.run_id)
    assert latest_run(run.store, "tiny") is None
    (run.folder / "run.json").write_bytes(content)
    assert find_run(run.store, "tiny", PLAN) is None
