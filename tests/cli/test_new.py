"""``ebmbench new``: what it writes and says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ebmbench.cli import group
from ebmbench.errors import UsageError


def test_it_writes_a_method_and_says_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, ["new", "method", "mine", "--strategy", "A4"], standalone_mode=False)
    assert done.exception is None
    assert done.stdout.splitlines() == ["ebmbench check mine.py", "ebmbench run mine.yaml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "mine.yaml", "test_mine.py"]
    assert "Strategy.A4" in (tmp_path / "mine.py").read_text()


def test_a_package_begins_with_its_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, ["new", "metric", "mine", "--package"], standalone_mode=False)
    assert done.stdout.splitlines()[:2] == ["cd ebmbench-mine", 'pip install -e ".[dev]"']


def test_a_name_that_is_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, ["new", "method", "nce"], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "is offered by ebmbench" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
