"""A report with surfaces, made once."""

from __future__ import annotations

import pytest

from ebmbench.report.report import Report
from tests.report.page.boards import hung_report


@pytest.fixture(scope="package")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return hung_report(tmp_path_factory.mktemp("hung"))
