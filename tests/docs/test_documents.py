"""Every fenced command and block of the documents is run, in order, in one folder a document, in this process."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from tests.docs.blocks import Block, Command, Document
from tests.docs.reader import ROOT, Reader, Unlike, parsed, small

pytestmark = pytest.mark.long

NOT_RUN = {
    "make": "makes an environment and downloads what belongs into it; its targets are looked up",
    "python3 -m venv": "the same by hand",
    ".venv/bin/pip": "the same by hand",
    ".venv/bin/ebmbench run suites/toy2d.yaml": "ten to twenty minutes",
    "pip install": "needs an index; CI installs what `ebmbench new --package` writes",
    "cd ebmbench-mine": "a distribution that is not installed",
    "ebmbench check mine #": "the same",
    "ebmbench gate": "minutes, two commits and a process each; tests/gate and tests/cli have it",
}
"""Beginnings of commands, and why a test does not run them. Their options are held against the command line."""
SMALL = {"passes": 3000, "seeds": 2, "rows": 400}
"""What every suite is cut down to before it is run; its lattices are those of ``tests.planned.QUICK``."""

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").rglob("README.md")),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RUN = [path for path in DOCUMENTS if Document(path).blocks]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture
def folder(single_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a reader stands: in a folder with the suites of the repository, and nothing else of it."""
    (single_files / "suites").symlink_to(ROOT / "suites")
    monkeypatch.chdir(single_files)
    monkeypatch.setenv("COLUMNS", "100")
    with small(**SMALL):
        yield single_files


@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_a_document_does_what_it_says(path: Path, folder: Path) -> None:
    reader = Reader(folder, NOT_RUN)
    for block in Document(path).blocks:
        try:
            reader.do(block)
        except Exception as error:
            raise AssertionError(f"{name_of(path)}:{block.line}: {error}") from error


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_runs(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    runpy.run_path(str(path), run_name="__main__")
