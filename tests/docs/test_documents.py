"""Every fenced command and block of the documents is run, in order, in one folder a document, in this process."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import Document
from tests.docs.reader import ROOT, Reader, parsed, small, without_pictures

NOT_RUN = {
    "make": "makes an environment and downloads what belongs into it; its targets are looked up",
    "python3 -m venv": "the same by hand",
    ".venv/bin/pip": "the same by hand",
    ".venv/bin/ebmbench run suites/toy2d.yaml": "ten to twenty minutes",
    "pip install": "needs an index",
    "cd ebmbench-mine": "a distribution that is not installed",
    "ebmbench check mine": "of that distribution",
    "ebmbench gate": "minutes, two commits and processes for each; tests/gate has it",
}
"""First words of commands, and why a test does not run them. Their options are held against the command line."""
ELSEWHERE = {
    ("README.md", "ebmbench check mine.py"): "docs/tutorial.md",
    ("docs/plugins.md", "ebmbench check mine.py"): "docs/tutorial.md",
    ("docs/plugins.md", "ebmbench run mine.yaml"): "docs/tutorial.md",
}
"""Commands that give a document nothing that it goes on with, and where the very same are run."""
SMALL = {"passes": 1000, "seeds": 1, "rows": 200}
"""What every suite is cut down to before it is run, without its sweep; its lattices are ``tests.planned.QUICK``."""

README = ROOT / "README.md"
DOCUMENTS = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").rglob("README.md")),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
DIRECTION = re.compile(r"\b(up|down|one|zero|none)\b")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture
def folder(single_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a reader stands: in a folder with the suites of the repository, and nothing else of it."""
    (single_files / "suites").symlink_to(ROOT / "suites")
    monkeypatch.chdir(single_files)
    monkeypatch.setenv("MPLBACKEND", "agg")
    with small(**SMALL):
        yield single_files


def read(path: Path, folder: Path) -> None:
    """Do all that a document says."""
    elsewhere = [command for name, command in ELSEWHERE if name == name_of(path)]
    reader = Reader(folder, [*NOT_RUN, *elsewhere])
    for block in Document(path).blocks:
        try:
            reader.do(block)
        except Exception as error:
            raise AssertionError(f"{name_of(path)}:{block.line}: {error}") from error


@pytest.mark.long
def test_the_readme_does_what_it_says(folder: Path) -> None:
    """All that it says a run of toy2d writes is there, of a smaller suite."""
    read(README, folder)
    (said,) = (block.text for block in Document(README).blocks if "leaderboard.md, leaderboard.csv" in block.text)
    names = re.findall(r"(?:results/toy2d/(?:runs/<run>/)?)([\w.]+)(?:, ([\w.]+))?", said)
    smoke = folder / "results" / "smoke"
    run = smoke / "runs" / (smoke / "latest").read_text().strip()
    assert {name for pair in names for name in pair if name} - {path.name for path in run.iterdir()} == set()


@pytest.mark.long
@pytest.mark.parametrize("path", [path for path in DOCUMENTS[1:] if Document(path).blocks], ids=name_of)
def test_a_document_does_what_it_says(path: Path, folder: Path) -> None:
    with without_pictures():
        read(path, folder)


@pytest.mark.long
@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_runs(path: Path, folder: Path) -> None:
    with without_pictures():
        runpy.run_path(str(path), run_name="__main__")


def test_the_table_of_what_is_not_run_names_nothing_else() -> None:
    typed = [command.words for path in DOCUMENTS for block in Document(path).blocks for command in block.commands]
    assert [
        start for start in NOT_RUN if not any(words[: len(start.split())] == start.split() for words in typed)
    ] == []
    for (name, command), other in ELSEWHERE.items():
        for path in (name, other):
            blocks = Document(ROOT / path).blocks
            assert command in [" ".join(one.words) for block in blocks for one in block.commands], (path, command)
        assert (other, command) not in ELSEWHERE


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_command_within_a_sentence_exists(path: Path) -> None:
    for text in Document(path).mentioned:
        parsed(text.split(), whole=False)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_link_leads_somewhere(path: Path) -> None:
    for link in Document(path).links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in Document(target).anchors, link
