"""An executor that a module's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ebmbench.execution.local import LocalExecutor
from tests import workers
from tests.engines import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One for all tests that leave its server alone."""
    executor = LocalExecutor(Path("/results"), 600.0, 10**10)
    yield Engine(executor, tmp_path_factory.mktemp("engine"), workers.work)
    executor.close()
