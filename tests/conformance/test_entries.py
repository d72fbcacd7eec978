"""Whatever a plugin offers is held against the contract of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.entries import checked, components
from tests.conformance.mistakes import RIGHT


@pytest.mark.long
@pytest.mark.parametrize("kind", RIGHT)
def test_each_kind_has_its_own(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(RIGHT[kind])
    (entry,) = [entry for entry in components(load_catalog([file])) if entry.file == file]
    (found,) = checked(entry)
    assert (found.component_type, found.name, found.ok) == (kind, entry.spec.name, True)
