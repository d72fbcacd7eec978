"""Under what conditions a run was made: what the tables say, and what an older one does not."""

from __future__ import annotations

from typing import Any

import pytest

from ebmbench.analysis.conditions import Conditions
from ebmbench.contracts.records import Status
from ebmbench.store.records import Revision
from ebmbench.store.runs import TrialResult
from tests.factories import make_attempt, make_report, make_training, make_trial, make_view


def trial(
    row: str, processor: float | None = None, *, machine: str = "m", beside: int = 0, **facts: Any
) -> TrialResult:
    training = make_training(train_seconds=10.0, processor_seconds=processor)
    attempt = make_attempt(machine_id=machine, n_concurrent=beside)
    return make_trial(make_view(row, **facts), {"skill": 0.5}, training=training, attempts=[attempt])


def test_what_the_run_was_made_with() -> None:
    commit = Revision(commit="abc", dirty=False)
    found = make_report(
        [trial("a", beside=0), trial("b", beside=3)], revision=commit, machine={"cores": "2"}
    ).conditions
    assert (found.revision, found.machine, found.trials, found.at_once, found.machines) == (
        commit,
        {"cores": "2"},
        2,
        4,
        1,
    )


def test_a_thread_that_waited_for_a_processor_was_under_load() -> None:
    report = make_report([trial("calm", 9.5), trial("even", 9.0), trial("loaded", 8.9), trial("unknown")])
    found = report.conditions
    assert found.loaded == {"loaded/moons/0/cpu"}
    assert found.known == 3
    assert [found.under_load(method) for method in report.leaderboard.methods] == [False, False, True, False]


@pytest.mark.parametrize(
    ("device", "known"), [("cpu", 1), ("cpu-float64", 1), ("cpu-compile", 1), ("cpu-4t", 0), ("cuda", 0), ("mps", 0)]
)
def test_only_of_one_thread_on_a_cpu_can_that_be_told(device: str, known: int) -> None:
    """Of four threads the processor's seconds are up to four times the clock's; a GPU computes while it waits."""
    found = make_report([trial("a", 1.0, device=device)]).conditions
    assert (found.known, len(found.loaded)) == (known, known)


def test_trials_of_another_machine_than_most_are_told() -> None:
    report = make_report([trial("a"), trial("b"), trial("c", machine="other"), trial("d", machine="")])
    found = report.conditions
    assert found.machines == 2
    assert found.elsewhere == {"c/moons/0/cpu"}
    assert [found.on_another_machine(method) for method in report.leaderboard.methods] == [False, False, True, False]


def test_an_older_table_lacks_what_is_not_known() -> None:
    report = make_report([trial("a", 1.0)])
    older = report.trials.drop(columns=["processor_seconds", "n_concurrent", "machine_id"])
    found = Conditions.of(older, report.run)
    assert (found.known, found.at_once, found.machines, found.loaded) == (0, None, 0, frozenset())


def test_without_trials_nothing_is_known() -> None:
    skipped = make_trial(make_view("a", skipped="no such device"), status=Status.SKIPPED)
    pending = make_trial(make_view("b"), status=None)
    for trials in ([], [skipped], [pending]):
        found = make_report(trials).conditions
        assert (found.trials, found.at_once, found.machines, found.known) == (0, None, 0, 0)
    crashed = make_trial(make_view("c"), status=Status.CRASHED, attempts=[make_attempt(Status.CRASHED, n_concurrent=1)])
    found = make_report([crashed]).conditions
    assert (found.trials, found.at_once, found.known) == (1, 2, 0)
