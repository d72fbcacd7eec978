"""``ebmbench run`` from end to end: the smoke suite, what a second run does, and what an edit makes it do."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result

import ebmbench
from ebmbench.cli import group
from ebmbench.contracts import Status
from ebmbench.datasets.plane import EightGaussians
from ebmbench.store.folders import Store, write_atomic
from ebmbench.store.records import Measurements, Value
from ebmbench.suite.errors import UsageError

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
METHODS = "oracle untrained gaussian mle_grid nce pcd dae kmeans gmm sparse_coding cae dsm".split()  # noqa: SIM905
REFERENCES = METHODS[:3]
ROWS = 2048
"""How many rows the harness puts through a surface at once."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """A run that has ended: what it said, and the trial folders after it."""

    code: int
    out: str
    err: str
    files: dict[str, tuple[int, int]]

    @property
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


def run(folder: Path, *args: str) -> Done:
    """A real ``ebmbench run`` in a folder; its results lie in ``results``."""
    command = [EBMBENCH, "run", *args, "--json"]
    environ = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environ, timeout=200)
    return Done(done.returncode, done.stdout, done.stderr, files(folder / "results" / "trials"))


def call(*args: str) -> Result:
    """A verb that runs no trial, in this process."""
    return CliRunner().invoke(group, list(args), standalone_mode=False)


def run_here(folder: Path, *args: str) -> Done:
    """The same in this process, which is quicker: for runs that have nothing to do."""
    with contextlib.chdir(folder):
        done = call("run", *args, "--json")
    return Done(done.exit_code, done.stdout, done.stderr, files(folder / "results" / "trials"))


# --- the smoke suite -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def first(place: Path) -> Done:
    return run(place, "smoke")


@pytest.fixture(scope="module")
def results(place: Path, first: Done) -> Path:
    assert first.code == 0, first.err
    return place / "results"


@pytest.fixture(scope="module")
def loaded(results: Path) -> ebmbench.session.Results:
    return ebmbench.load("smoke", results)


@pytest.fixture(scope="module")
def second(place: Path, results: Path) -> Done:
    assert results.is_dir()
    return run(place, "smoke")


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
        "metrics.md",
        "surfaces.png",
    }
    assert names <= {path.name for path in folder.iterdir()}
    assert (results / "smoke" / "latest").read_text().strip() == first.document["run_id"]
    for name in ("leaderboard.md", "leaderboard.csv", "metrics.md", "surfaces.png"):
        assert (results / "smoke" / name).read_bytes() == (folder / name).read_bytes()


def test_each_trial_has_its_files(first: Done, results: Path) -> None:
    names = {"trial.json", "attempts.jsonl", "model.pt", "TRAINED", "metrics.json", "samples.npz", "surface.npz"}
    for method, trial in first.trials.items():
        folder = Store(results).trial(trial["key"])
        present = {path.name for path in folder.path.iterdir()}
        assert names | {"log.txt", "DONE"} <= present, method
        assert ("curve.jsonl" in present) == (method not in REFERENCES), method
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
    skills = {name: trial["metrics"]["skill"] for name, trial in first.trials.items() if name not in REFERENCES}
    best = max(skills, key=lambda name: skills[name])
    marks = {}
    for line in (results / "smoke" / "leaderboard.md").read_text().splitlines():
        cells = [cell.strip().replace("\\", "") for cell in line.split(" | ")]
        if len(cells) > 10 and cells[1] in METHODS:
            marks[cells[1]] = cells[0].strip("| ")
    assert marks[best] == "*"
    assert [name for name, mark in marks.items() if mark == "*"] == [best]
    assert {marks[name] for name in REFERENCES} == {""}


def test_the_figure_is_a_picture(results: Path) -> None:
    content = (results / "smoke" / "surfaces.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 800
    assert height > 150


# --- from Python -----------------------------------------------------------------------------------------------------


def test_the_tables_from_python(loaded: ebmbench.session.Results, results: Path, first: Done) -> None:
    folder = results / "smoke" / "runs" / first.document["run_id"]
    pd.testing.assert_frame_equal(loaded.metrics, pd.read_parquet(folder / "metrics.parquet"), check_dtype=False)
    stored = pd.read_parquet(folder / "trials.parquet")
    assert loaded.trials["method"].tolist() == stored["method"].tolist() == METHODS
    assert set(loaded.trials["strategy"]) == {"C1", "C2", "C3", "A1", "A2", "A3", "A4", "reference"}
    assert (loaded.trials["status"] == "ok").all()
    assert (loaded.trials.loc[~loaded.trials["reference"], "passes"] > 0).all()


def test_a_budget_in_passes_is_the_same_for_all(loaded: ebmbench.session.Results) -> None:
    """Every method that ends with its budget spends all of it, and less than one step more."""
    trials = loaded.trials.set_index("method")
    for method in ("mle_grid", "nce", "pcd", "dae", "cae", "dsm"):
        passes, steps = float(trials["passes"][method]), float(trials["steps"][method])
        assert 200_000 <= passes <= 200_000 + 1.5 * passes / steps, method
    assert (trials["passes"] <= 420_000).all()


def test_milestones_are_measured(loaded: ebmbench.session.Results) -> None:
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
def test_a_model_is_rebuilt_bit_for_bit(
    loaded: ebmbench.session.Results, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its folder, without its training data: the energies are those that were stored."""

    def no_data(*args: object) -> None:
        raise AssertionError("the training data were asked for")

    monkeypatch.setattr(EightGaussians, "sample", no_data)
    name = f"{method}/8gaussians/0/cpu"
    model = loaded.model(name)
    trial = next(trial for trial in loaded.result.trials if trial.view.name == name)
    with np.load(trial.folder.verified("surface.npz")) as arrays:
        stored = arrays["energy"]
    points = EightGaussians().domain.support(400).points.float()
    assert len(points) == len(stored)
    assert np.ptp(stored) > 0.01, "a constant would be rebuilt by anything"
    with torch.no_grad():
        for start in range(0, len(points) - ROWS, 12 * ROWS):
            energy = model(points[start : start + ROWS]).double().numpy().astype(np.float32)
            np.testing.assert_array_equal(energy, stored[start : start + ROWS])


def test_a_model_is_found_by_its_key_too(loaded: ebmbench.session.Results) -> None:
    row = loaded.trials.iloc[8]
    y = torch.zeros(1, 2)
    assert torch.equal(loaded.model(row["trial"])(y), loaded.model(row["name"])(y))


def test_a_model_that_was_damaged_is_not_loaded(loaded: ebmbench.session.Results) -> None:
    trial = loaded.result.trials[2]
    path = trial.folder.file("model.pt")
    whole, facts = path.read_bytes(), path.stat()
    try:
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(UsageError, match=r"model\.pt: missing, or not what was written"):
            loaded.model(trial.view.name)
    finally:
        path.with_name("model.pt.spoiled").unlink()
        path.write_bytes(whole)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_trial_that_is_not_there(loaded: ebmbench.session.Results) -> None:
    with pytest.raises(UsageError, match="did you mean 'nce/8gaussians/0/cpu'"):
        loaded.model("nce/8gaussian/0/cpu")


# --- once more -------------------------------------------------------------------------------------------------------


def test_a_second_run_runs_nothing(first: Done, second: Done) -> None:
    assert second.code == 0
    assert "smoke: 12 trials, 0 to run, 12 done before" in second.err
    assert second.files == first.files, "nothing in the store was touched"
    assert second.document == first.document, "the same plan is the same run"


def test_a_plan_says_that_all_is_cached(results: Path, second: Done) -> None:
    assert second.code == 0
    done = call("plan", "smoke", "--results", str(results))
    *lines, last = done.stdout.splitlines()
    assert last == "12 trials: 12 cached"
    assert [" ".join(line.split()) for line in lines] == [f"cached {method}/8gaussians/0/cpu" for method in METHODS]
    planned = json.loads(call("plan", "smoke", "--results", str(results), "--json").stdout)
    assert planned["estimate"] is None, "nothing is to run"
    assert {row["state"] for row in planned["trials"]} == {"cached"}
    assert [row["key"] for row in planned["trials"]] == [trial["key"] for trial in second.trials.values()]


def test_a_plan_says_what_is_new(results: Path) -> None:
    done = call("plan", "smoke", "--results", str(results), "--set", "budget.passes=1000", "-k", "nce or gmm")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    *trials, time = lines
    assert trials == ["to run nce/8gaussians/0/cpu (new)", "to run gmm/8gaussians/0/cpu (new)", "2 trials: 2 to run"]
    assert time == "time: not known: no trial of this suite with this budget has been timed", "what was run had another"


def test_a_plan_says_how_long_what_is_new_will_take(results: Path, second: Done) -> None:
    """Twelve trials of one seed are known; each method is to be run with two more."""
    assert second.code == 0
    arguments = ("plan", "smoke", "--results", str(results), "--seeds", "3", "-k", "nce or gmm")
    planned = json.loads(call(*arguments, "--json").stdout)
    shown = call(*arguments).stdout.splitlines()[-1]
    estimate, store = planned["estimate"], Store(results)
    took = {row["name"]: store.trial(row["key"]).attempts()[-1].total_seconds for row in planned["trials"][:2]}
    assert list(took) == ["nce/8gaussians/0/cpu", "gmm/8gaussians/0/cpu"]
    assert (estimate["past"], estimate["to_run"], estimate["strange"]) == (2, 4, 0)
    expected = max(2 * sum(took.values()) / estimate["workers"], max(took.values()))
    assert estimate["seconds"] == pytest.approx(expected)
    assert estimate["low"] <= estimate["seconds"] <= estimate["high"]
    assert shown.startswith("time: about ")
    assert shown.endswith("from 2 earlier trials")


@pytest.mark.parametrize("kind", ["md", "csv"])
def test_a_report_is_what_the_run_wrote(results: Path, kind: str, tmp_path: Path) -> None:
    written = (results / "smoke" / f"leaderboard.{kind}").read_text()
    assert call("report", "smoke", "--format", kind, "--results", str(results)).stdout == written
    target = tmp_path / f"board.{kind}"
    done = call("report", "smoke", "--format", kind, "--results", str(results), "-o", str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    assert target.read_text() == written


def test_a_report_as_json_is_the_table_of_trials(results: Path) -> None:
    rows = json.loads(call("report", "smoke", "--format", "json", "--results", str(results)).stdout)
    assert [row["method"] for row in rows] == METHODS
    assert rows[0]["status"] == "ok"


def test_a_report_is_narrowed_as_a_run_is(results: Path) -> None:
    done = call("report", "smoke", "--format", "json", "-k", "nce and 8gaussians", "--results", str(results))
    assert [row["name"] for row in json.loads(done.stdout)] == ["nce/8gaussians/0/cpu"]
    nothing = call("report", "smoke", "-k", "nobody", "--results", str(results))
    assert isinstance(nothing.exception, UsageError)
    assert str(nothing.exception) == "-k 'nobody': no trial of this run has such a name"


def test_a_report_draws_the_surfaces(results: Path, tmp_path: Path) -> None:
    """A png of as many panels as are asked for."""
    sizes = []
    for keyword in ("nce or gmm", "nce"):
        target = tmp_path / "surfaces.png"
        done = call("report", "smoke", "--format", "png", "-k", keyword, "--results", str(results), "-o", str(target))
        assert (done.exit_code, done.stdout) == (0, "")
        content = target.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        sizes.append(struct.unpack(">II", content[16:24]))
    assert sizes[0][0] > sizes[1][0], "a panel less"
    no_file = call("report", "smoke", "--format", "png", "--results", str(results))
    assert str(no_file.exception) == "--format png needs a file: -o surfaces.png"


def test_a_report_for_people(results: Path) -> None:
    done = call("report", "smoke", "--results", str(results))
    assert done.exit_code == 0
    assert "smoke" in done.stdout


def test_a_report_of_a_suite_by_its_path(results: Path, tmp_path: Path) -> None:
    """Suites by path or by name: what counts is the name in the file."""
    shutil.copy(Path(ebmbench.__file__).parents[1] / "suites" / "smoke.yaml", tmp_path / "renamed.yaml")
    done = call("report", str(tmp_path / "renamed.yaml"), "--format", "csv", "--results", str(results))
    assert done.exit_code == 0, done.exception


def test_a_report_for_a_narrow_terminal_can_be_read(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal there is no width to squeeze the names into."""
    monkeypatch.setenv("COLUMNS", "80")
    text = call("report", "smoke", "--results", str(results)).stdout
    assert [method for method in METHODS if method not in text] == []
    assert "…" not in text


# --- edits: a suite with a method of its own -------------------------------------------------------------------------

TINY = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [mine, {name: gmm, components: 2}]
budget: {steps: 5}
seeds: 1
metrics: [skill]
plugins: [./mine.py]
"""
HOOK = """

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", NCE, strategy=Strategy.C2, kind=EnergyKind.NORMALIZED, summary="my own")
"""
NAMES = {"mine": "mine/8gaussians/0/cpu", "gmm": "gmm/8gaussians/0/cpu"}


def nce_source() -> str:
    from ebmbench_plugins.c2_chosen_points import nce

    return Path(str(nce.__file__)).read_text() + HOOK


def board(folder: Path) -> dict[str, bytes]:
    """What stands beside the runs: the suite's own tables."""
    suite = folder / "results" / "tiny"
    return {path.name: path.read_bytes() for path in suite.iterdir() if path.is_file() and path.name != "mlflow.json"}


def skills(folder: Path) -> dict[str, float]:
    table = pd.read_csv(folder / "results" / "tiny" / "leaderboard.csv")
    chosen = table[(table["metric"] == "skill") & (table["dataset"] == "all")]
    assert (chosen["trials"] == 1).all(), "one trial a method counts"
    return dict(zip(chosen["label"], chosen["value"], strict=True))


@dataclass(frozen=True)
class Story:
    """A suite that is run, edited and run again; after each chapter the run and the suite's tables."""

    folder: Path
    runs: dict[str, Done]
    boards: dict[str, dict[str, bytes]]
    skills: dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(TINY)
    told = Story(folder, {}, {}, {})

    def chapter(name: str, text: str | None, *args: str, idle: bool = False) -> None:
        if text is not None:
            (folder / "mine.py").write_text(text)
        told.runs[name] = (run_here if idle else run)(folder, "tiny.yaml", *args)
        told.boards[name], told.skills[name] = board(folder), skills(folder)

    source = nce_source()
    remark = source.replace("Tell data from noise of known density", "Other words") + "\n# a remark\n"
    loud = source.replace("return softplus(-data).mean()", "return 1.5 * softplus(-data).mean()")
    assert source != loud
    assert source != remark
    chapter("first", source)
    chapter("remark", remark, idle=True)
    chapter("only gmm", None, "-k", "gmm")
    chapter("two seeds", None, "--seeds", "2", "-k", "gmm")
    chapter("edit", loud)
    spoil(told)
    chapter("as it is", None, idle=True)
    chapter("measure", None, "--retry-failed")
    return told


def spoil(told: Story) -> None:
    """Make the skill of ``mine`` a metric that raised, as its worker would have written it."""
    folder = Store(told.folder / "results").trial(told.runs["edit"].trials["mine"]["key"])
    measured = folder.measurements()
    assert measured is not None
    values = tuple(
        Value(metric="skill", note="error: Boom: why") if value.metric == "skill" else value
        for value in measured.values
    )
    assert values != measured.values
    spoiled = Measurements(values=values, code=measured.code, eval_seconds=measured.eval_seconds)
    write_atomic(folder.file("metrics.json"), spoiled.model_dump_json())
    folder.seal(Status.OK)


def ran(done: Done) -> list[str]:
    """The methods of which a trial was run."""
    lines = [line for line in done.err.splitlines() if line.startswith("[") and "/8gaussians/" in line]
    return sorted(line.partition("] ")[2].partition("/")[0] for line in lines)


def test_a_plugin_of_a_suite_is_run(story: Story) -> None:
    done = story.runs["first"]
    assert done.code == 0, done.err
    assert ran(done) == ["gmm", "mine"]
    assert {trial["status"] for trial in done.trials.values()} == {"ok"}


def test_an_edit_of_words_runs_nothing(story: Story) -> None:
    done = story.runs["remark"]
    assert done.code == 0
    assert ran(done) == []
    assert done.document == story.runs["first"].document
    assert done.files == story.runs["first"].files
    assert story.boards["remark"] == story.boards["first"]


def test_an_edit_of_a_method_runs_that_method_only(story: Story) -> None:
    before, done = story.runs["first"], story.runs["edit"]
    assert done.code == 0, done.err
    assert ran(done) == ["mine"]
    assert done.trials["gmm"] == before.trials["gmm"]
    assert done.trials["mine"]["key"] != before.trials["mine"]["key"]
    assert done.trials["mine"]["metrics"]["skill"] != before.trials["mine"]["metrics"]["skill"]


def test_old_trials_no_longer_count(story: Story) -> None:
    """They stay in the store; the leaderboard shows the new code alone."""
    before, done = story.runs["first"], story.runs["edit"]
    assert story.skills["edit"]["mine"] == pytest.approx(done.trials["mine"]["metrics"]["skill"])
    assert story.skills["edit"]["gmm"] == story.skills["first"]["gmm"]
    assert any(before.trials["mine"]["key"] in name for name in done.files)
    loaded = ebmbench.load("tiny", story.folder / "results")
    assert loaded.trials["trial"].tolist() == [done.trials["mine"]["key"], done.trials["gmm"]["key"]]


def test_a_metric_that_raised_is_left_alone_unless_told(story: Story) -> None:
    done = story.runs["as it is"]
    assert done.code == 0, "the trial itself is ok"
    assert ran(done) == []
    assert "skill" not in done.trials["mine"]["metrics"]
    assert done.trials["mine"]["metrics"]["kl"] == story.runs["edit"].trials["mine"]["metrics"]["kl"]


def test_a_metric_that_raised_is_measured_again_without_training(story: Story) -> None:
    before, done = story.runs["edit"], story.runs["measure"]
    assert done.code == 0, done.err
    assert ran(done) == ["mine"]
    key = done.trials["mine"]["key"]
    assert key == before.trials["mine"]["key"]
    assert done.trials["mine"]["metrics"] == before.trials["mine"]["metrics"]
    home = f"{key[:2]}/{key}"
    for name in ("model.pt", "TRAINED", "curve.jsonl"):
        assert done.files[f"{home}/{name}"] == before.files[f"{home}/{name}"], f"{name} is as old as it was"
    assert len(Store(story.folder / "results").trial(key).attempts()) == 2
    assert story.skills["measure"] == story.skills["edit"]


@pytest.mark.parametrize(("chapter", "trials"), [("only gmm", 1), ("two seeds", 2)])
def test_a_narrowed_run_leaves_the_suites_own_tables_alone(story: Story, chapter: str, trials: int) -> None:
    done = story.runs[chapter]
    assert done.code == 0, done.err
    assert story.boards[chapter] == story.boards["first"]
    assert len(done.document["trials"]) == trials
    folder = story.folder / done.document["folder"]
    assert len(pd.read_parquet(folder / "trials.parquet")) == trials
    assert not json.loads((folder / "run.json").read_text())["full"]


def test_a_narrowed_run_uses_what_is_there(story: Story) -> None:
    assert ran(story.runs["only gmm"]) == []
    assert ran(story.runs["two seeds"]) == ["gmm"]
    assert "2 trials, 1 to run, 1 done before" in story.runs["two seeds"].err


def test_each_plan_has_a_folder_of_its_own(story: Story) -> None:
    ids = {name: done.document["run_id"] for name, done in story.runs.items()}
    assert ids["remark"] == ids["first"]
    assert ids["measure"] == ids["as it is"] == ids["edit"]
    assert len(set(ids.values())) == 4
    assert {path.name for path in (story.folder / "results" / "tiny" / "runs").iterdir()} == set(ids.values())


def test_a_model_of_a_plugin_outlives_its_file(story: Story) -> None:
    """It is rebuilt from the copy that the results keep."""
    kept = (story.folder / "mine.py").read_bytes()
    (story.folder / "mine.py").unlink()
    try:
        model = ebmbench.load("tiny", story.folder / "results").model("mine/8gaussians/0/cpu")
        energy = model(torch.zeros(3, 2)).detach()
    finally:
        (story.folder / "mine.py").write_bytes(kept)
    assert type(model).__name__ == "SelfNormalizedSurface"
    assert energy.shape == (3,)
    assert energy.tolist() == pytest.approx([float(energy[0])] * 3)
    assert float(energy[0]) != 0
