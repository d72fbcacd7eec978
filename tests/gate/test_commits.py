"""The commits between two others, of a repository with a merge and hostile words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.errors import UsageError
from ebmbench.gate.commits import between
from tests.repositories import commit, git, start


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """main: one, two, a merge of ``side``, three; ``other`` has nothing in common with it but the first."""
    root = start(tmp_path_factory.mktemp("commits"))
    commit(root, "one", {})
    git(root, "tag", "one")
    git(root, "branch", "side")
    git(root, "branch", "other")
    commit(root, "two", {})
    git(root, "switch", "-q", "side")
    commit(root, "aside", {})
    git(root, "switch", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "side", "-m", "merged")
    commit(root, "three \x1b[31m|\n\nand more of it", {})
    git(root, "switch", "-q", "other")
    commit(root, "elsewhere", {})
    git(root, "switch", "-q", "main")
    return root


def test_the_commits_in_order(repository: Path) -> None:
    found = between(repository, "one", "main")
    assert [one.subject for one in found] == ["two", "merged", "three \N{REPLACEMENT CHARACTER}[31m|"]
    assert found[-1].sha == git(repository, "rev-parse", "main")
    assert found[-1].short == found[-1].sha[:8]
    assert found[0].date == git(repository, "log", "-1", "--format=%aI", "main~2")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("nobody", "main", "--good nobody: no such commit"),
        ("one", "nobody", "--bad nobody: no such commit"),
        ("one", "one", "are the same commit"),
        ("main", "one", "--good main is no ancestor of --bad one"),
        ("other", "main", "--good other is no ancestor of --bad main"),
    ],
)
def test_what_cannot_be(repository: Path, good: str, bad: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        between(repository, good, bad)
