"""A whole trial of a method in a folder that is thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.trial import tried
from tests.conformance.mistakes import METHOD


@pytest.mark.process
def test_one_that_ends_well_says_nothing_and_one_that_raises_is_said(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(METHOD)
    wrong.write_text(METHOD.replace("        y = batch.y\n", "        raise RuntimeError('no luck')\n"))
    said = [list(tried(load_catalog([file]).methods["mine"].spec, "continuous", file)) for file in (right, wrong)]
    assert said[0] == []
    assert [(one.check, "no luck" in one.seen) for one in said[1]] == [("trial", True)]
