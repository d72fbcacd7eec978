"""What a suite may be made of: what JSON holds, and not more of it than anybody writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ebmbench.errors import SuiteError
from ebmbench.suite.source import MAX_DEPTH, Source, parsed
from ebmbench.suite.tree import MAX_VALUES, check, plain
from tests.suites import VALID, Read, changed, refusal


@pytest.mark.parametrize(
    "content",
    [
        '!!python/object/apply:os.system ["echo hi"]\n',
        changed("name: trial", "name: !!python/name:os.system trial"),
        changed("name: trial", "name: !mine trial"),
        changed("[cpu,", "!!python/object/apply:os.system [cpu,"),
        changed("{passes: 1_000}", "!!python/object:os.x {passes: 1_000}"),
        "!!python/object:os.x\n" + VALID,
    ],
    ids=["file", "text", "own tag", "list", "mapping", "whole mapping"],
)
def test_tags_are_refused(read: Read, content: str) -> None:
    """Nothing is ever made of them; that they stand there is an error."""
    assert refusal(read, content).startswith("suite.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "memory: " + "9" * 400,
        "seeds: 1000000000000000",
        "seeds: 100000000000000000000",
        "plugins: &a [*a]",
    ],
    ids=["memory", "seeds", "more seeds", "recursion"],
)
def test_absurd_values_are_refused(read: Read, line: str) -> None:
    """Values whose meaning cannot be held in memory: an error of the file and not of Python."""
    key = line.partition(":")[0]
    kept = "".join(text for text in VALID.splitlines(keepends=True) if not text.startswith(f"{key}:"))
    assert refusal(read, kept + line + "\n").startswith(f"suite.yaml:{len(kept.splitlines()) + 1}:")


BOMB = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
from ebmbench.errors import UsageError
from ebmbench.suite.loading import read_suite
try:
    read_suite(sys.argv[1])
except UsageError:
    print("refused")
"""


@pytest.mark.process
def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    """Nine levels of nine aliases: half a kilobyte that stands for 400 million values."""
    levels = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
    levels += [f"a{k}: &a{k} [" + ", ".join([f"*a{k - 1}"] * 9) + "]" for k in range(1, 9)]
    path = tmp_path / "suite.yaml"
    path.write_text(VALID + "\n".join(levels) + "\n")
    ended = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "refused"


# --- in memory --------------------------------------------------------------------------------------------------------


def held(value: Any) -> str:
    """Why a suite made in Python may not have a value; empty when it may."""
    try:
        check(Source(None, "", {"a": [0, value]}))
    except SuiteError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", [None, True, 3, -0.5, 2**63 - 1, -(2**63), "text", [], {}, {"b": [1, (2, 3)]}])
def test_what_json_holds_may_stand_in_a_suite(value: object) -> None:
    assert held(value) == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "a.1: a number in a suite is finite"),
        (float("-inf"), "a.1: a number in a suite is finite"),
        (2**63, "a.1: a whole number in a suite has at most 63 bits"),
        (-(2**63) - 1, "a.1: a whole number in a suite has at most 63 bits"),
        ("half \ud800", "a.1: a text holds half a character (a surrogate)"),
        (object(), "a.1: a value of the type object means nothing in a suite; put a text in quotes"),
        ({1, 2}, "a.1: a value of the type set means nothing in a suite; put a text in quotes"),
        (b"bytes", "a.1: a value of the type bytes means nothing in a suite; put a text in quotes"),
        ({"b": {3: 4}}, "a.1.b: a key is not a name; put it in quotes"),
        ({"\ud800": 4}, "a.1: a key is not a name; put it in quotes"),
        ({"b": [float("nan")]}, "a.1.b.0: a number in a suite is finite"),
    ],
)
def test_what_it_does_not_hold_is_refused_at_its_place(value: object, why: str) -> None:
    assert held(value) == why


def nested(levels: int) -> list[Any]:
    """Lists within lists."""
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


def test_nesting_has_an_end() -> None:
    assert held(nested(MAX_DEPTH - 1)) == ""
    assert held(nested(MAX_DEPTH)) == "a: is nested too deeply, or holds itself"
    endless: list[Any] = []
    endless.append(endless)
    assert held(endless) == "a: is nested too deeply, or holds itself"


def test_shared_values_are_counted_as_often_as_they_stand_for() -> None:
    """A few objects in memory, and a hundred thousand values when they are written out."""
    ten: Any = list(range(10))
    thousand = [[ten] * 10] * 9
    assert held(thousand) == ""
    assert held([thousand] * (MAX_VALUES // 1000 + 10)) == f"a: stands for more than {MAX_VALUES} values"


def test_plain_values_are_of_python_and_of_nobody_else() -> None:
    tree = parsed("a: [1, 2.5, yes, true, 'x', null]\nb: &b {c: 0x1f}\nd: *b\n")
    found = plain(tree)
    assert found == {"a": [1, 2.5, "yes", True, "x", None], "b": {"c": 31}, "d": {"c": 31}}
    assert [type(value) for value in found["a"]] == [int, float, str, bool, str, type(None)]
    assert (type(found), type(found["a"]), type(found["b"]["c"])) == (dict, list, int)
    assert found["b"] is not found["d"], "what is set in one place does not change the other"
