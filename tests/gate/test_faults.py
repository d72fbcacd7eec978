"""The command itself where there is nothing to judge: one sentence, exit code 2, no traceback.

The long ones are in tests/faults/test_gate_faults.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.gates import GatePlace

pytestmark = [pytest.mark.process, pytest.mark.long]

GATE = ("gate", "--suite", "tiny.yaml")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> GatePlace:
    return GatePlace.of(tmp_path_factory.mktemp("gates") / "repository")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*GATE, "--base", "nobody"), "error: --base nobody: no such commit, branch or tag here; branches: main"),
        (
            ("bisect", "--good", "HEAD", "--bad", "main", "-k", "mine", "--suite", "tiny.yaml"),
            "--good HEAD and --bad main are the same commit",
        ),
    ],
)
def test_commits_that_are_not_there(place: GatePlace, options: tuple[str, ...], said: str) -> None:
    done = place.run(*options)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert place.worktrees == 1


def test_no_git_at_all(place: GatePlace, tmp_path: Path) -> None:
    done = place.run(*GATE, PATH=str(tmp_path))
    assert (done.code, done.out, done.err) == (2, "", "error: git rev-parse: there is no program 'git' here\n")


def test_no_repository(place: GatePlace, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text((place.folder / "tiny.yaml").read_text())
    done = GatePlace(tmp_path).run(*GATE, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: git rev-parse: fatal: not a git repository")
