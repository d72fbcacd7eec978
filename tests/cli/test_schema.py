"""``ebmbench schema``: to standard output or a file, with plugins of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ebmbench.cli import group
from ebmbench.errors import UsageError
from tests.conformance.mistakes import METHOD


@pytest.mark.long
def test_a_plugin_of_ones_own_is_in_it(tmp_path: Path) -> None:
    plugin, file = tmp_path / "mine.py", tmp_path / "suite.schema.json"
    plugin.write_text(METHOD)
    done = CliRunner().invoke(group, ["schema", "-p", str(plugin), "-o", str(file)], standalone_mode=False)
    assert done.exception is None
    told = json.loads(file.read_text())["properties"]["methods"]["items"]["anyOf"][1]["allOf"]
    (mine,) = [one["then"] for one in told if one["if"]["properties"]["name"]["const"] == "mine"]
    assert mine["properties"]["ratio"]["description"] == "noise samples per data point"


@pytest.mark.long
def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["schema", "-o", str(tmp_path / "no" / "such.json")], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "cannot be written" in str(done.exception)
