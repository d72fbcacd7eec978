"""The commit and the versions that a run was made with."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from ebmbench.planning import provenance
from ebmbench.planning.provenance import PACKAGES, commit_date, reopened, revision, versions
from ebmbench.store.records import Revision
from tests.factories import make_run

Answers = dict[tuple[Path, str], str]


class Git:
    """In the place of the program: answers what was foreseen, by folder and first word, and fails elsewhere."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(command)
        assert command[:2] == ["git", "-C"]
        assert options["timeout"] > 0
        found = self.answers.get((Path(command[2]), command[3]))
        if found is None:
            raise subprocess.CalledProcessError(128, command)
        return subprocess.CompletedProcess(command, 0, found + "\n", "")


ONE, TWO = Path("/one"), Path("/two")


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({}, None),
        ({(ONE, "rev-parse"): "abc"}, Revision(commit="abc", dirty=False)),
        ({(ONE, "rev-parse"): "abc", (ONE, "status"): ""}, Revision(commit="abc", dirty=False)),
        ({(ONE, "rev-parse"): "abc", (ONE, "status"): " M file"}, Revision(commit="abc", dirty=True)),
        ({(TWO, "rev-parse"): "def"}, Revision(commit="def", dirty=False)),
        ({(ONE, "rev-parse"): "abc", (TWO, "rev-parse"): "def"}, Revision(commit="abc", dirty=False)),
    ],
)
def test_the_first_folder_in_a_repository_counts(
    monkeypatch: pytest.MonkeyPatch, answers: Answers, found: Revision | None
) -> None:
    monkeypatch.setattr(subprocess, "run", Git(answers))
    assert revision(ONE, TWO) == found


def test_the_date_of_a_commit_is_that_of_the_first_repository_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    git = Git({(TWO, "show"): "2026-01-31T10:00:00+01:00"})
    monkeypatch.setattr(subprocess, "run", git)
    found = commit_date("a" * 40, ONE, TWO)
    assert found is not None
    assert found.isoformat() == "2026-01-31T10:00:00+01:00"
    assert commit_date("a" * 40, ONE) is None
    asked = len(git.asked)
    assert commit_date("--output=/etc/passwd", TWO) is None
    assert len(git.asked) == asked


def test_files_that_git_does_not_know_make_nothing_dirty(monkeypatch: pytest.MonkeyPatch) -> None:
    git = Git({(ONE, "rev-parse"): "abc", (ONE, "status"): ""})
    monkeypatch.setattr(subprocess, "run", git)
    revision(ONE)
    assert "--untracked-files=no" in git.asked[-1], "results are written beside a suite"


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5), PermissionError()])
def test_without_git_there_is_no_revision(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*command: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert revision(ONE, TWO) is None


@pytest.mark.process
def test_a_real_repository(tmp_path: Path) -> None:
    """A commit, a change of what was committed, a file that was not; a folder inside counts as the repository does."""

    def git(*command: str) -> str:
        names = ["-c", "user.name=x", "-c", "user.email=x@y"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *names, *command], capture_output=True, text=True, check=True
        ).stdout

    git("init")
    assert revision(tmp_path) is None, "nothing is committed yet"
    (tmp_path / "suite.yaml").write_text("one")
    (tmp_path / "inside").mkdir()
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD").strip()
    (tmp_path / "inside" / "results.txt").write_text("new")
    assert revision(tmp_path / "inside") == Revision(commit=commit, dirty=False)
    (tmp_path / "suite.yaml").write_text("two")
    assert revision(tmp_path / "nowhere", tmp_path) == Revision(commit=commit, dirty=True)


def test_versions_are_those_of_python_and_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert versions() == {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}

    def absent(name: str) -> str:
        if name == "pandas":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(provenance, "version", absent)
    assert "pandas" not in versions()
    assert versions()["torch"] == "1.0"


def test_a_run_of_which_nothing_is_made_anew_keeps_the_commit_that_made_it(tmp_path: Path) -> None:
    old = Revision(commit="b" * 40, dirty=True)
    before = make_run(
        run_id="20250101-000000-12345678", revision=old, versions={"python": "3.0"}, machine={"cores": "1"}
    )
    planned = make_run()
    for working, kept in ((False, True), (True, False)):
        found = reopened(planned, before, working, tmp_path)
        assert (found.run_id, found.started) == (before.run_id, before.started)
        assert (found.revision == old) is kept
        assert (found.versions == {"python": "3.0"}) is kept
        assert (found.machine == {"cores": "1"}) is kept
    new = reopened(planned, None, False, tmp_path)
    assert new.run_id == planned.run_id
    assert new.versions == versions()
