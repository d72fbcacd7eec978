"""The parent run and its children, as MLflow's client is told of them."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from ebmbench.contracts.records import Status
from ebmbench.observers import mlflow
from ebmbench.observers.mlflow import MlflowObserver
from ebmbench.report.report import Report
from ebmbench.store.records import Point
from ebmbench.store.runs import RunResult, TrialResult
from tests.factories import Lab, make_attempt, make_cells, make_spec

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]


@dataclass
class Run:
    """A run of the client's."""

    info: SimpleNamespace
    data: SimpleNamespace
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    deleted: bool = False


class Client:
    """Stands in for MLflow's: keeps runs and models in memory, and what was done in which order."""

    def __init__(self, runs: dict[str, Run]) -> None:
        self.runs = runs
        self.models: dict[str, str] = {}
        self.done: list[str] = []
        self.tags = {"mlflow.experimentKind": "what somebody chose"}

    def get_experiment_by_name(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(experiment_id="1", tags=self.tags)

    def set_experiment_tag(self, experiment: str, key: str, value: str) -> None:
        self.tags[key] = value

    def create_run(self, experiment: str, tags: dict[str, str], start_time: int) -> Run:
        name = f"r{len(self.runs)}"
        self.runs[name] = Run(SimpleNamespace(run_id=name, status="RUNNING"), SimpleNamespace(tags=tags))
        return self.runs[name]

    def update_run(self, name: str, status: str) -> None:
        self.runs[name].info.status = status

    def search_runs(self, *args: Any, **more: Any) -> list[Run]:
        children = [run for run in self.runs.values() if "mlflow.parentRunId" in run.data.tags and not run.deleted]
        return Page(reversed(children))

    def log_batch(self, name: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
        assert len(metrics) + len(params) <= 1000, "the client takes no more"
        assert len(params) <= 100, "the client takes no more"
        self.runs[name].metrics.update({metric.key: metric.value for metric in metrics})
        self.runs[name].params.update({param.key: param.value for param in params})
        self.done.append("numbers")

    def log_inputs(self, name: str, datasets: Sequence[Any]) -> None:
        assert len(datasets) == 1

    def create_logged_model(self, experiment: str, source_run_id: str, **more: Any) -> SimpleNamespace:
        name = f"m{len(self.done)}"
        self.models[name] = source_run_id
        return SimpleNamespace(model_id=name, artifact_location="somewhere")

    def log_model_artifacts(self, name: str, folder: str) -> None:
        assert [path.name for path in Path(folder).iterdir()] == ["MLmodel"]

    def finalize_logged_model(self, name: str, status: str) -> None:
        assert status == "READY"

    def log_outputs(self, name: str, models: Sequence[Any]) -> None:
        assert [self.models[model.model_id] for model in models] == [name]

    def search_logged_models(self, experiments: Sequence[str], query: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(model_id=name) for name, run in self.models.items() if query.endswith(f"'{run}'")]

    def delete_logged_model(self, name: str) -> None:
        del self.models[name]

    def log_artifact(self, name: str, path: str) -> None:
        self.runs[name].artifacts.append(Path(path).name)
        self.done.append("picture" if path.endswith("surface.png") else "product")

    def set_tag(self, name: str, key: str, value: str) -> None:
        self.runs[name].data.tags[key] = value

    def set_terminated(self, name: str, status: str, end_time: int = 0) -> None:
        self.runs[name].info.status = status

    def delete_run(self, name: str) -> None:
        self.runs[name].deleted = True


class Page(list[Run]):
    token = ""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Whatever the mirror tells MLflow's client, it tells this one."""
    import mlflow

    found = Client({})
    monkeypatch.setattr(mlflow, "MlflowClient", lambda tracking_uri: found)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    return found


Draw = Callable[[TrialResult, Path], bool]


@pytest.fixture
def told(client: Client) -> Callable[..., dict[str, Run]]:
    """Mirrors runs one after the other; the runs of the client after it."""

    def tell(
        result: RunResult, finished: Sequence[TrialResult] = (), draw: Draw = lambda trial, path: False
    ) -> dict[str, Run]:
        warnings = list[str]()
        observer = MlflowObserver(warnings.append, draw, lambda result: Report(result).leaderboard)
        result.folder.mkdir(parents=True, exist_ok=True)
        observer.ebmbench_run_started(result, len(finished))
        for trial in finished:
            observer.ebmbench_trial_finished(trial)
        observer.ebmbench_run_finished(result)
        assert warnings == []
        return client.runs

    return tell


def child(runs: dict[str, Run], row: str) -> Run:
    """The run of a trial that is not deleted."""
    (found,) = (r for r in runs.values() if r.params.get("label") == row and not r.deleted)
    return found


def test_infinite_values_and_what_was_not_asked_for_are_left_out(told: Any, tmp_path: Path) -> None:
    """The database would store the largest number there is."""
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": math.inf, "kl_beta": 0.5, "skill": -math.inf, "auroc": 0.75})
    metrics = child(told(lab.result(metrics=make_cells(["kl", "kl_beta", "skill"]))), "nce").metrics
    assert {name: value for name, value in metrics.items() if not name.startswith("training/")} == {"eval/kl_beta": 0.5}
    assert metrics["training/passes"] == 1000


def test_the_packages_own_errors_are_not_printed_beside_ours(
    told: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a database fails it writes a traceback to its log, and raises too: the observer says that in a line."""
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.1})
    told(lab.result(metrics=make_cells(["kl"])))
    try:
        raise OSError("database or disk is full")
    except OSError:
        logging.getLogger("mlflow.store.db.utils").exception("SQLAlchemy database error")
    assert "Traceback" not in capsys.readouterr().err


def test_a_trial_that_is_tried_again_replaces_its_child(told: Any, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("good", {"skill": 0.5})
    trial = lab.trial("bad", status=Status.FAILED)
    runs = told(lab.result())
    assert child(runs, "bad").info.status == "FAILED"
    before = child(runs, "good")
    trial.folder.finish(make_attempt(Status.TIMEOUT, error_type="Timeout", message="late"))
    result = lab.result()
    runs = told(result, [result.trials[1]])
    assert child(runs, "bad").data.tags["ebmbench.status"] == "timeout"
    assert child(runs, "good") is before
    assert sum(run.deleted for run in runs.values()) == 1


def test_what_a_killed_run_left_half_written_goes(told: Any, client: Client, tmp_path: Path) -> None:
    """It had no time to remember what it had mirrored: the children are looked up, and those cut short deleted."""
    lab = Lab(tmp_path)
    for row in ("one", "two"):
        lab.trial(row, {"skill": 0.5})
    runs = told(lab.result())
    whole, cut = child(runs, "one"), child(runs, "two")
    cut.info.status = "RUNNING"
    path = lab.store.suite_dir("toy") / "mlflow.json"
    remembered = json.loads(path.read_text())
    path.write_text(json.dumps({**remembered, "trials": {}}))
    runs = told(lab.result())
    assert child(runs, "one").info.status == child(runs, "two").info.status == "FINISHED"
    assert cut.deleted
    left = {child(runs, row).info.run_id for row in ("one", "two")}
    assert set(client.models.values()) == left, "a model goes with its run"
    assert child(runs, "two") is not cut
    assert len([run for run in runs.values() if not run.deleted]) == 3
    assert whole.data.tags["ebmbench.trial_key"] == lab.trials[0].view.key


# --- numbers, then pictures ------------------------------------------------------------------------------------------


def drawn(trial: TrialResult, path: Path) -> bool:
    path.touch()
    return True


def test_numbers_go_before_pictures(client: Client, tmp_path: Path) -> None:
    """They take a tenth of the time. All trials wait before the mirror is opened: none is drawn before the last."""
    lab = Lab(tmp_path)
    for n in range(5):
        lab.trial(f"m{n}", {"skill": 0.5})
    result = lab.result()
    result.folder.mkdir(parents=True)
    observer = MlflowObserver(lambda text: None, drawn, lambda result: Report(result).leaderboard)
    with FileLock(lab.store.suite_dir("toy") / ".mirror.lock"):
        observer.ebmbench_run_started(result, 0)
    observer.ebmbench_run_finished(result)
    kinds = [kind for kind in client.done if kind != "product"]
    assert kinds.count("numbers") == 6, "five trials, and the parent"
    assert kinds[:5] == ["numbers"] * 5
    assert kinds.count("picture") == 5
    assert all(run.artifacts == ["surface.png"] for run in client.runs.values() if run.params)


def test_no_thread_is_left_to_be_cut_at_the_end_of_the_process(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When patience is over it ends with the picture that it is at; the next run draws the others."""
    monkeypatch.setattr(mlflow, "PATIENCE", 0.2)
    lab, warnings = Lab(tmp_path), list[str]()
    for n in range(50):
        lab.trial(f"m{n}", {"skill": 0.5})
    result = lab.result()
    result.folder.mkdir(parents=True)

    def slowly(trial: TrialResult, path: Path) -> bool:
        time.sleep(0.1)
        return drawn(trial, path)

    observer = MlflowObserver(warnings.append, slowly, lambda result: Report(result).leaderboard)
    observer.ebmbench_run_started(result, 0)
    observer.ebmbench_run_finished(result)
    assert [thread.name for thread in threading.enumerate() if thread.name == "mlflow"] == []
    (warning,) = warnings
    assert warning.endswith("after 0.2 s; the next run goes on with it")
    assert client.done.count("picture") < 50


def test_pictures_that_are_missing_are_drawn_by_the_next_run(told: Any, client: Client, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for row in ("one", "two"):
        lab.trial(row, {"skill": 0.5})
    told(lab.result(), draw=drawn)
    path = lab.store.suite_dir("toy") / "mlflow.json"
    remembered = json.loads(path.read_text())
    path.write_text(json.dumps({**remembered, "drawn": remembered["drawn"][:1]}))
    before = len(client.runs)
    told(lab.result(), draw=drawn)
    assert client.done.count("picture") == 3
    assert len(client.runs) == before, "numbers are not told again"
    done = list(client.done)
    told(lab.result(), draw=drawn)
    assert client.done == done, "now there is nothing to be done"


def test_what_has_no_picture_is_asked_for_it_once(told: Any, client: Client, tmp_path: Path) -> None:
    lab, asked = Lab(tmp_path), list[str]()
    lab.trial("one", {"skill": 0.5})

    def never(trial: TrialResult, path: Path) -> bool:
        asked.append(trial.view.row)
        return False

    told(lab.result(), draw=never)
    told(lab.result(), draw=never)
    assert asked == ["one"]


# --- more than the client takes, and what is not ours ----------------------------------------------------------------


def test_a_trial_with_more_than_the_client_takes(told: Any, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    trial = lab.trial("nce", {"skill": 0.5})
    points = [Point(n, n, n, f"metric{n % 7}", "", 1.0) for n in range(1, 2500)]
    trial.folder.file("curve.jsonl").write_text("".join(point.as_json() + "\n" for point in points))
    spec = make_spec(0, method="nce", params={f"field{n}": n for n in range(250)})
    trial.folder.file("trial.json").write_text(spec.model_dump_json())
    trial.folder.seal(Status.OK)
    found = child(told(lab.result()), "nce")
    assert sum(name.startswith("method.field") for name in found.params) == 250
    assert {f"eval/metric{n}" for n in range(7)} <= set(found.metrics)


def test_what_somebody_said_of_the_experiment_is_theirs(told: Any, client: Client, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"skill": 0.5})
    told(lab.result())
    assert client.tags.pop("mlflow.experimentKind") == "what somebody chose"
    assert [key.startswith("mlflow.sharedViewState.") for key in client.tags] == [True]


# --- the machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "working", "watched"), [("true", 1, True), ("true", 0, False), ("false", 1, False), (None, 1, False)]
)
def test_the_machine_is_watched_where_that_is_asked_for_and_something_runs(
    told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, working: int, watched: bool
) -> None:
    from mlflow.system_metrics import system_metrics_monitor

    said = list[str]()

    class Monitor:
        def __init__(self, run_id: str, resume_logging: bool, tracking_uri: str) -> None:
            said.append(f"{run_id} {tracking_uri}")

        def start(self) -> None:
            said.append("start")

        def finish(self) -> None:
            said.append("finish")

    monkeypatch.setattr(system_metrics_monitor, "SystemMetricsMonitor", Monitor)
    monkeypatch.delenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", raising=False)
    if asked is not None:
        monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", asked)
    lab = Lab(tmp_path)
    trial = lab.trial("nce", {"skill": 0.5})
    told(lab.result(), [trial] if working else [])
    assert said == (["r0 http://127.0.0.1:1", "start", "finish"] if watched else [])
