"""``ebmbench run``: what a second run does, what an edit makes it do, what plugins write, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from rich.console import Console

import ebmbench
from ebmbench import session
from ebmbench.cli import group
from ebmbench.cli.run_verb import summary
from ebmbench.contracts.records import Status
from ebmbench.execution.inline import InlineExecutor
from ebmbench.session import Options
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import Measurements, Value
from ebmbench.store.runs import RunResult

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick")]

Document = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """A run that has ended: what came of it, what it said, and the trial folders after it."""

    result: RunResult
    err: str
    files: dict[str, tuple[int, int]]
    curve: bytes
    """What the milestones of the first trial say."""

    @property
    def code(self) -> int:
        return session.exit_code(self.result)

    @cached_property
    def document(self) -> Document:
        return summary(self.result)

    @property
    def trials(self) -> dict[str, Document]:
        return {trial["name"].partition("/")[0]: trial for trial in self.document["trials"]}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file of the store."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (facts.st_size, facts.st_mtime_ns) for path, facts in found}


def run(folder: Path, **options: Any) -> Done:
    """The suite in a folder, its trials in this process."""
    out, results = io.StringIO(), folder / "results"
    chosen = Options(executor="inline", results=results, **options)
    result = session.run(str(folder / "tiny.yaml"), chosen, Console(file=out, width=200))
    curve = result.trials[0].folder.file("curve.jsonl")
    kept = curve.read_bytes() if curve.exists() else b""
    return Done(result, out.getvalue(), files(results / "trials"), kept)


def call(folder: Path, *args: str) -> Result:
    """The command line in a folder."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(group, list(args), standalone_mode=False)


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
def story(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Story:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(TINY)
    told = Story(folder, {}, {}, {})

    def chapter(name: str, text: str | None, **options: Any) -> None:
        if text is not None:
            (folder / "mine.py").write_text(text)
        told.runs[name] = run(folder, **options)
        told.boards[name], told.skills[name] = board(folder), skills(folder)

    source = nce_source()
    remark = source.replace("Tell data from noise of known density", "Other words") + "\n# a remark\n"
    loud = source.replace("return softplus(-data).mean()", "return 1.5 * softplus(-data).mean()")
    assert source != loud
    assert source != remark
    chapter("first", source)
    chapter("remark", remark)
    chapter("only gmm", None, keyword="gmm")
    chapter("two seeds", None, seeds=2, keyword="gmm")
    chapter("edit", loud)
    spoil(told)
    chapter("as it is", None)
    chapter("measure", None, retry_failed=True)
    return told


def spoil(told: Story) -> None:
    """Make the skill of ``mine`` a metric that raised, as its worker would have written it."""
    folder = Store(told.folder / "results").trial_folder(told.runs["edit"].trials["mine"]["key"])
    measured = folder.measurements()
    assert measured is not None
    values = tuple(
        Value("skill", note="error: Boom: why") if value.metric == "skill" else value for value in measured.values
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
    for name in ("model.pt", "TRAINED", "milestones.pt"):
        assert done.files[f"{home}/{name}"] == before.files[f"{home}/{name}"], f"{name} is as old as it was"
    assert done.curve == before.curve, "what the milestones say is the same, too"
    assert len(Store(story.folder / "results").trial_folder(key).attempts()) == 2
    assert story.skills["measure"] == story.skills["edit"]


@pytest.mark.parametrize(("chapter", "trials"), [("only gmm", 1), ("two seeds", 2)])
def test_a_narrowed_run_leaves_the_suites_own_tables_alone(story: Story, chapter: str, trials: int) -> None:
    done = story.runs[chapter]
    assert done.code == 0, done.err
    assert story.boards[chapter] == story.boards["first"]
    assert len(done.document["trials"]) == trials
    folder = done.result.folder
    assert len(pd.read_parquet(folder / "trials.parquet")) == trials
    said = f"a narrowed run; the tables of tiny are left alone. Again: ebmbench report {done.result.record.run_id}"
    assert said in done.err
    assert "a narrowed run" not in story.runs["first"].err
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


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_says_the_same(story: Story) -> None:
    """One document on standard output, words for people on standard error; nothing is left to be done."""
    done = call(story.folder, "run", "tiny.yaml", "--json")
    assert done.exit_code == 0
    told = story.runs["measure"].document
    assert json.loads(done.stdout) == {**told, "folder": f"results/tiny/runs/{told['run_id']}"}
    assert "tiny: 2 trials, 0 to run, 2 done before" in done.stderr
    plain = call(story.folder, "run", "tiny.yaml")
    assert plain.stdout == ""
    assert "mine" in plain.stderr


def test_without_training_nothing_is_trained(story: Story) -> None:
    done = call(story.folder, "run", "tiny.yaml", "--no-train", "--seeds", "5", "--json")
    assert done.exit_code == 1, "what is not trained has not ended"
    statuses = {trial["name"]: trial["status"] for trial in json.loads(done.stdout)["trials"]}
    assert [name for name, status in statuses.items() if status == "ok"] == [
        "mine/8gaussians/0/cpu",
        "gmm/8gaussians/0/cpu",
        "gmm/8gaussians/1/cpu",
    ]
    assert set(statuses.values()) == {"ok", None}


def test_a_trial_runs_where_standard_error_is_no_file(tmp_path: Path) -> None:
    """As in a notebook, where the inline executor is most wanted."""
    (tmp_path / "tiny.yaml").write_text(TINY.replace("mine, ", "").replace("plugins: [./mine.py]\n", ""))
    done = call(tmp_path, "run", "tiny.yaml", "--executor", "inline", "--json")
    assert done.exit_code == 0, done.exception
    assert [trial["status"] for trial in json.loads(done.stdout)["trials"]] == ["ok"]


# --- what else a suite may be ----------------------------------------------------------------------------------------

PLUGIN = '''
from ebmbench.api import EnergyKind, Method, MethodSpec, ReporterSpec, Strategy, hookimpl


class Bad(Method):
    """Fails."""

    def build(self, problem):
        raise RuntimeError("boom")


def count(report):
    """How many trials there are, and how many numbers."""
    return f"{len(report.trials)} trials of {report.run.suite}, {report.metrics['final'].sum()} numbers\\n"


def nothing(report):
    """A reporter may have nothing to say."""
    return None


@hookimpl
def ebmbench_methods():
    yield MethodSpec("bad", Bad, Strategy.A2, EnergyKind.RANKING, "fails")


@hookimpl
def ebmbench_reporters():
    yield ReporterSpec("count", count, "how many", product="count.txt")
    yield ReporterSpec("quiet", nothing, "nothing", product="quiet.txt")
    yield ReporterSpec("asked", count, "how many, when asked")
'''
OTHER = """\
name: other
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [{name: gmm, components: 2}, bad]
budget: {steps: 5}
seeds: 1
metrics: [skill, auroc]
plugins: [./plugin.py]
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    (folder / "tiny.yaml").write_text(OTHER)
    (folder / "plugin.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def others(other: Path, quick: None) -> Done:
    return run(other)


def test_a_trial_that_fails_takes_nothing_along(others: Done, other: Path) -> None:
    assert others.code == 1
    assert {name: trial["status"] for name, trial in others.trials.items()} == {"gmm": "ok", "bad": "failed"}
    assert others.trials["bad"]["error"] == "RuntimeError: boom"
    assert call(other, "run", "tiny.yaml").exit_code == 1, "a failure that was there before is one"


def test_what_failed_is_tried_again_only_if_that_is_asked(others: Done, other: Path) -> None:
    assert "2 trials, 0 to run" in run(other).err
    assert "2 trials, 1 to run" in run(other, retry_failed=True).err
    key = others.trials["bad"]["key"]
    assert [a.status for a in Store(other / "results").trial_folder(key).attempts()] == [Status.FAILED] * 2


def test_a_reporter_of_a_plugin_writes_its_product_in_a_run(others: Done, other: Path) -> None:
    """As the built-in ones do: in the run's folder, and in the suite's if the run is a full one."""
    said = "2 trials of other, 5 numbers\n"  # skill, auroc, and the three variants of the KL that skill's track needs
    assert (others.result.folder / "count.txt").read_text() == said
    assert (other / "results" / "other" / "count.txt").read_text() == said
    assert not list((other / "results").rglob("quiet.txt")), "who says nothing writes nothing"
    assert "asked" not in {path.stem for path in others.result.folder.iterdir()}


@pytest.mark.parametrize(
    ("kind", "name"), [("md", "leaderboard.md"), ("csv", "leaderboard.csv"), ("count", "count.txt")]
)
def test_a_report_is_what_the_run_wrote(others: Done, other: Path, kind: str, name: str) -> None:
    done = call(other, "-p", "plugin.py", "report", "other", "--format", kind)
    assert done.stdout == (others.result.folder / name).read_text()


def test_a_product_that_is_lost_or_damaged_is_written_anew(others: Done, other: Path) -> None:
    lost, damaged = others.result.folder / "count.txt", others.result.folder / "leaderboard.md"
    whole = lost.read_bytes(), damaged.read_bytes()
    lost.unlink()
    damaged.write_bytes(b"half")
    run(other)
    assert (lost.read_bytes(), damaged.read_bytes()) == whole
    damaged.unlink()
    run(other)
    assert (lost.read_bytes(), damaged.read_bytes()) == whole


@pytest.mark.parametrize(
    ("old", "new", "ended"),
    [
        ("methods: [", "methods: [independent, ", {"independent": "skipped"}),
        ("seeds: 1", "seeds: [7]", {}),
    ],
)
def test_what_cannot_be_run_is_no_failure(other: Path, tmp_path: Path, old: str, new: str, ended: Document) -> None:
    (tmp_path / "tiny.yaml").write_text(OTHER.replace(", bad]", "]").replace("[./plugin.py]", "[]").replace(old, new))
    done = run(tmp_path)
    assert done.code == 0
    found = {name: trial["status"] for name, trial in done.trials.items()}
    assert found == {**ended, "gmm": "ok"}


def test_two_labels_of_one_trial_are_run_once_and_both_have_a_row(tmp_path: Path) -> None:
    twice = "{name: gmm, components: 2, label: again}]"
    (tmp_path / "tiny.yaml").write_text(OTHER.replace("bad]", twice).replace("[./plugin.py]", "[]"))
    done = run(tmp_path)
    assert done.code == 0
    assert done.err.count("trained") == 1
    assert done.trials["gmm"]["key"] == done.trials["gmm[again]"]["key"]
    table = pd.read_csv(done.result.folder / "leaderboard.csv").query("metric == 'skill' and dataset == 'all'")
    expected = done.trials["gmm"]["metrics"]["skill"]
    assert dict(zip(table["label"], table["value"], strict=True)) == {"gmm": expected, "again": expected}


# --- an interruption -------------------------------------------------------------------------------------------------


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Interrupts a run when it comes to its n-th trial."""
    (tmp_path / "tiny.yaml").write_text(OTHER.replace(", bad]", ", nce]").replace("[./plugin.py]", "[]"))
    real = InlineExecutor.submit

    def interrupt(number: int) -> None:
        begun = list[str]()

        def submit(self: InlineExecutor, key: str, folder: Path, n_concurrent: int) -> None:
            begun.append(key)
            if len(begun) == number:
                raise KeyboardInterrupt
            real(self, key, folder, n_concurrent)

        monkeypatch.setattr(InlineExecutor, "submit", submit)

    return interrupt


def test_an_interrupted_run_leaves_its_tables_and_the_next_one_goes_on(
    cut: Callable[[int], None], tmp_path: Path
) -> None:
    cut(2)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    (folder,) = (tmp_path / "results" / "other" / "runs").iterdir()
    table = pd.read_parquet(folder / "trials.parquet")
    assert table["status"].fillna("not finished").tolist() == ["ok", "not finished"]
    assert "gmm" in (folder / "leaderboard.md").read_text()
    assert not (tmp_path / "results" / "other" / "latest").exists(), "it is not the suite's last full run"
    assert ebmbench.load("other", tmp_path / "results").result.record.run_id == folder.name, "there is no other"
    assert ebmbench.load(folder.name, tmp_path / "results").result.record.run_id == folder.name
    cut(0)
    done = run(tmp_path)
    assert done.code == 0
    assert "2 trials, 1 to run, 1 done before" in done.err
    assert done.result.record.run_id == folder.name, "the same plan is the same run, reopened"
    assert ebmbench.load("other", tmp_path / "results").result.record.run_id == folder.name
