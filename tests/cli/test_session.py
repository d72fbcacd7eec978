"""The steps of a run, each by itself: what it takes, what it gives, and what it leaves alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ebmbench import session
from ebmbench.contracts.records import Status
from ebmbench.errors import SuiteError, UsageError
from ebmbench.execution.executor import Ended
from ebmbench.execution.inline import InlineExecutor
from ebmbench.execution.local import LocalExecutor
from ebmbench.planning.plan import TrialState
from ebmbench.session import Asked, Options, Planned, Resolved, exit_code
from ebmbench.store.folders import Store, TrialFolder
from tests.factories import Lab, make_attempt

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians"],
    "methods": ["nce", {"name": "nce", "label": "again"}, "independent"],
    "budget": {"steps": 5},
    "seeds": 2,
    "metrics": ["skill"],
}


def asked(root: Path, suite: Mapping[str, Any] = SUITE, **options: Any) -> Asked:
    console = Console(file=io.StringIO(), width=200)
    return Asked(suite, Options(results=root / "results", **options), console)


def planned(root: Path, suite: Mapping[str, Any] = SUITE, **options: Any) -> Planned:
    return session.plan(resolved(root, suite, **options))


def resolved(root: Path, suite: Mapping[str, Any] = SUITE, **options: Any) -> Resolved:
    return session.resolve(session.load(asked(root, suite, **options)))


def said(step: Asked) -> str:
    assert isinstance(step.console.file, io.StringIO)
    return step.console.file.getvalue()


# --- load and resolve ------------------------------------------------------------------------------------------------


def test_a_suite_is_read_and_changed(tmp_path: Path) -> None:
    loaded = session.load(asked(tmp_path, overrides=("budget.steps=7",), seeds=3))
    assert loaded.suite.budget.steps == 7
    assert loaded.suite.seeds == (0, 1, 2)
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "--seeds 0: expected a positive number"),
        ({"workers": -1}, "--workers -1: expected a positive number"),
        ({"timeout": "soon"}, "--timeout: expected a positive duration"),
    ],
)
def test_an_option_that_is_not_usable_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        session.load(asked(tmp_path, **options))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"methods": []}, "methods"),
        ({"budget": {"steps": -1}}, "budget.steps"),
        ({"datasets": [{"name": "8gaussians", "sigma": object()}]}, "datasets.0.sigma"),
        ({"methods": ["nec"]}, "methods.0"),
    ],
)
def test_what_is_wrong_with_a_suite_in_memory_is_said_with_its_place(
    tmp_path: Path, change: dict[str, Any], place: str
) -> None:
    """It has no lines: the place is a dotted path."""
    with pytest.raises(SuiteError) as raised:
        planned(tmp_path, {**SUITE, **change})
    assert str(raised.value).startswith(f"{place}: ")


def test_a_plugin_that_was_asked_for_must_work(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module_here\n")
    with pytest.raises(UsageError, match=r"broken\.py: ModuleNotFoundError"):
        resolved(tmp_path, plugins=(str(tmp_path / "broken.py"),))
    assert not (tmp_path / "results").exists(), "it is seen before anything is written"


def test_the_results_folder_is_made(tmp_path: Path) -> None:
    assert resolved(tmp_path).store.root == tmp_path / "results"
    assert (tmp_path / "results" / "trials").is_dir()


# --- plan ------------------------------------------------------------------------------------------------------------


def test_a_trial_of_two_names_is_work_once(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert [trial.state for trial in plan.plan.trials] == [TrialState.TO_RUN, TrialState.TO_RUN, TrialState.SKIPPED] * 2
    assert [trial.view.name for trial in plan.to_run()] == [
        "nce[again]/8gaussians/0/cpu",
        "nce[again]/8gaussians/1/cpu",
    ]


def finish(plan: Planned, number: int, status: Status) -> None:
    """A trial of a plan ends, with no metrics measured."""
    trial = plan.plan.trials[number]
    folder = plan.store.trial_folder(trial.view.key)
    folder.begin(trial.spec)
    folder.finish(make_attempt(status))


@pytest.mark.long
def test_what_has_ended_is_no_work_unless_all_is_to_be_fresh(tmp_path: Path) -> None:
    finish(planned(tmp_path), 0, Status.FAILED)
    assert [trial.view.seed for trial in planned(tmp_path).to_run()] == [1]
    assert [trial.view.seed for trial in planned(tmp_path, fresh=True).to_run()] == [0, 1]
    assert [trial.view.seed for trial in planned(tmp_path, retry_failed=True).to_run()] == [0, 1]


def test_without_training_only_what_is_trained_is_work(tmp_path: Path) -> None:
    assert planned(tmp_path, no_train=True).to_run() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("reference", "options", "full"),
    [
        ("smoke", {}, True),
        ("smoke", {"keyword": "nce"}, False),
        ("smoke", {"seeds": 2}, False),
        ("smoke", {"overrides": ("budget.passes=5",)}, False),
        (SUITE, {}, True),
        (SUITE, {"seeds": 1, "overrides": ("budget.steps=6",)}, True),
        (SUITE, {"keyword": "nce"}, False),
    ],
)
def test_a_run_is_a_full_one_if_nothing_was_left_out(
    tmp_path: Path, reference: Any, options: dict[str, Any], full: bool
) -> None:
    """A suite in memory is what its options make of it: only a keyword leaves something out."""
    assert planned(tmp_path, reference, **options).plan.run.full is full


@pytest.mark.long
def test_workers_are_as_many_as_there_are_cores_for_their_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "usable_cores", lambda: 6)
    assert planned(tmp_path).workers == 6
    assert planned(tmp_path, workers=2).workers == 2
    assert planned(tmp_path, executor="inline", workers=2).workers == 1, "one after the other"
    for threads, workers in ((2, 3), (4, 1), (9, 1)):
        devices = [{"device": "cpu", "threads": threads}]
        assert planned(tmp_path, {**SUITE, "devices": devices}).workers == workers


@pytest.mark.long
def test_which_engine_runs_the_trials(tmp_path: Path) -> None:
    local = session._executor(planned(tmp_path, {**SUITE, "memory": "1GB"}, timeout="90s"))
    assert isinstance(local, LocalExecutor)
    assert (local.timeout, local.memory) == (90.0, 10**9)
    assert local.root == (tmp_path / "results").resolve()
    inline = session._executor(planned(tmp_path, executor="inline"))
    assert isinstance(inline, InlineExecutor)
    assert inline.root == local.root


# --- execute, measure, conclude --------------------------------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the trials that were begun; each fails at once."""
    keys: list[str] = []

    def submit(executor: InlineExecutor, key: str, folder: Path, n_concurrent: int) -> None:
        keys.append(key)
        TrialFolder(folder).finish(make_attempt(Status.FAILED, error_type="Boom", message="why"))
        executor._ended.append(Ended(key, 0))

    monkeypatch.setattr(InlineExecutor, "submit", submit)
    return keys


@pytest.mark.long
def test_each_step_adds_to_the_one_before(tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(tmp_path, {**SUITE, "seeds": 1}, executor="inline")
    executed = session.execute(plan)
    assert begun == [plan.plan.trials[0].view.key]
    assert executed.worked
    assert executed.interruption is None
    folder = executed.result.folder
    assert [path.name for path in folder.iterdir()] == ["run.json"], "no table yet"
    measured = session.measure(executed)
    assert [path.name for path in folder.iterdir()] == ["run.json"], "tables are made, and not written"
    assert measured.report.trials["status"].tolist() == ["failed", "failed", "skipped"]
    assert session.conclude(measured) is executed.result
    assert {"run.json", "trials.parquet", "metrics.parquet", "leaderboard.md"} <= {p.name for p in folder.iterdir()}
    assert (executed.store.suite_dir("tiny") / "latest").read_text().strip() == executed.result.record.run_id
    assert "failed: Boom: why" in said(executed)
    assert capsys.readouterr().out == "", "standard output is for documents"


@pytest.mark.long
@pytest.mark.usefixtures("begun")
def test_the_record_says_what_a_run_was_made_with(tmp_path: Path) -> None:
    executed = session.execute(planned(tmp_path, {**SUITE, "seeds": 1}, executor="inline"))
    record = executed.result.record
    assert {"python", "torch", "numpy"} <= record.versions.keys()
    assert record.machine
    assert [view.name for view in record.trials] == [trial.view.name for trial in executed.plan.trials]
    again = session.execute(planned(tmp_path, {**SUITE, "seeds": 1}, executor="inline"))
    assert (again.result.record.run_id, again.result.record.started) == (record.run_id, record.started), "reopened"
    assert not again.worked


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([Status.OK, Status.SKIPPED], 0),
        ([], 0),
        ([Status.OK, Status.DIVERGED], 1),
        ([Status.OK, None], 1),
        ([Status.CRASHED], 1),
    ],
)
def test_the_exit_code(tmp_path: Path, statuses: list[Status | None], code: int) -> None:
    lab = Lab(tmp_path)
    for seed, status in enumerate(statuses):
        lab.trial(seed=seed, status=status)
    assert exit_code(lab.result()) == code


@pytest.mark.long
@pytest.mark.usefixtures("begun")
def test_products_that_are_as_they_were_written_are_not_written_again(tmp_path: Path) -> None:
    suite = {**SUITE, "seeds": 1}

    def run() -> dict[str, int]:
        result = session.run(suite, Options(results=tmp_path / "results", executor="inline"), asked(tmp_path).console)
        return {p.name: p.stat().st_mtime_ns for p in result.folder.iterdir() if p.name != "run.json"}

    first = run()
    assert {"leaderboard.md", "trials.parquet"} <= first.keys()
    assert run() == first
    (path,) = Store(tmp_path / "results").suite_dir("tiny").glob("runs/*/leaderboard.md")
    path.write_text("half")
    assert run().keys() == first.keys()
    assert path.read_text() != "half"
