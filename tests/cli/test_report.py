"""``ebmbench report``: the tables of a run as they were written, narrowed, drawn, or by a plugin's reporter."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import ebmbench
from ebmbench.cli import group
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.report.markdown import every_metric, leaderboard
from ebmbench.report.report import Report
from ebmbench.report.spreadsheet import leaderboard as spreadsheet
from ebmbench.store.runs import RunResult, save_run
from tests.factories import Lab, make_run, make_view

RUN_ID = "20260101-000000-12345678"
METHODS = ["nce", "gmm", "bad"]
SIDE = 8


def surface(folder: Path) -> None:
    """A bowl beside the truth, which is a bowl too."""
    axis = (np.arange(SIDE) + 0.5) / SIDE * 6 - 3
    energy = (axis[:, None] ** 2 + axis**2).ravel() / 2
    log_p = -energy - np.log(np.exp(-energy).sum() * (6 / SIDE) ** 2)
    np.savez(folder / "surface.npz", energy=energy, iso_log_density=log_p, log_p=log_p, lattice=np.array([SIDE, SIDE]))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three methods on two datasets, one of which failed; and another run, which is not the latest."""
    lab = Lab(tmp_path_factory.mktemp("results"))
    for dataset in ("moons", "rings"):
        for k, row in enumerate(METHODS[:2]):
            trial = lab.trial(row, {"skill": 0.5 + k / 10, "kl": 0.25}, dataset=dataset)
            surface(trial.folder.path)
            trial.folder.seal(Status.OK)
        lab.trial("bad", status=Status.DIVERGED, dataset=dataset)
    other = make_run([make_view("nce", key=lab.trials[0].view.key)], suite="smoke", run_id="20260202-000000-87654321")
    save_run(RunResult(other, lab.store))
    save_run(lab.result(suite="smoke", run_id=RUN_ID))
    (lab.root / "smoke" / "latest").write_text(RUN_ID + "\n")
    return lab.root


def report(results: Path, *args: str, suite: str = "smoke") -> Result:
    return CliRunner().invoke(group, ["report", suite, "--results", str(results), *args], standalone_mode=False)


def made(results: Path) -> Report:
    return Report(ebmbench.load("smoke", results).result)


@pytest.mark.long
def test_a_report_is_what_a_run_writes(results: Path, tmp_path: Path) -> None:
    """The product of the same reporter; on standard output as in a file."""
    for kind, written in (
        ("md", leaderboard(made(results))),
        ("csv", spreadsheet(made(results))),
        ("metrics", every_metric(made(results))),
    ):
        assert report(results, "--format", kind).stdout == written
        target = tmp_path / f"board.{kind}"
        done = report(results, "--format", kind, "-o", str(target))
        assert (done.exit_code, done.stdout) == (0, "")
        assert target.read_text() == written


def test_a_report_as_json_is_the_table_of_trials(results: Path) -> None:
    rows = json.loads(report(results, "--format", "json").stdout)
    assert [row["method"] for row in rows] == METHODS * 2
    assert [row["status"] for row in rows] == ["ok", "ok", "diverged"] * 2


def test_a_report_is_narrowed_as_a_run_is(results: Path) -> None:
    done = report(results, "--format", "json", "-k", "nce and moons")
    assert [row["name"] for row in json.loads(done.stdout)] == ["nce/moons/0/cpu"]
    nothing = report(results, "-k", "nobody")
    assert isinstance(nothing.exception, UsageError)
    assert str(nothing.exception) == "-k 'nobody': no trial of this run has such a name"


@pytest.mark.long
def test_a_report_draws_the_surfaces(results: Path, tmp_path: Path) -> None:
    """A png of as many panels as are asked for."""
    sizes = []
    for keyword in ("nce or gmm", "nce"):
        target = tmp_path / "surfaces.png"
        done = report(results, "--format", "png", "-k", keyword, "-o", str(target))
        assert (done.exit_code, done.stdout) == (0, ""), done.exception
        content = target.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        sizes.append(struct.unpack(">II", content[16:24]))
    assert sizes[0] == sizes[1], "a page is as wide as it is; a panel less"
    no_file = report(results, "--format", "png")
    assert str(no_file.exception) == "--format png needs a file: -o surfaces.png"


def test_without_a_surface_nothing_is_drawn(results: Path, tmp_path: Path) -> None:
    done = report(results, "--format", "png", "-k", "bad", "-o", str(tmp_path / "surfaces.png"))
    assert str(done.exception) == "--format png: these trials have nothing to show in it"
    assert not (tmp_path / "surfaces.png").exists()


def test_a_damaged_surface_is_a_line_and_no_end(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    path = ebmbench.load("smoke", tmp_path / "copy").result.trials[0].folder.file("surface.npz")
    content = bytearray(path.read_bytes())
    content[99] ^= 1
    path.write_bytes(content)
    done = report(tmp_path / "copy", "--format", "png", "-k", "moons", "-o", str(tmp_path / "surfaces.png"))
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("nce/moons/0/cpu: ")
    assert (tmp_path / "surfaces.png").exists()


def test_a_report_for_people(results: Path) -> None:
    done = report(results)
    assert done.exit_code == 0
    assert "smoke" in done.stdout
    assert [method for method in METHODS if method not in done.stdout] == []
    assert "\x1b" not in done.stdout, "no colors when it is not a terminal"


@pytest.mark.long
def test_a_report_for_people_is_markdown_in_a_file(results: Path, tmp_path: Path) -> None:
    assert report(results, "-o", str(tmp_path / "board.md")).exit_code == 0
    assert (tmp_path / "board.md").read_text() == leaderboard(made(results))


@pytest.mark.long
def test_a_report_of_a_suite_by_its_path(results: Path, tmp_path: Path) -> None:
    """Suites by path or by name: what counts is the name in the file."""
    shutil.copy(Path(ebmbench.__file__).parents[1] / "suites" / "smoke.yaml", tmp_path / "renamed.yaml")
    done = report(results, "--format", "csv", suite=str(tmp_path / "renamed.yaml"))
    assert done.exit_code == 0, done.exception
    assert done.stdout == spreadsheet(made(results))


def test_a_report_of_any_run_by_its_id(results: Path) -> None:
    done = report(results, "--format", "json", suite="20260202-000000-87654321")
    assert [row["name"] for row in json.loads(done.stdout)] == ["nce/moons/0/cpu"]
    assert {row["run_id"] for row in json.loads(done.stdout)} == {"20260202-000000-87654321"}


def test_a_newer_narrowed_run_is_named_and_not_shown(results: Path, tmp_path: Path) -> None:
    """It is named beside the board, and nowhere in the document."""
    lab = Lab(tmp_path / "with space")
    lab.trial("nce", {"kl": 0.25})
    save_run(lab.result(suite="smoke", run_id=RUN_ID))
    (lab.root / "smoke" / "latest").write_text(RUN_ID + "\n")
    assert report(lab.root).stderr == "", "it is the newest"
    narrowed = lab.result(suite="smoke", run_id="20260303-000000-87654321", full=False)
    save_run(narrowed)
    os.utime(lab.store.run_dir("smoke", RUN_ID) / "run.json", (1, 1))
    done = report(lab.root, "--format", "json")
    assert {row["run_id"] for row in json.loads(done.stdout)} == {RUN_ID}
    command = f"ebmbench report 20260303-000000-87654321 --results '{lab.root}'"
    newer = "20260303-000000-87654321, which was narrowed by -k, --seeds or --set"
    assert done.stderr == f"this is the last full run; newer is {newer}: {command}\n"
    assert report(lab.root, suite=narrowed.record.run_id).stderr == "", "it was asked for by its id"


@pytest.mark.parametrize(("full", "how"), [(False, "was narrowed by -k, --seeds or --set"), (True, "has not ended")])
def test_without_a_full_run_the_newest_is_shown_and_it_is_said(tmp_path: Path, full: bool, how: str) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.25})
    save_run(lab.result(suite="smoke", run_id=RUN_ID, full=full))
    done = report(tmp_path)
    assert "nce" in done.stdout
    assert done.stderr == f"no full run of smoke has come to its end: this is {RUN_ID}, which {how}\n"


def test_what_cannot_be_written_is_said(results: Path, tmp_path: Path) -> None:
    done = report(results, "--format", "csv", "-o", str(tmp_path / "nowhere" / "board.csv"))
    assert "cannot be written: No such file or directory" in str(done.exception)


# --- a plugin's reporter ---------------------------------------------------------------------------------------------

PLUGIN = '''
from ebmbench.api import ReporterSpec, hookimpl


def best(report):
    """The best method's name, and where it stands."""
    board = report.leaderboard
    return f"{board.best} of {len(board.methods)} on {', '.join(board.datasets)}\\n"


def blob(report):
    return b"\\x00\\xff"


@hookimpl
def ebmbench_reporters():
    yield ReporterSpec("best", best, "the best method")
    yield ReporterSpec("blob", blob, "bytes", product="blob.bin")
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path / "mine.py"


@pytest.mark.long
@pytest.mark.parametrize("before", [True, False])
def test_a_reporter_of_a_plugin_is_a_format(results: Path, plugin: Path, before: bool) -> None:
    option = ["-p", str(plugin)]
    verb = ["report", "smoke", "--format", "best", "--results", str(results)]
    args = [*option, *verb] if before else [*verb, *option]
    done = CliRunner().invoke(group, args, standalone_mode=False)
    assert done.stdout == "nce of 3 on moons, rings\n"


def test_its_bytes_need_a_file(results: Path, plugin: Path, tmp_path: Path) -> None:
    refused = report(results, "--format", "blob", "-p", str(plugin))
    assert str(refused.exception).startswith("--format blob needs a file")
    assert report(results, "--format", "blob", "-p", str(plugin), "-o", str(tmp_path / "blob")).exit_code == 0
    assert (tmp_path / "blob").read_bytes() == b"\x00\xff"


def test_without_the_plugin_there_is_no_such_format(results: Path) -> None:
    done = report(results, "--format", "best")
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == "no format 'best'; did you mean 'forest'?"
