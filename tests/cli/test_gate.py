"""The verb: what it is asked, what it writes, how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ebmbench.cli import group
from ebmbench.errors import UsageError
from ebmbench.gate import session
from ebmbench.gate.session import Asked
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict

FOUND = Finding("nce", Measure.TIME, "step", Verdict.REGRESSED, 1.052, 1.041, 1.063, 1.03, 12)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the verb asks the session for; it answers with one finding."""
    calls: list[tuple[str, Any]] = []

    def answer(kind: str) -> Any:
        def call(given: Asked, *more: Any) -> Judgement:
            calls.append((kind, (given, *more)))
            return Judgement("smoke", "main (1234abcd)", "4c8a8b9f", "here", (FOUND,), ("gmm",), seconds=75.0)

        return call

    for kind in ("with_base", "with_table", "with_benchmarks", "calibrate"):
        monkeypatch.setattr(session, kind, answer(kind))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return calls


def call(*arguments: str) -> Any:
    return CliRunner().invoke(group, ["gate", *arguments], standalone_mode=False)


def test_a_table_for_people_and_the_exit_code(asked: list[tuple[str, Any]]) -> None:
    done = call("--base", "main", "-k", "nce")
    assert done.exit_code == 3
    assert "+5.2 %" in done.stdout
    assert "untouched" in done.stdout
    ((kind, (given, base)),) = asked
    assert (kind, base, given.keyword, given.minutes) == ("with_base", "main", "nce", 10.0)


def test_all_files_from_one_judgement(
    asked: list[tuple[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("what another step said\n")
    files = {name: tmp_path / name for name in ("junit", "markdown", "benchmark-action", "bencher")}
    done = call("--json", *(word for name, file in files.items() for word in (f"--{name}", str(file))))
    assert json.loads(done.stdout)["verdict"] == "regressed"
    assert "+5.2 %" in done.stderr
    assert files["junit"].read_text().startswith("<?xml")
    assert json.loads(files["bencher"].read_text())
    assert json.loads(files["benchmark-action"].read_text())
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("what another step said\n")
    assert summary.endswith(files["markdown"].read_text())


def test_the_other_ways(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    call("--against", str(tmp_path))
    call("--calibrate")
    call("--benchmarks", "base.json", "head.json")
    call()
    assert [kind for kind, _ in asked] == ["with_table", "calibrate", "with_benchmarks", "with_base"]
    assert asked[2][1][1:] == (Path("base.json"), Path("head.json"))
    assert asked[-1][1][1] == "HEAD"


def test_two_ways_at_once() -> None:
    done = call("--base", "main", "--calibrate")
    assert isinstance(done.exception, UsageError)
    assert "--base and --calibrate: expected one of them" in str(done.exception)


def test_a_file_that_cannot_be_written(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    done = call("--junit", str(tmp_path / "nowhere" / "junit.xml"))
    assert "cannot be written" in str(done.exception)
