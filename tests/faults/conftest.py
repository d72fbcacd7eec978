"""The modules that take longest begin first: two processes share them, and neither is left alone with the last."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST = ("test_store_faults", "test_kills", "test_gate_faults", "test_faults", "test_resume")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In that order; all others after them, as they come."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    ours = item.path.parent == HERE and item.path.stem in LONGEST
    return LONGEST.index(item.path.stem) if ours else len(LONGEST)
