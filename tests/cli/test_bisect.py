"""``bisect`` on the command line: what is asked for, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.gate import bisect as module
from ebmbench.gate.bisect import Found, Step
from ebmbench.gate.commits import Commit
from ebmbench.gate.searching import Judged
from ebmbench.gate.session import Asked
from ebmbench.gate.verdicts import compared

STEP = Step(Commit("2" * 40, "2026-01-02", "two rounds"), Judged.BAD, compared("nce", "gradient_rows", 1, 2))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the search is asked for; it finds one commit."""
    given: list[Any] = []

    def bisect(asked: Asked, good: str, bad: str, metric: str | None, tell: Callable[[Step], None]) -> Found:
        given.append((asked, good, bad, metric))
        asked.notice("nce: counting\x1b its steps")
        tell(STEP)
        return Found("smoke", "here", good, "gradient_rows", (STEP.commit,), (STEP,))

    monkeypatch.setattr(module, "bisect", bisect)
    return given


def ebmbench(*args: str) -> Result:
    return CliRunner().invoke(group, args, prog_name="ebmbench")


def test_what_is_asked_for_and_said(asked: list[Any]) -> None:
    done = ebmbench("bisect", "--good", "v1", "--bad", "main", "-k", "nce", "--metric", "kl", "--budget-minutes", "3")
    assert done.exit_code == 0
    ((given, *rest),) = asked
    assert rest == ["v1", "main", "kl"]
    assert (given.keyword, given.minutes, given.suite) == ("nce", 3.0, None)
    assert done.stdout.startswith("first bad commit: 22222222 two rounds (2026-01-02)\n")
    assert "22222222 bad (two rounds): nce: work regressed: gradient_rows 1 -> 2" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_document(asked: list[Any]) -> None:
    done = ebmbench("bisect", "--good", "v1", "--bad", "main", "-k", "nce", "--json")
    assert json.loads(done.stdout)["first_bad"] == "2" * 40
    assert asked[0][-1] is None


@pytest.mark.parametrize("missing", ["--good", "--bad", "-k"])
def test_what_must_be_said(asked: list[Any], missing: str) -> None:
    given = {"--good": "v1", "--bad": "main", "-k": "nce"}
    args = [word for name, value in given.items() if name != missing for word in (name, value)]
    done = ebmbench("bisect", *args)
    assert done.exit_code == 2
    assert asked == []
