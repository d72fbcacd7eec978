"""A whole trial of a method in a folder that is thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.trial import tried
from tests.conformance.mistakes import METHOD


@pytest.mark.process
def test_one_that_raises_is_said(tmp_path: Path) -> None:
    """One that ends well says nothing: tests/scaffold/test_package.py has it."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(METHOD.replace("        y = batch.y\n", "        raise RuntimeError('no luck')\n"))
    (said,) = tried(load_catalog([wrong]).methods["mine"].spec, "continuous", wrong)
    assert (said.check, "no luck" in said.seen) == ("trial", True)
