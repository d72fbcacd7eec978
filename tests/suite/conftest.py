"""Suite files to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import Suite
from tests.suites import Read


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """See ``Read``."""

    def run(content: str | bytes, *overrides: str) -> Suite:
        path = tmp_path / "suite.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_suite(str(path), overrides)[0]

    return run
