"""``ebmbench history``: what is added, shown and drawn."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.errors import UsageError
from ebmbench.gate.history import changes, recording
from ebmbench.gate.history.lines import append, read
from ebmbench.store.records import Revision
from ebmbench.store.runs import save_run
from tests.factories import Lab, make_attempt
from tests.histories import FIRST, commit, make_line, make_lines

RUN = "20260101-000000-12345678"


@pytest.fixture(autouse=True)
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the commit, it was made on the first of January."""
    monkeypatch.setattr(recording, "commit_date", lambda name, *folders: FIRST)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A store with a full run of a suite of two methods."""
    lab = Lab(tmp_path / "results")
    for seed in range(3):
        for row, kl in (("nce", 0.25), ("gmm", 0.5)):
            lab.trial(row, {"kl": kl, "skill": 0.5}, seed=seed, attempt=make_attempt(machine_id="m"))
    save_run(lab.result(suite="smoke", run_id=RUN, revision=Revision(commit=commit(0), dirty=False)))
    (lab.root / "smoke" / "latest").write_text(RUN + "\n")
    return lab.root


def history(*args: str, results: Path, width: int = 200) -> Result:
    arguments = ["history", *args, "--results", str(results)]
    return CliRunner(env={"COLUMNS": str(width)}).invoke(group, arguments, standalone_mode=False)


def written(results: Path) -> Path:
    """A history of forty commits: nce costs one operation more from the thirtieth on, and its loss is noise."""
    results.mkdir(exist_ok=True)
    noise = np.exp(0.03 * np.random.default_rng(0).normal(size=40))
    noise[20:] *= 1.2
    lines = make_lines([float(x) for x in noise]) + make_lines(
        [100.0] * 30 + [101.0] * 10, measure="operations", unit="", spread=0.0
    )
    random.Random(0).shuffle(lines)
    append(results / "history.jsonl", lines)
    return results / "history.jsonl"


# --- add -------------------------------------------------------------------------------------------------------------


def test_a_run_is_added_once(results: Path) -> None:
    file = results / "history.jsonl"
    first = history("add", "smoke", results=results)
    assert first.exit_code == 0, first.exception
    assert first.stdout == f"{file}: 16 lines added\n"
    again = history("add", RUN, results=results)
    assert again.stdout == f"{file}: 0 lines added, 16 were there already\n"
    found = read(file)
    assert len(found.lines) == 16
    assert {line.commit for line in found.lines} == {commit(0)}


def test_another_file_may_be_named(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "mine.jsonl"
    assert history("add", "smoke", "--file", str(file), results=results).exit_code == 0
    assert not (results / "history.jsonl").exists()
    assert "nce" in history("show", "--file", str(file), results=results).stdout


def test_a_torn_history_is_said_and_added_to(results: Path) -> None:
    file = results / "history.jsonl"
    file.write_text('{"commit": "ab')
    done = history("add", "smoke", results=results)
    assert "line 1 is damaged" in done.stderr
    assert len(read(file).lines) == 16


def test_what_cannot_be_added_is_bad_input(results: Path, tmp_path: Path) -> None:
    none = history("add", "smok", results=results)
    assert isinstance(none.exception, UsageError)
    assert "did you mean 'smoke'?" in str(none.exception)
    (tmp_path / "file").write_text("")
    refused = history("add", "smoke", "--file", str(tmp_path / "file" / "below"), results=results)
    assert refused.exit_code != 0
    assert "cannot be written" in str(refused.exception)


# --- show ------------------------------------------------------------------------------------------------------------


def test_the_table_names_last_values_and_commits_of_changes(tmp_path: Path) -> None:
    pytest.importorskip("ruptures")
    written(tmp_path)
    done = history("show", results=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    (operations,) = (line for line in done.stdout.splitlines() if "operations" in line)
    assert operations.split() == [
        "nce",
        "moons",
        "operations",
        "101",
        "0",
        "40",
        "x1.01",
        "at",
        commit(30)[:7],
        "(2026-01-31)",
    ]
    (kl,) = (line for line in done.stdout.splitlines() if " kl " in line)
    assert f"at {commit(20)[:7]} (2026-01-21)" in kl


def test_json_has_all_of_it(tmp_path: Path) -> None:
    pytest.importorskip("ruptures")
    written(tmp_path)
    found = json.loads(history("show", "smoke", "--measure", "operations", "--json", results=tmp_path).stdout)
    assert found == [
        {
            "suite": "smoke",
            "method": "nce",
            "dataset": "moons",
            "measure": "operations",
            "machine": "",
            "last": {
                "median": 101.0,
                "spread": 0.0,
                "n": 3,
                "unit": "",
                "scale": "ratio",
                "commit": commit(39),
                "committed": "2026-02-09T00:00:00Z",
            },
            "commits": 40,
            "changes": [
                {
                    "commit": commit(30),
                    "committed": "2026-01-31T00:00:00Z",
                    "before": commit(29),
                    "factor": 1.01,
                }
            ],
        }
    ]


def test_many_changes_are_counted_and_failures_named(tmp_path: Path) -> None:
    values = [float(k) for k in range(6)]
    append(tmp_path / "history.jsonl", make_lines(values, measure="passes") + make_lines([1.0, None], method="pcd"))
    out = history("show", results=tmp_path).stdout
    told = ("x1.25 at 0005ccc (2026-01-06)", "x1.333 at 0004ccc", "x1.5 at 0003ccc", "and 2 before")
    assert [words for words in told if words not in out] == []
    assert "0002ccc" not in out
    assert "failed" in next(line for line in out.splitlines() if "pcd" in line)
    changed = json.loads(history("show", "--measure", "passes", "--json", results=tmp_path).stdout)[0]["changes"]
    assert changed[0]["factor"] is None, "infinite: JSON has no such number"


def test_without_ruptures_there_is_the_table_and_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "available", lambda: False)
    written(tmp_path)
    done = history("show", results=tmp_path)
    assert (done.exit_code, done.stderr) == (0, f"{changes.INSTALL}\n")
    assert "pip install 'ebmbench[gate]'" in done.stderr
    assert "x1.01 at" in done.stdout
    assert history("show", "--measure", "operations", results=tmp_path).stderr == "", "counters need none"


def test_only_what_was_asked_for_is_shown(tmp_path: Path) -> None:
    lines = [
        make_line(0, method=m, dataset=d, suite=s, machine="m") for m in ("nce", "pcd") for d in "xy" for s in "ab"
    ]
    append(tmp_path / "history.jsonl", lines)
    out = history("show", results=tmp_path).stdout
    assert out.split()[:5] == ["suite", "method", "dataset", "measure", "machine"]
    assert len(history("show", "a", "-k", "nce and not x", results=tmp_path).stdout.splitlines()) == 3
    for args, said in (
        (("c",), "no suite 'c'"),
        (("-k", "zzz"), "no series"),
        (("--measure", "kk"), "did you mean 'kl'"),
    ):
        done = history("show", *args, results=tmp_path)
        assert isinstance(done.exception, UsageError)
        assert said in str(done.exception)


def test_without_a_history_it_is_said_how_to_begin_one(tmp_path: Path) -> None:
    for verb in ("show", "plot"):
        done = history(verb, results=tmp_path)
        assert isinstance(done.exception, UsageError)
        assert "begin one with: ebmbench history add SUITE" in str(done.exception)


def test_hostile_names_drive_no_terminal(tmp_path: Path) -> None:
    append(tmp_path / "history.jsonl", [make_line(0, method="\x1b[31m[bold]x", unit="\x07", commit="\x1b]0;")])
    out = history("show", results=tmp_path).stdout
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]x" in out


# --- plot ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "begins"), [("h.svg", b"<?xml"), ("h.png", b"\x89PNG"), ("h.pdf", b"%PDF")])
def test_a_figure_is_written_as_its_suffix_says(tmp_path: Path, name: str, begins: bytes) -> None:
    append(tmp_path / "history.jsonl", make_lines([1.0, 2.0, 2.0], measure="passes"))
    done = history("plot", "-o", str(tmp_path / name), results=tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / name}\n")
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_figure_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    append(tmp_path / "history.jsonl", make_lines([1.0, 2.0], measure="passes"))
    wrong = history("plot", "-o", str(tmp_path / "h.gif"), results=tmp_path)
    assert isinstance(wrong.exception, UsageError)
    nowhere = history("plot", "-o", str(tmp_path / "none" / "h.svg"), results=tmp_path)
    assert "cannot be written: No such file" in str(nowhere.exception)


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("add", "SUITE --results --file"),
        ("show", "[SUITE] -k --measure --results --file --json"),
        ("plot", "[SUITE] -k --measure --results --file -o"),
    ],
)
def test_the_help_of_a_verb_names_its_options(verb: str, words: str) -> None:
    text = CliRunner(env={"COLUMNS": "100"}).invoke(group, ["history", verb, "--help"]).stdout
    assert [word for word in words.split() if word not in text] == []
