"""What the trials of a pairing share is worked out once, and gives the keys that working it out each time would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts import Status
from ebmbench.harness import pairing
from ebmbench.harness.past import past_trials
from ebmbench.harness.plan import Plan, Planner, State
from ebmbench.store.folders import Store
from ebmbench.store.records import Attempt, RunRecord
from ebmbench.store.tables import RunResult, save_run
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.keys import Closure, canonical, sha256, trial_code
from ebmbench.suite.loading import read_suite

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians", {"name": "pink_spiral", "grid": {"sigma": [0.05, 0.1]}}],
    "methods": ["nce", {"name": "gmm", "label": "mix", "grid": {"components": [2, 3]}}],
    "budget": {"steps": 5},
    "seeds": [0, 7, 10, 1234567],
    "devices": ["cpu", {"device": "cpu", "threads": 2}],
    "metrics": ["skill"],
}


def planned(store: Store, **changed: Any) -> Plan:
    suite, source = read_suite({**SUITE, **changed}, (), None)
    return Planner(suite, source, load_catalog(), store).plan()


def test_a_key_is_the_hash_of_the_whole_identity(tmp_path: Path) -> None:
    """Made of parts, it is byte for byte that of the straightforward computation."""
    trials = planned(Store(tmp_path)).trials
    assert len({trial.view.key for trial in trials}) == len(trials) == 3 * 4 * 2 * 3
    for trial in trials:
        assert trial.view.key == trial.spec.key == sha256(canonical(trial.spec.identity))[:16]
        assert trial.spec.identity["seed"] == trial.view.seed


def test_the_seed_comes_last_in_a_canonical_identity(tmp_path: Path) -> None:
    """Else the part that is hashed once would hold it."""
    identity = planned(Store(tmp_path)).trials[0].spec.identity
    assert max(identity) == "seed"
    assert canonical(identity).endswith(',"seed":0}')


def test_a_closure_is_asked_for_once_a_pairing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def ask(method: str, dataset: str) -> Closure:
        asked.append((method, dataset))
        return trial_code(method, dataset)

    monkeypatch.setattr(pairing, "trial_code", ask)
    counts = {}
    for seeds in (1, 50):
        asked.clear()
        assert len(planned(Store(tmp_path), seeds=seeds).trials) == 18 * seeds
        counts[seeds] = len(asked)
    assert counts == {1: 18, 50: 18}


def test_no_spec_is_made_for_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "TrialSpec", None)
    made = planned(Store(tmp_path))
    assert {trial.state for trial in made.trials} == {State.TO_RUN}
    with pytest.raises(TypeError):
        made.trials[0].spec  # noqa: B018 - the wrong twin: a spec that is asked for is made


# --- the past ---------------------------------------------------------------------------------------------------------


def end(plan: Plan, store: Store, *attempts: tuple[Status, float]) -> None:
    for trial in plan.trials:
        folder = store.trial(trial.view.key)
        folder.begin(trial.spec)
        for status, seconds in attempts:
            folder.finish(Attempt(status=status, started="2026-01-01", total_seconds=seconds))


def run_of(plan: Plan, store: Store, run_id: str) -> RunRecord:
    record = plan.run.model_copy(update={"run_id": run_id})
    save_run(RunResult(record, store))
    return record


NARROW: dict[str, Any] = {"methods": ["nce"], "datasets": ["8gaussians"], "devices": ["cpu"]}


def past(plan: Plan, store: Store) -> list[float]:
    return sorted(seconds for _, seconds in past_trials(plan, plan.of(State.TO_RUN), store))


def test_the_past_is_of_this_plan_and_of_earlier_runs_of_the_suite(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = planned(store, **NARROW, seeds=[0, 1])
    run_of(before, store, "1")
    end(before, store, (Status.OK, 10.0))
    assert past(planned(store, **NARROW, seeds=[1, 2]), store) == [10.0, 10.0], "once each, in the plan or not"
    assert past(planned(store, **NARROW, seeds=[5]), store) == [10.0, 10.0], "of the earlier run alone"
    end(before, store, (Status.FAILED, 10.0))
    assert past(planned(store, **NARROW, seeds=[0]), store) == [], "nothing is to run"


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
    before = planned(store, **NARROW, seeds=[0, 1])
    run_of(before, store, "1")
    end(before, store, (Status.OK, 10.0))
    assert past(planned(store, **{**NARROW, **change}, seeds=[5]), store) == []


def test_a_trial_took_what_its_longest_attempt_of_that_outcome_took(tmp_path: Path) -> None:
    """Not the time-out before, and not the few seconds in which a new metric was measured."""
    store = Store(tmp_path)
    before = planned(store, **NARROW, seeds=[0])
    run_of(before, store, "1")
    end(before, store, (Status.TIMEOUT, 600.0), (Status.OK, 50.0), (Status.OK, 3.0))
    assert past(planned(store, **NARROW, seeds=[5]), store) == [50.0]
