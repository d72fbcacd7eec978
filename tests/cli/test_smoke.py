"""``ebmbench run smoke`` as a process, from end to end: all seven strategies, their numbers, files and models."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import ebmbench
from ebmbench.cli import group
from ebmbench.contracts.records import Status
from ebmbench.datasets.plane import EightGaussians
from ebmbench.results import Results
from ebmbench.store.files import digest
from ebmbench.store.folders import Store

pytestmark = pytest.mark.process

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
METHODS = "oracle untrained gaussian mle_grid nce pcd dae kmeans gmm sparse_coding cae dsm".split()  # noqa: SIM905
REFERENCES = METHODS[:3]
TWINS = ["untrained", "nce", "pcd", "kmeans"]
"""Methods that are run without a process too: a reference, and what draws noise, keeps chains and fits."""
ROWS = 2048
"""How many rows the harness puts through a surface at once."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """A run that has ended: what it said, and the files of the store after it, with their sizes and times."""

    code: int
    out: str
    err: str
    files: dict[str, tuple[int, int]]

    @cached_property
    def document(self) -> Document:
        found: Document = json.loads(self.out)
        return found

    @property
    def trials(self) -> dict[str, Document]:
        return {trial["name"].partition("/")[0]: trial for trial in self.document["trials"]}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file of the store."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (facts.st_size, facts.st_mtime_ns) for path, facts in found}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def first(place: Path) -> Done:
    environ = os.environ | {"COLUMNS": "200"}
    command = [EBMBENCH, "run", "smoke", "--json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=environ, timeout=200)
    return Done(done.returncode, done.stdout, done.stderr, files(place / "results" / "trials"))


@pytest.fixture(scope="module")
def results(place: Path, first: Done) -> Path:
    assert first.code == 0, first.err
    return place / "results"


@pytest.fixture(scope="module")
def loaded(results: Path) -> Results:
    return ebmbench.load("smoke", results)


def test_all_trials_are_ok(first: Done) -> None:
    assert first.code == 0, first.err
    assert list(first.trials) == METHODS
    assert {trial["status"] for trial in first.trials.values()} == {"ok"}
    assert {trial["error"] for trial in first.trials.values()} == {""}


def test_standard_output_is_one_document(first: Done, results: Path) -> None:
    document = first.document
    assert list(document) == ["suite", "run_id", "folder", "trials"]
    assert document["suite"] == "smoke"
    assert document["folder"] == f"results/smoke/runs/{document['run_id']}"
    assert (results / "smoke" / "runs" / document["run_id"]).is_dir()
    assert first.out.endswith("}\n")


def test_people_read_standard_error(first: Done) -> None:
    assert "smoke: 12 trials, 12 to run, 0 done before" in first.err
    assert "\x1b" not in first.err
    for method in METHODS:
        assert f"] {method}/8gaussians/0/cpu  skill " in first.err
    assert "Traceback" not in first.err
    assert "mlflow" not in first.err


def test_the_numbers_are_those_of_the_truth(first: Done) -> None:
    """The ceiling is at the ceiling, the Gaussian at zero, and nobody is above the truth."""
    metrics = {name: trial["metrics"] for name, trial in first.trials.items()}
    assert metrics["oracle"]["kl"] < 1e-6
    assert metrics["oracle"]["skill"] == pytest.approx(1, abs=1e-3)
    assert abs(metrics["gaussian"]["skill"]) < 0.05
    for name in METHODS[1:]:
        assert metrics[name]["skill"] < metrics["oracle"]["skill"]
        assert metrics[name]["kl_beta"] > metrics["oracle"]["kl_beta"]
    assert "kl" not in metrics["kmeans"], "the scale of a ranking energy means nothing"


def test_the_run_has_its_files(first: Done, results: Path) -> None:
    folder = results / "smoke" / "runs" / first.document["run_id"]
    names = {
        "run.json",
        "trials.parquet",
        "metrics.parquet",
        "leaderboard.md",
        "leaderboard.csv",
        "trials.csv",
        "metrics.md",
        "surfaces.png",
        "forest.svg",
    }
    assert names <= {path.name for path in folder.iterdir()}
    assert (results / "smoke" / "latest").read_text().strip() == first.document["run_id"]
    for name in (
        "leaderboard.md",
        "leaderboard.csv",
        "trials.csv",
        "metrics.md",
        "surfaces.png",
        "forest.svg",
        "report.html",
    ):
        assert (results / "smoke" / name).read_bytes() == (folder / name).read_bytes()


def test_the_record_of_the_run_says_what_it_was_made_with(loaded: Results) -> None:
    """The suite is a shipped one: its folder is of this repository, if the package is installed from one."""
    record = loaded.result.record
    assert record.versions["torch"] == version("torch")
    assert record.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"ebmbench", "numpy", "scipy", "scikit-learn", "pandas"} <= record.versions.keys()
    assert record.machine
    assert all(isinstance(value, str) and value for value in record.machine.values())
    package = Path(ebmbench.__file__).parent
    asked = ["git", "-C", str(package), "rev-parse", "HEAD"]
    head = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    assert (record.revision.commit if record.revision else "") == head


def test_each_trial_has_its_files(first: Done, results: Path) -> None:
    names = {"trial.json", "attempts.jsonl", "model.pt", "TRAINED", "metrics.json", "samples.npz", "surface.npz"}
    for method, trial in first.trials.items():
        folder = Store(results).trial_folder(trial["key"])
        present = {path.name for path in folder.path.iterdir()}
        assert names | {"log.txt", "DONE"} <= present, method
        assert ("curve.jsonl" in present and bool(folder.curve())) == (method not in REFERENCES), method
        assert not [name for name in present if name.endswith(".tmp")]
        assert [attempt.status for attempt in folder.attempts()] == [Status.OK]


def test_the_leaderboard(results: Path, first: Done) -> None:
    board = (results / "smoke" / "leaderboard.md").read_text()
    rows = [line.split("|")[2].strip() for line in board.splitlines() if line.count("|") > 10]
    assert sorted(row for row in rows if row not in ("method", "---")) == sorted(
        method.replace("_", "\\_") for method in METHODS
    )
    table = pd.read_csv(results / "smoke" / "leaderboard.csv").set_index(["label", "dataset", "metric"])
    for method in METHODS:
        for metric in ("skill", "kl_beta", "auroc"):
            expected = first.trials[method]["metrics"][metric]
            assert table.loc[(method, "all", metric), "value"] == pytest.approx(expected), (method, metric)
            assert table.loc[(method, "8gaussians", metric), "value"] == pytest.approx(expected)
    assert (table["trials"] == 1).all()
    assert (table["failed"] == 0).all()


def test_the_best_is_marked_and_references_are_not_ranked(results: Path, first: Done) -> None:
    """Of the order by skill, and of densities by KL: one dataset and one seed, so that the numbers are the factors."""
    found = {name: trial["metrics"] for name, trial in first.trials.items() if name not in REFERENCES}
    order = max(found, key=lambda name: found[name]["skill"])
    density = min((name for name in found if found[name].get("kl") is not None), key=lambda name: found[name]["kl"])
    marks = {}
    for line in (results / "smoke" / "leaderboard.md").read_text().splitlines():
        cells = [cell.strip().replace("\\", "") for cell in line.split(" | ")]
        if len(cells) > 10 and cells[1] in METHODS:
            marks[cells[1]] = cells[0].strip("| ")
    assert {name for name, mark in marks.items() if mark == "*"} == {order, density}
    assert {marks[name] for name in REFERENCES} == {""}


def test_the_figure_is_a_picture(results: Path) -> None:
    content = (results / "smoke" / "surfaces.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 800
    assert height > 150


def test_a_report_for_a_narrow_terminal_can_be_read(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal there is no width to squeeze the names into."""
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(group, ["report", "smoke", "--results", str(results)], standalone_mode=False)
    assert [method for method in METHODS if method not in done.stdout] == []
    assert "…" not in done.stdout


# --- from Python -----------------------------------------------------------------------------------------------------


def test_the_tables_from_python(loaded: Results, results: Path, first: Done) -> None:
    folder = results / "smoke" / "runs" / first.document["run_id"]
    pd.testing.assert_frame_equal(loaded.metrics, pd.read_parquet(folder / "metrics.parquet"), check_dtype=False)
    stored = pd.read_parquet(folder / "trials.parquet")
    assert loaded.trials["method"].tolist() == stored["method"].tolist() == METHODS
    assert set(loaded.trials["strategy"]) == {"C1", "C2", "C3", "A1", "A2", "A3", "A4", "reference"}
    assert (loaded.trials["status"] == "ok").all()
    assert (loaded.trials.loc[~loaded.trials["reference"], "passes"] > 0).all()


def test_a_budget_in_passes_is_the_same_for_all(loaded: Results) -> None:
    """Every method that ends with its budget spends all of it, and less than one step more."""
    trials = loaded.trials.set_index("method")
    for method in ("mle_grid", "nce", "pcd", "dae", "cae", "dsm"):
        passes, steps = float(trials["passes"][method]), float(trials["steps"][method])
        assert 200_000 <= passes <= 200_000 + 1.5 * passes / steps, method
    assert (trials["passes"] <= 420_000).all()


def test_milestones_are_measured(loaded: Results) -> None:
    table = loaded.metrics
    key = loaded.trials.set_index("method")["trial"]["nce"]
    curve = table[(table["trial"] == key) & ~table["final"]]
    assert set(zip(curve["metric"], curve["variant"], strict=True)) == {
        ("kl", "raw"),
        ("kl", "beta"),
        ("nll", "iso"),
        ("auroc", ""),
    }
    steps = sorted(set(curve["step"]))
    assert len(steps) == 6
    last = table[(table["trial"] == key) & table["final"]]["step"].unique()
    assert steps[-1] < last[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_model_is_rebuilt_bit_for_bit(loaded: Results, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its folder, without its training data: the energies are those that were stored."""

    def no_data(*args: object) -> None:
        raise AssertionError("the training data were asked for")

    monkeypatch.setattr(EightGaussians, "sample", no_data)
    name = f"{method}/8gaussians/0/cpu"
    model = loaded.model(name)
    trial = next(trial for trial in loaded.result.trials if trial.view.name == name)
    with np.load(trial.folder.verified("surface.npz")) as arrays:
        stored, shift = arrays["energy"], arrays["shift"].tolist()
    points = EightGaussians().domain.support(400, shift).points.float()
    assert len(points) == len(stored)
    assert np.ptp(stored) > 0.01, "a constant would be rebuilt by anything"
    with torch.no_grad():
        for start in range(0, len(points) - ROWS, 12 * ROWS):
            energy = model(points[start : start + ROWS]).double().numpy().astype(np.float32)
            np.testing.assert_array_equal(energy, stored[start : start + ROWS])


# --- once more -------------------------------------------------------------------------------------------------------


def test_a_second_run_runs_nothing(place: Path, results: Path, first: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    second = CliRunner().invoke(group, ["run", "smoke", "--json"], standalone_mode=False)
    assert second.exit_code == 0
    assert "smoke: 12 trials, 0 to run, 12 done before" in second.stderr
    assert files(results / "trials") == first.files, "nothing in the store was touched"
    assert json.loads(second.stdout) == first.document, "the same plan is the same run"


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the twins, made in this process."""
    root, keyword = tmp_path_factory.mktemp("inline"), " or ".join(f"{method}/" for method in TWINS)
    run = ebmbench.run("smoke", executor="inline", results=root, keyword=keyword).result
    return {trial.view.method: trial.folder.path for trial in run.trials}


@pytest.mark.parametrize("method", TWINS)
def test_a_trial_without_a_process_is_the_same_to_the_byte(
    first: Done, results: Path, inline: dict[str, Path], method: str
) -> None:
    """The local executor's workers are forked, in groups and sessions of their own; the numbers know nothing of it."""
    worker = Store(results).trial_folder(first.trials[method]["key"]).path
    assert inline.keys() == set(TWINS)
    assert inline[method].name == worker.name, "the same trial"
    for name in ("model.pt", "surface.npz", "samples.npz"):
        assert digest(inline[method] / name) == digest(worker / name), name
