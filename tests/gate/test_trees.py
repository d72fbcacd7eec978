"""The two trees: a checkout, and a worktree of the base that is gone afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ebmbench.errors import UsageError
from ebmbench.gate.trees import commit_of, environment_of, head_tree, tree_of
from tests.repositories import commit, git, start

PROJECT = '[project]\nname = "plugin"\ndependencies = ["torch>=2"]\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package under src, with two commits: it says 1, then 2."""
    root = start(tmp_path / "plugin")
    for number in (1, 2):
        commit(root, f"it says {number}", {"pyproject.toml": PROJECT, "src/said.py": f"NUMBER = {number}\n"})
    monkeypatch.syspath_prepend(str(root / "src"))
    return root


def test_the_checkout_as_it_stands(repository: Path) -> None:
    tree = head_tree(repository / "src")
    assert (tree.root, tree.packages, tree.dirty) == (repository, (repository / "src",), False)
    assert tree.label == git(repository, "rev-parse", "--short=8", "HEAD")
    (repository / "src" / "said.py").write_text("NUMBER = 3\n")
    assert head_tree(repository).label == f"{tree.label} with changes"


def test_what_else_is_on_the_path_stays(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(repository / "src"), str(tmp_path), ""]))
    head = head_tree(repository)
    assert head.others == (tmp_path.resolve(),)
    with tree_of(head, "HEAD", tmp_path / "g", "base", "--base") as base:
        assert base.others == head.others


def test_the_base_is_there_meanwhile_and_then_gone(repository: Path, tmp_path: Path) -> None:
    place = tmp_path / "results" / "gate"
    with tree_of(head_tree(repository), "HEAD~1", place, "base", "--base") as base:
        assert (base.packages[0] / "said.py").read_text() == "NUMBER = 1\n"
        assert base.label == f"HEAD~1 ({git(repository, 'rev-parse', '--short=8', 'HEAD~1')})"
        assert base.python == Path(sys.executable)
        root = base.root
    assert not root.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""


def test_it_is_gone_after_an_error_too_and_what_a_killed_gate_left(repository: Path, tmp_path: Path) -> None:
    place, head = tmp_path / "gate", head_tree(repository)
    git(repository, "worktree", "add", "--detach", str(place / "base"), "HEAD")  # nobody took it away

    def interrupted() -> None:
        with tree_of(head, "HEAD~1", place, "base", "--base") as base:
            assert (base.packages[0] / "said.py").read_text() == "NUMBER = 1\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_several_commits_at_a_time(repository: Path, tmp_path: Path) -> None:
    head = head_tree(repository)
    with (
        tree_of(head, "HEAD~1", tmp_path / "g", "good", "--good") as good,
        tree_of(head, "main", tmp_path / "g", "step", "--bad") as step,
    ):
        said = [(tree.packages[0] / "said.py").read_text() for tree in (good, step)]
        assert said == ["NUMBER = 1\n", "NUMBER = 2\n"]
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_an_unknown_commit_of_a_shallow_clone(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(UsageError, match="this clone is shallow"):
        commit_of(tmp_path / "shallow", "HEAD~1", "--base")


@pytest.mark.parametrize("name", ["nonsense", "--all", "HEAD~99", "a b", ""])
def test_an_unknown_commit(repository: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"--good .*: no such commit, branch or tag here; branches: main"):
        commit_of(repository, name, "--good")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not a git repository"):
        head_tree(tmp_path)


def test_no_git_and_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(UsageError, match=r"has no commit yet"):
        head_tree(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"git rev-parse: there is no program 'git' here"):
        head_tree(tmp_path)


def test_what_an_environment_is_made_of(repository: Path) -> None:
    before = environment_of(repository)
    (repository / "pyproject.toml").write_text(f'{PROJECT}description = "more"\n[tool.ruff]\nline-length = 9\n')
    assert environment_of(repository) == before
    (repository / "pyproject.toml").write_text(PROJECT.replace("torch>=2", "torch>=3"))
    assert environment_of(repository) != before
    (repository / "pyproject.toml").write_text(PROJECT)
    (repository / "constraints.txt").write_text("torch==2.13.0\n")
    assert environment_of(repository) != before


@pytest.mark.process
@pytest.mark.long
def test_a_base_that_cannot_be_installed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (repository / "pyproject.toml").write_text(PROJECT.replace("torch>=2", "torch>=2.1"))
    head = head_tree(repository)
    with (
        pytest.raises(UsageError, match=r"HEAD \([0-9a-f]{8}\): its environment cannot be made"),
        tree_of(head, "HEAD", tmp_path / "g", "base", "--base"),
    ):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1
