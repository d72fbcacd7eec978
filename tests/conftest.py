"""What every test may rely on: one thread, no telemetry, and no plugin of another test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebmbench.identity.closure import LOCAL

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def single_files(tmp_path: Path) -> Iterator[Path]:
    """A folder for single-file plugins; what they register in sys.modules is taken out again."""
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(LOCAL):
            del sys.modules[name]
