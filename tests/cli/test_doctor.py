"""``ebmbench doctor``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ebmbench import doctor
from ebmbench.cli import group
from ebmbench.doctor import Sign, State


@pytest.mark.parametrize(("state", "code"), [(State.OK, 0), (State.DOUBTFUL, 0), (State.BAD, 1)])
def test_only_what_is_bad_is_one(state: State, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examined", lambda results, catalog: iter([Sign("disk", state, "full", "empty it")]))
    done = CliRunner().invoke(group, ["doctor"])
    assert done.exit_code == code
    assert [line.strip() for line in done.stdout.splitlines()] == [f"{state.value:8s}  disk: full".strip(), "empty it"]


def test_as_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["doctor", "--json", "--results", str(tmp_path)])
    titles = [sign["title"] for sign in json.loads(done.stdout)]
    assert {"python", "timer", "mlflow", "plugins"} <= set(titles)
