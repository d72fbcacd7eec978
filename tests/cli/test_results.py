"""Runs from Python: any of them by its name or id, its tables as files have them, its models ready to use."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console

import ebmbench
from ebmbench import session
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.results import Results
from ebmbench.store.runs import RunResult, save_run
from ebmbench.suite.loading import read_suite
from tests.factories import Lab, make_run, make_view

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [nce, {name: gmm, components: 2}]
budget: {steps: 5}
seeds: 1
metrics: [skill]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Path:
    folder = tmp_path_factory.mktemp("python")
    (folder / "tiny.yaml").write_text(SUITE)
    return folder


@pytest.fixture(scope="module")
def full(place: Path) -> Results:
    return ebmbench.run(str(place / "tiny.yaml"), results=place / "results", executor="inline")


@pytest.fixture(scope="module")
def narrowed(place: Path, full: Results) -> Results:
    assert full.result.record.full
    return ebmbench.run(str(place / "tiny.yaml"), results=place / "results", executor="inline", keyword="gmm")


@pytest.mark.long
def test_what_a_run_gives_is_what_is_loaded(full: Results, place: Path) -> None:
    loaded = ebmbench.load("tiny", place / "results")
    assert loaded.result.record == full.result.record
    pd.testing.assert_frame_equal(loaded.trials, full.trials)
    pd.testing.assert_frame_equal(loaded.metrics, full.metrics)


@pytest.mark.long
def test_the_tables_are_those_of_the_files(full: Results) -> None:
    folder = full.result.folder
    pd.testing.assert_frame_equal(full.metrics, pd.read_parquet(folder / "metrics.parquet"), check_dtype=False)
    assert full.trials["name"].tolist() == pd.read_parquet(folder / "trials.parquet")["name"].tolist()
    assert full.trials["status"].tolist() == ["ok", "ok"]


@pytest.mark.long
def test_any_run_is_loaded_by_its_id(full: Results, narrowed: Results, place: Path) -> None:
    """Also one that was narrowed, which no name leads to where there is a full one."""
    ids = {each.result.record.run_id: len(each.trials) for each in (full, narrowed)}
    assert sorted(ids.values()) == [1, 2]
    for run_id, trials in ids.items():
        found = ebmbench.load(run_id, place / "results")
        assert (found.result.record.run_id, len(found.trials)) == (run_id, trials)
    assert ebmbench.load("tiny", place / "results").result.record.run_id == full.result.record.run_id


@pytest.mark.long
@pytest.mark.parametrize("name", ["tinny", "20990101-000000-00000000", "../tiny", "tiny/runs", "", "*", "."])
def test_what_is_no_run_is_none(full: Results, place: Path, name: str) -> None:
    assert full.trials is not None
    with pytest.raises(UsageError, match="no run of"):
        ebmbench.load(name, place / "results")


def narrowed_runs(lab: Lab, *days: int, full: bool = False) -> list[str]:
    """The ids of runs of the suite tiny, each recorded after the one before it."""
    ids = [f"202601{day:02}-000000-{day:08}" for day in days]
    for moment, run_id in enumerate(ids):
        save_run(RunResult(make_run([make_view()], suite="tiny", run_id=run_id, full=full), lab.store))
        os.utime(lab.store.run_dir("tiny", run_id) / "run.json", (moment, moment))
    return ids


def test_without_a_full_run_a_suite_is_its_newest_narrowed_one(tmp_path: Path) -> None:
    """Newest is what was begun or reopened last, whatever its id says."""
    lab = Lab(tmp_path)
    second, first = narrowed_runs(lab, 2, 1)
    assert ebmbench.load("tiny", tmp_path).result.record.run_id == first
    os.utime(lab.store.run_dir("tiny", second) / "run.json")
    assert ebmbench.load("tiny", tmp_path).result.record.run_id == second


def test_a_full_run_is_what_a_suites_name_leads_to(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    full, *_ = narrowed_runs(lab, 1, full=True), narrowed_runs(lab, 2)
    (lab.store.suite_dir("tiny") / "latest").write_text(full[0])
    assert ebmbench.load("tiny", tmp_path).result.record.run_id == full[0]


def test_a_run_of_another_version_is_said_to_be_one(tmp_path: Path) -> None:
    """Its trials are kept: running the suite again writes a record and trains nothing."""
    suite = tmp_path / "tiny"
    (suite / "runs" / "20260101-000000-00000000").mkdir(parents=True)
    (suite / "latest").write_text("20260101-000000-00000000")
    (suite / "runs" / "20260101-000000-00000000" / "run.json").write_text('{"of": "the future"}')
    with pytest.raises(UsageError, match="cannot be read: it is damaged, or another version's; what has been trained"):
        ebmbench.load("tiny", tmp_path)


def test_of_two_suites_each_has_its_own(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for suite in ("one", "other"):
        record = make_run([make_view(suite)], suite=suite, run_id=f"20260101-000000-{suite:0>8}")
        save_run(RunResult(record, lab.store))
        (lab.store.suite_dir(suite) / "latest").write_text(record.run_id)
    assert [ebmbench.load(suite, tmp_path).trials["label"].item() for suite in ("one", "other")] == ["one", "other"]


def test_a_run_is_narrowed_as_on_the_command_line(full: Results) -> None:
    assert full.narrowed("gmm or nobody").trials["name"].tolist() == ["gmm/8gaussians/0/cpu"]
    with pytest.raises(UsageError, match="-k 'nobody': no trial of this run has such a name"):
        full.narrowed("nobody")


# --- at a glance -----------------------------------------------------------------------------------------------------


def test_results_are_shown_in_a_line(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for row, skill in (("nce", 0.9), ("gmm", 0.8)):
        lab.trial(row, {"skill": skill, "kl": 1 - skill})
    lab.trial("bad", status=Status.DIVERGED)
    lab.trial("later", status=None)
    said = "<Results toy: 4 rows, 4 trials: 2 ok, 1 diverged, 1 not finished; best: nce>"
    assert repr(Results(lab.result())) == said
    nothing = Lab(tmp_path / "nothing")
    nothing.trial("nce\x1b[2J", status=None)
    assert repr(Results(nothing.result())) == "<Results toy: 1 rows, 1 trials: 1 not finished>"


def test_the_leaderboard_is_a_frame(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.1})
    board = Results(lab.result()).leaderboard
    assert (board.index.tolist(), board["kl"].tolist()) == (["nce"], [0.1])


# --- models ----------------------------------------------------------------------------------------------------------


def test_a_model_is_found_by_its_key_too(full: Results) -> None:
    for row in full.trials.itertuples():
        y = torch.zeros(1, 2)
        assert torch.equal(full.model(str(row.trial))(y), full.model(str(row.name))(y))


def test_a_model_that_was_damaged_is_not_loaded(full: Results) -> None:
    trial = full.result.trials[0]
    path = trial.folder.file("model.pt")
    whole, facts = path.read_bytes(), path.stat()
    try:
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(UsageError, match=r"model\.pt: missing, or not what was written"):
            full.model(trial.view.name)
    finally:
        path.with_name("model.pt.spoiled").unlink()
        path.write_bytes(whole)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_trial_that_is_not_there(full: Results) -> None:
    with pytest.raises(UsageError, match="did you mean 'nce/8gaussians/0/cpu'"):
        full.model("nce/8gaussian/0/cpu")


def test_what_was_not_trained_has_no_model_and_says_why(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("bad", status=Status.FAILED)
    lab.trial("gone", status=Status.SKIPPED)
    lab.trial("waiting", status=None)
    found = Results(lab.result())
    for row, reason in (("bad", "Boom: it went wrong"), ("gone", "no such device"), ("waiting", "it has not been run")):
        with pytest.raises(UsageError, match=f"{row}/moons/0/cpu was not trained: {reason}"):
            found.model(f"{row}/moons/0/cpu")


# --- starting one ----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """What a session would be asked for."""
    heard: list[tuple[object, object]] = []

    def run(reference: object, options: object, console: Console | None) -> RunResult:
        heard.append((reference, options))
        if console is not None:
            assert console.quiet
            heard.append(("quiet", None))
        return RunResult(make_run(), Lab(Path("/nonexistent")).store)

    monkeypatch.setattr(session, "run", run)
    return heard


def test_options_are_those_of_the_command_line(asked: list[tuple[object, object]]) -> None:
    ebmbench.run("toy2d", keyword="nce", seeds=2, workers=3, results="elsewhere", executor="inline", fresh=True)
    expected = session.Options(
        keyword="nce", seeds=2, workers=3, results=Path("elsewhere"), executor="inline", fresh=True
    )
    assert asked == [("toy2d", expected)]


def test_budget_and_name_are_set_as_on_the_command_line(asked: list[tuple[object, object]]) -> None:
    """So that the run is a narrowed one; of a suite in memory they are its own."""
    ebmbench.run("toy2d", budget=5000, name="mine", overrides=("seeds=1",))
    expected = session.Options(overrides=("seeds=1", 'budget={"passes": 5000}', 'name="mine"'))
    assert asked.pop() == ("toy2d", expected)
    suite = {"name": "tiny", "methods": ["nce"], "budget": {"passes": 7}}
    ebmbench.run(suite, budget={"steps": 3})
    assert asked.pop() == ({**suite, "budget": {"steps": 3}}, session.Options())
    assert suite["budget"] == {"passes": 7}, "the user's own is as it was"


def test_an_override_of_that_form_is_read(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SUITE)
    overrides = ('budget={"passes": 5000}', 'name="mine"')
    suite, _ = read_suite(str(tmp_path / "tiny.yaml"), overrides)
    assert (suite.name, suite.budget.passes, suite.budget.steps) == ("mine", 5000, None)


def test_a_quiet_run_is_given_a_console_that_says_nothing(asked: list[tuple[object, object]]) -> None:
    ebmbench.run("toy2d", quiet=True)
    assert asked.pop() == ("quiet", None)


def test_rows_may_be_in_a_file(asked: list[tuple[object, object]], tmp_path: Path) -> None:
    for file in (tmp_path / "mine.csv", str(tmp_path / "mine.csv")):
        ebmbench.run(methods=["gmm"], data=file, name="mine", budget=10, results=tmp_path)
        (suite, _) = asked.pop()
        assert suite == {
            "name": "mine",
            "datasets": [{"file": str(tmp_path / "mine.csv")}],
            "methods": ["gmm"],
            "budget": {"passes": 10},
            "seeds": 3,
        }


def test_an_option_that_is_none_is_refused(asked: list[tuple[object, object]]) -> None:
    with pytest.raises(TypeError, match="sedes"):
        ebmbench.run("toy2d", sedes=3)
    assert asked == []
