"""What earlier trials took: of this plan, and of earlier runs of the suite that did the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import Status
from ebmbench.planning.plan import Plan, TrialState
from ebmbench.planning.runtime_history import past_trials
from ebmbench.store.folders import Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, save_run
from tests.factories import make_attempt
from tests.planned import plan_of

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians"],
    "methods": ["nce"],
    "budget": {"steps": 5},
    "metrics": ["skill"],
}


def end(plan: Plan, store: Store, *attempts: tuple[Status, float]) -> None:
    for trial in plan.trials:
        folder = store.trial_folder(trial.view.key)
        folder.begin(trial.spec)
        for status, seconds in attempts:
            folder.finish(make_attempt(status, total_seconds=seconds))


def run_of(plan: Plan, store: Store, run_id: str) -> RunRecord:
    record = plan.run.model_copy(update={"run_id": run_id})
    save_run(RunResult(record, store))
    return record


def planned(store: Store, **changed: Any) -> Plan:
    return plan_of(store.root, {**SUITE, **changed})


def past(plan: Plan, store: Store) -> list[float]:
    return sorted(seconds for _, seconds in past_trials(plan, plan.of(TrialState.TO_RUN), store))


@pytest.mark.long
def test_the_past_is_of_this_plan_and_of_earlier_runs_of_the_suite(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = planned(store, seeds=[0, 1])
    run_of(before, store, "1")
    end(before, store, (Status.OK, 10.0))
    assert past(planned(store, seeds=[1, 2]), store) == [10.0, 10.0], "once each, in the plan or not"
    assert past(planned(store, seeds=[5]), store) == [10.0, 10.0], "of the earlier run alone"
    end(before, store, (Status.FAILED, 10.0))
    assert past(planned(store, seeds=[0]), store) == [], "nothing is to run"


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        {"budget": {"steps": 6}},
        {"methods": ["pcd"]},
        {"datasets": ["moons"]},
        {"devices": [{"device": "cpu", "threads": 2}]},
        {"name": "other"},
    ],
    ids=str,
)
def test_what_is_not_alike_has_no_say(tmp_path: Path, change: dict[str, Any]) -> None:
    store = Store(tmp_path)
    before = planned(store, seeds=[0, 1])
    run_of(before, store, "1")
    end(before, store, (Status.OK, 10.0))
    assert past(planned(store, **change, seeds=[5]), store) == []


@pytest.mark.long
def test_a_trial_took_what_its_longest_attempt_of_that_outcome_took(tmp_path: Path) -> None:
    """Not the time-out before, and not the few seconds in which a new metric was measured."""
    store = Store(tmp_path)
    before = planned(store, seeds=[0])
    run_of(before, store, "1")
    end(before, store, (Status.TIMEOUT, 600.0), (Status.OK, 50.0), (Status.OK, 3.0))
    assert past(planned(store, seeds=[5]), store) == [50.0]


@pytest.mark.long
def test_a_skipped_trial_and_one_that_was_never_tried_teach_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = planned(store, methods=["nce", "mpf"], seeds=[0])
    run_of(before, store, "1")
    assert past(planned(store, methods=["nce", "mpf"], seeds=[0, 1]), store) == []


@pytest.mark.long
def test_the_newest_runs_come_first_and_a_damaged_record_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run_id, seed, seconds in (("1", 0, 10.0), ("2", 1, 20.0)):
        before = planned(store, seeds=[seed])
        run_of(before, store, run_id)
        end(before, store, (Status.OK, seconds))
    run_of(planned(store, seeds=[3]), store, "3")
    (store.run_dir("tiny", "3") / "run.json").write_text("half")
    plan = planned(store, seeds=[5])
    found = [seconds for _, seconds in past_trials(plan, plan.of(TrialState.TO_RUN), store)]
    assert found == [20.0, 10.0]
