"""The kit on the text of a plugin."""

from __future__ import annotations

from pathlib import Path

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance import datasets, methods, metrics
from ebmbench.conformance.findings import Checked
from tests.conformance.mistakes import Mistake


def checked(kind: str, source: str, folder: Path) -> Checked:
    """What it says of a file with that text."""
    file = folder / "mine.py"
    file.write_text(source)
    catalog = load_catalog([file])
    assert not catalog.broken
    (entry,) = [entry for entry in getattr(catalog, f"{kind}s").values() if entry.file == file]
    if kind == "dataset":
        return datasets.checked(entry.spec, entry.load())
    if kind == "metric":
        return metrics.checked(entry.spec, entry.load())
    (found,) = methods.checked(entry.spec, entry.load())
    return found


def assert_caught(mistake: Mistake, folder: Path) -> None:
    """By the name of its check, in the words that help, at a line of its file."""
    found = checked(mistake.kind, mistake.source, folder)
    said = [finding for finding in found.findings if finding.check == mistake.check]
    assert mistake.says in "".join(map(str, said)), str(found)
    assert all("mine.py:" in finding.where for finding in said), str(found)
    # what is wrong in one way may be wrong in another: a handful of findings at most, or nobody reads them
    assert len(found.findings) <= 4, str(found)
