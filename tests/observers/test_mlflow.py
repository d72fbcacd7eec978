"""The mirror in MLflow: what is in it after a run, and that it never fails one."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from ebmbench import session
from ebmbench.cli.run_verb import summary
from ebmbench.observers.mlflow import quiet_environment
from ebmbench.observers.mlflow_memory import database
from ebmbench.session import Options
from ebmbench.store.folders import Store
from ebmbench.store.runs import RunResult

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [nce, {name: gmm, label: mix, components: 2}, {name: bad, text: "a\\tb"}]
budget: {steps: 5}
seeds: 1
metrics: [skill]
plugins: [./bad.py]
"""
PLUGIN = '''
from ebmbench.api import EnergyKind, Method, MethodSpec, Strategy, hookimpl


class Bad(Method):
    """Fails."""

    text: str = ""

    def build(self, problem):
        raise RuntimeError("boom")


@hookimpl
def ebmbench_methods():
    yield MethodSpec("bad", Bad, Strategy.A2, EnergyKind.RANKING, "fails")
'''

Dump = list[dict[str, Any]]


@dataclass(frozen=True)
class Done:
    """A run that has ended: how, what it found, and what it said."""

    result: RunResult
    err: str

    @property
    def code(self) -> int:
        return session.exit_code(self.result)

    @cached_property
    def trials(self) -> dict[str, dict[str, Any]]:
        return {trial["name"].partition("/")[0]: trial for trial in summary(self.result)["trials"]}

    @property
    def complaints(self) -> list[str]:
        return [line for line in self.err.splitlines() if "mlflow" in line.lower()]


@pytest.fixture(scope="module", autouse=True)
def nothing_set() -> Iterator[None]:
    """As on a machine where nobody has set anything about MLflow; its own warnings are its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MLFLOW")]:
            patch.delenv(name)
        quiet_environment()
        yield


pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("ignore:.*noload")]


def run(folder: Path, keyword: str | None = None, terminal: bool = False) -> Done:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, _environ={"TERM": "xterm"})
    options = Options(executor="inline", results=folder / "results", keyword=keyword)
    return Done(session.run(str(folder / "tiny.yaml"), options, console), out.getvalue())


def dump(folder: Path) -> Dump:
    """All runs of the database."""
    from mlflow import MlflowClient

    client, found = MlflowClient(tracking_uri=database(Store(folder / "results"))), []
    for experiment in client.search_experiments():
        for each in client.search_runs([experiment.experiment_id], max_results=1000):
            id = each.info.run_id
            curves = {n: [(m.step, m.value) for m in client.get_metric_history(id, n)] for n in each.data.metrics}
            found.append(
                {
                    "experiment": experiment.name,
                    "id": id,
                    "status": each.info.status,
                    "seconds": (each.info.end_time - each.info.start_time) / 1000,
                    "params": each.data.params,
                    "tags": each.data.tags,
                    "metrics": curves,
                    "artifacts": {a.path: a.file_size for a in client.list_artifacts(id)},
                    "uri": each.info.artifact_uri,
                }
            )
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "tiny.yaml").write_text(SUITE)
    (folder / "bad.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def first(place: Path) -> Done:
    return run(place)


@pytest.fixture(scope="module")
def mirrored(place: Path, first: Done) -> Dump:
    assert first.complaints == []
    return dump(place)


@pytest.fixture(scope="module")
def children(mirrored: Dump) -> dict[str, dict[str, Any]]:
    return {found["params"]["label"]: found for found in mirrored if "mlflow.parentRunId" in found["tags"]}


@pytest.fixture
def copy(place: Path, first: Done, tmp_path: Path) -> Path:
    """The same results elsewhere, without their mirror: a run has nothing to do there but to write it."""
    assert first.code == 1
    shutil.copytree(place, tmp_path / "copy")
    (tmp_path / "copy" / "results" / "mlflow.db").unlink()
    return tmp_path / "copy"


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_one_experiment_one_parent_one_child_a_trial(mirrored: Dump, first: Done) -> None:
    assert first.code == 1, "the method that fails"
    assert {found["experiment"] for found in mirrored} == {"ebmbench/tiny"}
    parents = [found for found in mirrored if "mlflow.parentRunId" not in found["tags"]]
    assert len(parents) == 1
    assert len(mirrored) == 4
    run_id = first.result.record.run_id
    assert parents[0]["tags"]["mlflow.runName"] == parents[0]["tags"]["ebmbench.run_id"] == run_id
    assert parents[0]["tags"]["ebmbench.plan_id"] == run_id.rpartition("-")[2]
    assert parents[0]["status"] == "FINISHED"


def test_the_parent_has_the_products(mirrored: Dump, first: Done) -> None:
    """Those that people look at; tables stay in the run's folder."""
    parent = next(found for found in mirrored if "mlflow.parentRunId" not in found["tags"])
    products = {path.name for path in first.result.folder.iterdir() if path.suffix != ".parquet"} - {"sums.json"}
    assert set(parent["artifacts"]) == products > {"leaderboard.md", "leaderboard.csv", "surfaces.png", "run.json"}


def test_the_tags_of_a_child(children: dict[str, dict[str, Any]], mirrored: Dump, first: Done) -> None:
    parent = next(found for found in mirrored if "mlflow.parentRunId" not in found["tags"])
    tags = children["mix"]["tags"]
    expected = {
        "mlflow.parentRunId": parent["id"],
        "mlflow.runName": "gmm[mix]/8gaussians/0/cpu",
        "ebmbench.trial_key": first.trials["gmm[mix]"]["key"],
        "ebmbench.family": "architectural",
        "ebmbench.status": "ok",
        "mlflow.source.name": "ebmbench run tiny",
    }
    assert {name: tags[name] for name in expected} == expected
    assert "ebmbench.error" not in tags


def test_the_params_of_a_child(children: dict[str, dict[str, Any]]) -> None:
    """Those of the suite and the defaults, of the method, the dataset and the rest of the trial."""
    params = children["nce"]["params"]
    expected = {
        "method": "nce",
        "dataset": "8gaussians",
        "seed": "0",
        "device": "cpu",
        "method.noise_ratio": "4",
        "method.lr": "0.002",
        "data.train": "stream",
        "data.set": "200",
        "net.width": "128",
        "budget.steps": "5",
        "device.device": "cpu",
        "device.dtype": "float32",
    }
    assert {name: params[name] for name in expected} == expected
    assert "budget.passes" not in params
    assert children["mix"]["params"]["method.components"] == "2"
    assert any(name.startswith("dataset.") for name in params)


def test_the_metrics_of_a_child(children: dict[str, dict[str, Any]], first: Done) -> None:
    metrics = children["nce"]["metrics"]
    measured = first.trials["nce"]["metrics"]
    assert measured
    for name, value in measured.items():
        assert metrics[f"eval/{name}"][-1][1] == pytest.approx(value)
    assert metrics["training/steps"] == [(0, 5)]
    assert metrics["training/passes"][-1][1] > 0
    assert metrics["training/train_seconds"][-1][1] > 0


def test_a_curve_is_stepped_and_ends_with_its_end(children: dict[str, dict[str, Any]]) -> None:
    """A point at each milestone, by the step of the training; the axes that charts may have have the same steps."""
    metrics = children["nce"]["metrics"]
    assert {"eval/kl", "eval/kl_beta"} <= set(metrics)
    for name in ("eval/kl", "training/passes", "training/train_seconds"):
        assert [step for step, _ in metrics[name]] == [1, 2, 3, 5], name
        assert len({value for _, value in metrics[name]}) == 4


def test_the_parent_has_the_boards(mirrored: Dump, first: Done) -> None:
    parent = next(found for found in mirrored if "mlflow.parentRunId" not in found["tags"])
    measured = {name: trial["metrics"]["skill"] for name, trial in first.trials.items() if trial["metrics"]}
    assert parent["metrics"]["skill/nce"] == [(0, pytest.approx(measured["nce"]))]
    assert parent["metrics"]["skill/mix"] == [(0, pytest.approx(measured["gmm[mix]"]))]
    assert {name: parent["metrics"][f"failures/{name}"][0][1] for name in ("nce", "mix", "bad")} == {
        "nce": 0,
        "mix": 0,
        "bad": 1,
    }
    assert any("times_best/" in name for name in parent["metrics"])
    written = (first.result.folder / "leaderboard.md").read_text()
    assert parent["tags"]["mlflow.note.content"] in written
    assert "| nce |" in parent["tags"]["mlflow.note.content"]


def test_all_trials_on_a_dataset_have_it_in_common(place: Path, mirrored: Dump) -> None:
    """With a digest, but without a row of it."""
    from mlflow import MlflowClient
    from mlflow.data import get_source

    client: Any = MlflowClient(tracking_uri=database(Store(place / "results")))
    inputs = [client.get_run(found["id"]).inputs.dataset_inputs for found in mirrored]
    assert sorted(map(len, inputs)) == [0, 1, 1, 1], "the parent has none"
    (found,) = {(given.dataset.name, given.dataset.digest) for each in inputs for given in each}
    assert found[0] == "8gaussians"
    source = get_source(next(each for each in inputs if each)[0])
    assert source.to_dict()["tags"]["target"] == "ebmbench.datasets.plane:EightGaussians"


def test_what_was_trained_is_a_model_that_stays_in_the_store(
    place: Path, mirrored: Dump, children: dict[str, dict[str, Any]], first: Done
) -> None:
    from mlflow import MlflowClient
    from mlflow.models import Model

    results = place / "results"
    client: Any = MlflowClient(tracking_uri=database(Store(results)))
    (model,) = client.search_logged_models(["1"], f"source_run_id = '{children['mix']['id']}'")
    assert (model.name, model.status, model.params["method.components"]) == ("mix", "READY", "2")
    assert {metric.key: metric.value for metric in model.metrics}["eval/skill"] == pytest.approx(
        first.trials["gmm[mix]"]["metrics"]["skill"]
    )
    folder = Path(model.artifact_location.removeprefix("file://"))
    assert [path.name for path in folder.iterdir()] == ["MLmodel"]
    found: Any = Model.load(str(folder / "MLmodel"))
    assert found.signature.inputs.inputs[0].shape == (-1, 2)
    assert (results / found.metadata["file"]).is_file()
    assert (results / model.tags["ebmbench.file"]).is_file()
    outputs = client.get_run(children["mix"]["id"]).outputs.model_outputs
    assert [output.model_id for output in outputs] == [model.model_id]
    assert not client.search_logged_models(["1"], f"source_run_id = '{children['bad']['id']}'")


def test_the_experiment_is_of_models(place: Path, mirrored: Dump) -> None:
    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=database(Store(place / "results")))
    experiment = client.get_experiment_by_name("ebmbench/tiny")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert [name for name in experiment.tags if name.startswith("mlflow.sharedViewState.")]


def test_the_pictures_of_a_child(children: dict[str, dict[str, Any]], place: Path) -> None:
    artifacts = children["nce"]["artifacts"]
    assert set(artifacts) == {"surface.png"}
    folder = Path(children["nce"]["uri"].removeprefix("file://"))
    assert folder.is_relative_to((place / "results" / "mlartifacts").resolve())
    content = (folder / "surface.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(content) == artifacts["surface.png"] > 5000


def test_a_trial_that_failed_is_a_child_that_failed(children: dict[str, dict[str, Any]]) -> None:
    child = children["bad"]
    assert child["status"] == "FAILED"
    assert children["nce"]["status"] == "FINISHED"
    assert child["tags"]["ebmbench.status"] == "failed"
    assert child["tags"]["ebmbench.error"] == "RuntimeError: boom"
    assert child["params"]["method.text"] == "a\tb"
    assert not [name for name in child["metrics"] if name.startswith("eval/")]


def test_children_last_as_long_as_their_trials(children: dict[str, dict[str, Any]], place: Path, first: Done) -> None:
    key = first.trials["nce"]["key"]
    attempt = Store(place / "results").trial_folder(key).attempts()[-1]
    assert children["nce"]["seconds"] == pytest.approx(attempt.total_seconds, abs=1e-3)


# --- once more -------------------------------------------------------------------------------------------------------


def test_a_second_run_adds_nothing_and_a_narrowed_one_a_parent(place: Path, mirrored: Dump) -> None:
    content = (place / "results" / "mlflow.db").read_bytes()
    second = run(place)
    assert second.code == 1
    assert second.complaints == []
    assert (place / "results" / "mlflow.db").read_bytes() == content, "the database was not even opened for writing"

    narrowed = run(place, keyword="nce")
    assert (narrowed.code, narrowed.complaints) == (0, [])
    after = {found["id"]: found for found in dump(place)}
    assert {found["id"] for found in mirrored} < set(after)
    added = [found for key, found in after.items() if key not in {found["id"] for found in mirrored}]
    parents = [found for found in added if "mlflow.parentRunId" not in found["tags"]]
    assert len(parents) == 1
    assert [f["tags"]["mlflow.parentRunId"] for f in added if f not in parents] == [parents[0]["id"]]
    for found in mirrored:
        assert after[found["id"]] == found, "what was there is as it was"


def test_a_lost_database_is_written_anew(copy: Path, mirrored: Dump) -> None:
    """The mirror is nothing but a view of the store."""
    done = run(copy)
    assert (done.code, done.complaints) == (1, [])

    def content(found: Dump) -> list[Any]:
        kept = ({**f["metrics"], **f["params"], "status": f["status"], "n": len(f["artifacts"])} for f in found)
        return sorted(kept, key=lambda each: json.dumps(each, sort_keys=True))

    assert content(dump(copy)) == content(mirrored)


# --- it never fails a run --------------------------------------------------------------------------------------------


def unharmed(done: Done, first: Done) -> str:
    """The run ended as it does with a mirror, but for one line, which this gives."""
    assert done.code == first.code == 1
    assert done.trials == first.trials
    assert "Traceback" not in done.err
    assert len(done.complaints) == 1, done.complaints
    return done.complaints[0]


@pytest.mark.parametrize("content", [b"this is no database\n" * 500, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_corrupted_database(copy: Path, first: Done, content: bytes) -> None:
    (copy / "results" / "mlflow.db").write_bytes(content)
    line = unharmed(run(copy), first)
    assert line.startswith("mlflow: not mirrored: ")
    assert "database" in line
    assert (copy / "results" / "mlflow.db").read_bytes() == content, "it is not ours to delete"


def test_a_locked_database(place: Path, first: Done, tmp_path: Path) -> None:
    """Somebody else holds it for the whole run; the next run goes on with it."""
    shutil.copytree(place, tmp_path / "copy")
    here = tmp_path / "copy"
    connection = sqlite3.connect(here / "results" / "mlflow.db", isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        line = unharmed(run(here), first)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    assert line.startswith("mlflow: not ")
    before = len(dump(here))
    assert run(here).complaints == []
    added = dump(here)
    assert len(added) == before + 4


def test_a_database_of_a_newer_schema(place: Path, first: Done, tmp_path: Path) -> None:
    """Some later mlflow has been at it: it is left as it is."""
    shutil.copytree(place, tmp_path / "copy")
    database = tmp_path / "copy" / "results" / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.close()
    before = database.read_bytes()
    line = unharmed(run(tmp_path / "copy"), first)
    assert line.startswith("mlflow: not mirrored: ")
    assert "schema" in line
    assert database.read_bytes() == before


def absent() -> ModuleType | None:
    return None  # what is None in sys.modules cannot be imported


def broken() -> ModuleType:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no protobuf \x1b[31mhere")

    return Broken("mlflow")


def too_old() -> ModuleType:
    return ModuleType("mlflow")


@pytest.mark.parametrize("fake", [absent, broken, too_old])
def test_no_mlflow(
    copy: Path, first: Done, fake: Callable[[], ModuleType | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", fake())
    line = unharmed(run(copy), first)
    assert line.startswith("mlflow: not mirrored: ")
    assert "\x1b" not in line
    assert not (copy / "results" / "mlflow.db").exists()


@pytest.mark.process
def test_so_it_is_in_a_process(copy: Path, first: Done, tmp_path: Path) -> None:
    """And telemetry is off before it is imported, whatever comes of that."""
    note = "import os, pathlib\npathlib.Path(os.environ['NOTE']).write_text(os.environ['MLFLOW_DISABLE_TELEMETRY'])\n"
    (tmp_path / "mlflow.py").write_text(note + "raise ImportError('gone')\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    environ = {**kept, "COLUMNS": "200", "PYTHONPATH": str(tmp_path), "NOTE": str(tmp_path / "note")}
    command = [EBMBENCH, "run", "tiny.yaml", "--json"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, env=environ, timeout=150)
    assert done.returncode == first.code == 1
    assert {trial["name"].partition("/")[0]: trial for trial in json.loads(done.stdout)["trials"]} == first.trials
    assert [line for line in done.stderr.splitlines() if "mlflow" in line] == [
        "mlflow: not mirrored: ImportError: gone"
    ]
    assert (tmp_path / "note").read_text() == "true"
    assert not (copy / "results" / "mlflow.db").exists()


def test_the_line_is_red_on_a_terminal(copy: Path, first: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))
    line = unharmed(run(copy, terminal=True), first)
    assert line.startswith("\x1b[31mmlflow: not mirrored: ImportError: ")
    assert line.endswith("\x1b[0m")


# --- the environment -------------------------------------------------------------------------------------------------


def test_telemetry_is_off_unless_somebody_turned_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    quiet_environment()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    quiet_environment()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
