"""Suite files as YAML: what is read, what is no suite file, and where each value stands."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor

from ebmbench.suite.source import MAX_BYTES, Location, Source, _Constructor, parsed, source_of
from tests.suites import VALID, Read, changed, refusal

# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_number_in_scientific_notation_is_a_float(read: Read) -> None:
    """YAML 1.1 reads 1e-3 without a dot as a text."""
    value = read(VALID).methods[1].params["lr"]
    assert value == 1e-3
    assert type(value) is float


def test_yes_and_no_are_not_truths(read: Read) -> None:
    """The Norway problem: YAML 1.1 reads `no` as false."""
    assert read(changed("lr: 1e-3", "a: no, b: true")).methods[1].params == {"a": "no", "b": True}


@pytest.mark.parametrize("content", [VALID.encode("utf-8-sig"), VALID.replace("\n", "\r\n").encode()])
def test_files_of_other_editors(read: Read, content: bytes) -> None:
    """A byte order mark, and the line ends of Windows."""
    assert read(content) == read(VALID)


def test_anchors_and_merges(read: Read) -> None:
    text = changed("seeds: 2", "net: &n {width: 32}").replace("budget:", "data: {validation: &v 50, test: *v}\nbudget:")
    suite = read(text)
    assert (suite.net.width, suite.data.validation, suite.data.test) == (32, 50, 50)


# --- what is no suite file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("- a\n- b\n", "expected a mapping with name, datasets, methods; got a list"),
        ("hello\n", "expected a mapping with name, datasets, methods; got a str"),
        (bytes(range(256)), "not a text file in UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "not a YAML file"),
        ("name: a\0b\n", "not a YAML file"),
        ("name: [a\n", "suite.yaml:2:1: "),
        ("data:\n\ttrain: 5\n", "suite.yaml:2:1: found character '\\t' that cannot start any token"),
        ("name: *nobody\n", "suite.yaml:1:7: found undefined alias 'nobody'"),
        (VALID + "---\n" + VALID, "suite.yaml:12:1: "),
        (VALID + "started: 2020-13-45\n", "not a YAML file"),
        ("plugins: " + "[" * 3000, "is nested too deeply"),
        ("seeds: " + "9" * 5000, "not a YAML file"),
        ("#" * (MAX_BYTES + 1), "larger than"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "bytes",
)
def test_what_is_not_a_suite_file_is_one_sentence(read: Read, content: str | bytes, says: str) -> None:
    text = refusal(read, content)
    assert says in text
    assert len(text) < 500


def test_a_duplicate_key_is_an_error(read: Read) -> None:
    text = refusal(read, VALID + "name: again\n")
    assert text.splitlines()[0] == 'suite.yaml:12:1: found duplicate key "name"'
    assert text.splitlines()[1].strip() == "name: again"


# --- places -----------------------------------------------------------------------------------------------------------

TEXT = """\
a: 1
list:
  - x
  - {b: 2, c: [3, 4]}
deep:
  deeper:
    key: value
"""


@pytest.mark.parametrize(
    ("location", "at_key", "place"),
    [
        (("a",), False, (1, 4)),
        (("a",), True, (1, 1)),
        (("list", 0), False, (3, 5)),
        (("list", 1, "b"), False, (4, 9)),
        (("list", 1, "b"), True, (4, 6)),
        (("list", 1, "c", 1), False, (4, 19)),
        (("deep", "deeper", "key"), False, (7, 10)),
        (("deep", "deeper", "key"), True, (7, 5)),
        (("list", 1, "none"), False, (4, 5)),
        (("list", "a branch of a union", 1, "b"), False, (4, 9)),
        ((), False, (1, 1)),
    ],
)
def test_an_error_stands_at_its_value_or_its_key(location: Location, at_key: bool, place: tuple[int, int]) -> None:
    """A step that the file does not have is passed over."""
    error = Source(Path("s.yaml"), TEXT, parsed(TEXT)).error("wrong", location, at_key)
    assert (error.line, error.column) == place
    first, shown, caret = str(error).splitlines()
    assert first == f"s.yaml:{place[0]}:{place[1]}: wrong"
    assert shown == "    " + TEXT.splitlines()[place[0] - 1]
    assert caret == " " * (3 + place[1]) + "^"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (("a",), "a: wrong"),
        (("list", 1, "b"), "list.1.b: wrong"),
        (("list", "a branch of a union", 1, "b"), "list.1.b: wrong"),
        (("list", 1, "none"), "list.1: wrong"),
        ((), "wrong"),
    ],
)
def test_the_place_in_a_suite_made_in_python_is_a_dotted_path(location: Location, said: str) -> None:
    tree: dict[str, Any] = {"a": 1, "list": ["x", {"b": 2}]}
    error = Source(None, "", tree).error("wrong", location)
    assert str(error) == said
    assert (error.path, error.line, error.column) == (None, None, None)


def test_what_the_command_line_has_set_is_named_by_what_it_said() -> None:
    """Also what stands inside of it, and not what stands beside it."""
    source = Source(Path("s.yaml"), TEXT, parsed(TEXT))
    source.overridden[("list", 1)] = "list.1={b: 3}"
    for location in (("list", 1), ("list", 1, "b")):
        assert str(source.error("wrong", location)) == "--set list.1={b: 3}: wrong"
    assert str(source.error("wrong", ("list", 0))).startswith("s.yaml:3:5: wrong")


def test_a_relative_path_starts_beside_the_file_that_says_it(tmp_path: Path) -> None:
    """One that the command line has set, or a suite in memory, starts here."""
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    source = source_of(path)
    assert source.folder(("a",)) == tmp_path
    source.overridden[("a",)] = "a=x"
    assert source.folder(("a",)) == Path()
    assert source.folder(("a", "inside")) == Path()
    assert source.folder(("list",)) == tmp_path
    assert Source(None, "", {}).folder(("a",)) == Path()


def test_a_tagged_value_that_is_thrown_away_raises_nothing() -> None:
    """Of a document that breaks elsewhere; ruamel's own, the wrong twin, raises, and Python prints that."""
    reader = YAML(typ="rt", pure=True)
    node = reader.compose("!x moons")
    for constructor, breaks in ((RoundTripConstructor, True), (_Constructor, False)):
        made: Any = constructor(loader=reader).construct_unknown(node)
        assert next(made).value == "moons"
        with pytest.raises(ConstructorError) if breaks else contextlib.nullcontext():
            made.close()
    assert parsed("{a: !x moons, b: !y {c: 2}, d: !z [1]}")["b"] == {"c": 2}
