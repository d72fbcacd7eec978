"""What earlier trials took: of this plan, and of earlier runs of the suite that did the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import Status
from ebmbench.planning.plan import Plan, Planner, TrialState
from ebmbench.planning.runtime_history import forecast_of, past_trials
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, save_run
from ebmbench.suite.loading import read_suite
from tests.factories import make_attempt, make_measurements, make_training
from tests.planned import catalog, plan_of

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


def left(plan: Plan, store: Store, fresh: bool = False) -> float | None:
    work = [trial for trial in plan.trials if fresh or trial.state is TrialState.TO_RUN]
    return forecast_of(plan, work, store, 1, fresh).left()


def measured(plan: Plan, store: Store, code: str, seconds: float) -> None:
    """The first trial of a plan is trained and measured, the whole in 50 seconds."""
    folder = store.trial_folder(plan.trials[0].view.key)
    folder.begin(plan.trials[0].spec)
    codes = {cell.name: code or cell.code for cell in plan.run.metrics}
    numbers = make_measurements({"skill": 0.5}, code=codes, eval_seconds=seconds)
    write_atomic(folder.file("metrics.json"), numbers.model_dump_json())
    write_atomic(folder.file("TRAINED"), make_training().model_dump_json())
    folder.finish(make_attempt(Status.OK, total_seconds=50.0))


@pytest.mark.long
def test_what_failed_and_is_tried_again_takes_what_others_of_it_took_to_end_well(tmp_path: Path) -> None:
    """And what all of them took, where none has ended well."""
    store = Store(tmp_path)
    plan = planned(store, seeds=[0, 1, 2])
    end(plan, store, (Status.FAILED, 2.0))
    planner = Planner(*read_suite({**SUITE, "seeds": [0, 1, 2]}), catalog(), store)
    retried = planner.plan(retry_failed=True)
    assert [trial.state for trial in retried.trials] == [TrialState.TO_RUN] * 3
    assert left(retried, store) == pytest.approx(6.0), "nobody knows better"
    measured(plan, store, "", 3.0)
    retried = planned(store, seeds=[0, 1, 2])
    assert retried.trials[0].state is TrialState.CACHED
    work = [trial for trial in retried.trials if trial.state is TrialState.FAILED]
    assert forecast_of(retried, work, store, 1, fresh=False).left() == pytest.approx(100.0)
    assert left(retried, store, fresh=True) == pytest.approx(150.0), "all of them, the one that is there too"


@pytest.mark.long
def test_what_is_trained_already_takes_what_its_metrics_took(tmp_path: Path) -> None:
    store = Store(tmp_path)
    measured(planned(store, seeds=[0]), store, "older", 3.0)
    again = planned(store, seeds=[0])
    assert again.trials[0].reason.startswith("trained; to measure")
    assert left(again, store) == pytest.approx(3.0)
    assert left(again, store, fresh=True) == pytest.approx(50.0)


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
