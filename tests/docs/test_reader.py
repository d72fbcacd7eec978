"""The reader of documents: what is wrong in a document is said, and what is right is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Block, Document
from tests.docs.reader import Reader, Unlike, parsed


def block(text: str, language: str = "sh") -> Block:
    return Block(1, language, text)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path, ["ebmbench gate", "make"])


def test_a_document_is_taken_apart(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# One\nSee [it](b.md#two), `ebmbench list\nmethods`.\n\n"
        "```sh\nebmbench plan x  # why\nebmbench run \\\n  x\n```\n"
        "```text\n$ ebmbench info x\nan answer\n$ ebmbench list\n```\n"
    )
    document = Document(tmp_path / "a.md")
    assert [(b.line, b.language) for b in document.blocks] == [(5, "sh"), (10, "text")]
    assert [c.words for c in document.blocks[0].commands] == [["ebmbench", "plan", "x"], ["ebmbench", "run", "x"]]
    assert [(c.line, c.shown) for c in document.blocks[1].commands] == [(11, "an answer\n"), (13, "")]
    assert document.mentioned == ["ebmbench list methods"]
    assert document.links == ["b.md#two"]
    assert document.anchors == {"one"}


def test_the_answer_is_compared_word_by_word(reader: Reader) -> None:
    reader.do(block("$ ebmbench list strategies\nC1  push down 99\n...\n", "text"))
    with pytest.raises(Unlike, match="does not say elephants"):
        reader.do(block("$ ebmbench list strategies\nelephants\n", "text"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ebmbench list nothing", "nothing"),
        ("ebmbench run no_such_suite", "no_such_suite"),
        ("ebmbench gate --bass main", "--bass"),
        ("make bread", "no such target"),
        ("rm -rf /", "neither run"),
    ],
)
def test_a_wrong_command_is_said(reader: Reader, text: str, what: str) -> None:
    with pytest.raises(Unlike, match=what):
        reader.do(block(text))


def test_what_is_not_run_is_parsed_all_the_same(reader: Reader) -> None:
    reader.do(block("ebmbench gate --base main\nmake test lint"))
    parsed(["ebmbench", "history", "show", "--file", "x"])
    with pytest.raises(Unlike, match="--fill"):
        parsed(["ebmbench", "history", "show", "--fill", "x"])


def test_python_is_one_session_and_its_tests_are_called(reader: Reader) -> None:
    reader.do(block("n = 1", "python"))
    with pytest.raises(ZeroDivisionError):
        reader.do(block("def test_n():\n    assert n / 0\n", "python"))
    with pytest.raises(NameError):
        reader.do(block("m", "python"))


def test_a_block_that_names_a_file_is_one(reader: Reader) -> None:
    reader.do(block("# mine.py\nraise SystemExit\n", "python"))
    reader.do(block("name: own\ndatasets: [moons]\nmethods: [nce]\nbudget: {steps: 1}\n", "yaml"))
    assert sorted(path.name for path in reader.folder.iterdir()) == ["mine.py", "own.yaml"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("tolerances: {time: fast}", "yaml"), ("name = ", "toml"), ("{", "json"), ("x", "fortran"), ("x", "")],
)
def test_a_block_that_says_nonsense_is_refused(reader: Reader, text: str, language: str) -> None:
    with pytest.raises(Exception, match=r"."):
        reader.do(block(text, language))
