"""docs/defaults.md and the catalog say of the same methods that the truth chose a default."""

from __future__ import annotations

import re
from pathlib import Path

from ebmbench.catalog.loading import load_catalog

PAGE = Path(__file__).resolve().parents[2] / "docs" / "defaults.md"
PRESETS = {"cd_k_local", "cae_hutchinson"}
"""Of a class whose other record the page names."""


def test_the_records_name_the_methods_of_the_page() -> None:
    lines = PAGE.read_text().partition("## Method by method")[2].splitlines()
    rows = [line.split("|") for line in lines if line.startswith("| `")]
    said = {name for row in rows if "**the truth**" in row[3] for name in re.findall(r"`([a-z_]+)`", row[1])}
    held = {name for name, entry in load_catalog([]).methods.items() if entry.spec.tuned_on}
    assert held - PRESETS == said
