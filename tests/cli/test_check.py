"""``ebmbench check``: by file, by plugin, by name; its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.errors import UsageError
from tests.conformance.mistakes import DATASET, MISTAKES


def check(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["check", *arguments])


@pytest.mark.long
def test_what_is_right_is_zero_and_what_is_wrong_one(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(DATASET)
    wrong.write_text(
        next(m for m in MISTAKES if m.title == "the score has another sign").source.replace('"blob"', '"b2"')
    )
    done = check(str(right))
    assert done.exit_code == 0
    assert "dataset blob: 9 checks passed, nothing wrong" in done.stdout
    done = check(str(right), str(wrong), "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert [(one["name"], [f["check"] for f in one["findings"]]) for one in found] == [("blob", []), ("b2", ["score"])]


@pytest.mark.long
def test_one_of_ours_by_its_name() -> None:
    assert "metric kl: 4 checks passed, nothing wrong" in check("kl").stdout


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.py"
    nothing.write_text("")
    for name, said in (("kll", "'kl'"), (str(nothing), "offers no method"), ("nosuch.py", "cannot be read")):
        done = check(name)
        assert isinstance(done.exception, UsageError), done.output
        assert said in str(done.exception)


def test_a_plugin_that_does_not_import_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nosuch")
    done = check(str(broken))
    assert "No module named 'nosuch'" in done.stderr
    assert done.exit_code == 1
