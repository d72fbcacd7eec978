"""Errors that a person reads: one line, of a bounded length, that drives no terminal; and the nearest right thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebmbench.errors import (
    MAX_LENGTH,
    WINDOW,
    SuiteError,
    UsageError,
    excerpt,
    one_line,
    printable,
    sentence,
    suggest,
)

TERMINAL = "\x1b]0;t\x07 \u202e\x00"


class Mute(Exception):
    """Fails even to say what is wrong."""

    def __str__(self) -> str:
        raise ValueError


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=1000), st.integers(20, 400))
def test_a_sentence_is_one_printable_line_of_a_bounded_length(text: str, limit: int) -> None:
    said = sentence(text, limit)
    assert len(said) <= limit
    assert said.isprintable()
    assert sentence(said, limit) == said


def test_a_long_sentence_loses_its_middle() -> None:
    """Its beginning says what it is about, its end what was expected."""
    said = sentence("begin " + "x" * 1000 + " end")
    assert said.startswith("begin xxx")
    assert said.endswith("xxx end")
    assert " ... " in said
    assert len(said) == MAX_LENGTH
    assert sentence("a\n  b\tc") == "a b c"


def test_printable_shows_where_something_was() -> None:
    assert printable("a\x1b[31mb é ñ 中 🙂") == "a\N{REPLACEMENT CHARACTER}[31mb é ñ 中 🙂"
    assert printable(TERMINAL).isprintable()
    assert len(printable(TERMINAL)) == len(TERMINAL)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no  luck\n at all"), "ValueError: no luck at all"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError"),
        (Mute(), "Mute: its message cannot be shown"),
        (ValueError("\x1b[31m"), "ValueError: \N{REPLACEMENT CHARACTER}[31m"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_an_exception_in_one_line(error: BaseException, said: str) -> None:
    assert one_line(error) == said


def test_a_long_exception_is_cut() -> None:
    said = one_line(ValueError("x" * 1000), limit=50)
    assert said == "ValueError: " + "x" * 35 + "..."


# --- suggestions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("nec", ["gmm", "nce", "pcd"], "; did you mean 'nce'?"),
        ("zzz", ["b", "a"], "; known: a, b"),
        ("zzz", [], ""),
        ("zzz", [f"k{number:02d}" for number in range(12)], "; known: " + ", ".join(f"k{n:02d}" for n in range(12))),
        (
            "zzz",
            [f"k{number:02d}" for number in range(13)],
            "; known: " + ", ".join(f"k{n:02d}" for n in range(12)) + ", ...",
        ),
    ],
)
def test_the_nearest_name_or_a_short_list(name: str, known: list[str], said: str) -> None:
    assert suggest(name, known) == said
    assert suggest(name, iter(reversed(known))) == said, "in whatever order they come"


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_usage_error_is_a_sentence_and_what_stands_below_it() -> None:
    error = UsageError(f"no\n {TERMINAL}", "\n    ready")
    first, below = str(error).split("\n")
    assert first.isprintable()
    assert below == "    ready"


def test_a_suite_error_says_where() -> None:
    error = SuiteError("wrong", Path("a/s.yaml"), 3, 7, "key:  value")
    assert str(error).splitlines() == ["a/s.yaml:3:7: wrong", "    key:  value", "          ^"]
    assert (error.message, error.path, error.line, error.column) == ("wrong", Path("a/s.yaml"), 3, 7)
    assert str(SuiteError("is empty", Path("s.yaml"))) == "s.yaml: is empty"
    assert str(SuiteError("datasets.0.name: wrong")).strip() == "datasets.0.name: wrong"


def test_an_error_without_a_place_begins_with_its_message() -> None:
    assert str(SuiteError("--set a=b: wrong")) == "--set a=b: wrong"


@pytest.mark.long
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=400), st.data())
def test_the_caret_stands_below_the_column(text: str, data: st.DataObject) -> None:
    """In a window of the line, where it is too long to be shown."""
    column = data.draw(st.integers(1, len(text)))
    blank, shown, caret = excerpt(text, column).split("\n")
    assert blank == ""
    assert len(shown) <= WINDOW + 4
    assert caret == " " * (len(caret) - 1) + "^"
    place = len(caret) - 1
    assert shown[place] == printable(text[column - 1].replace("\t", " "))


def test_a_column_beyond_the_line_stands_at_its_end() -> None:
    assert excerpt("ab", 9) == "\n    ab\n      ^"
    assert excerpt("", 1) == "\n    \n    ^"
