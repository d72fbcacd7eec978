"""Whatever is given to the suite loader, the outcome is a suite or one error that a person can read."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebmbench.errors import MAX_LENGTH, WINDOW, SuiteError, UsageError
from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import Suite
from tests.suites import VALID

MESSAGE = MAX_LENGTH + 2 * (WINDOW + 6)
"""Characters that an error may have: its line, the suite's line and the caret."""
SECONDS = 20.0
"""An input of a few hundred characters is read in a few thousandths of this."""

MANY, FEW = 700, 400
EXAMPLES = MANY + MANY + FEW + FEW + FEW
"""Of the ordinary run, in all the tests below."""

ordinary = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def outcome(reference: str | Mapping[str, Any], overrides: tuple[str, ...] = ()) -> Suite | UsageError:
    """The suite, which then reads the same from its own dump; or the error, which is short and harmless to show.

    Anything else falls through: other exceptions, warnings, and what takes too long.
    """
    started = time.process_time()
    try:
        suite, _ = read_suite(reference, overrides)
    except UsageError as error:
        found: Suite | UsageError = error
        check_error(error)
    else:
        found = suite
        assert read_suite(document_of(suite))[0] == suite
    assert time.process_time() - started < SECONDS
    return found


def document_of(suite: Suite) -> dict[str, Any]:
    """What a file would have to say: the fields of an entry beside its name, and a duration without an exponent."""
    document: dict[str, Any] = json.loads(json.dumps(suite.model_dump(mode="json"), allow_nan=False))
    for shelf in ("datasets", "methods"):
        for entry in document[shelf]:
            del entry["name" if entry["file"] is not None else "file"]
            entry |= entry.pop("params")
            for key in ("label", "grid", "select"):
                if entry[key] in (None, {}):
                    del entry[key]
    return document | {"timeout": format(Decimal(suite.timeout), "f")}


def check_error(error: UsageError) -> None:
    text = str(error)
    lines = text.split("\n")
    assert text.strip()
    assert len(text) <= MESSAGE
    assert len(lines) in (1, 3)
    assert all(line.isprintable() for line in lines), text
    if len(lines) == 3:
        assert lines[2].strip() == "^"
        assert lines[2].index("^") <= len(lines[1])
    if isinstance(error, SuiteError) and error.line is not None:
        assert error.line >= 1
        assert error.column is not None
        assert error.column >= 1


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "suite.yaml"


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return str(path)


# --- text and bytes ---------------------------------------------------------------------------------------------------

PIECES = [
    *"{}[]:,-&*!|>'\"%@`#?\n\t \\0~<=.\0\x1b\x7f",
    "null", "true", "- ", ": ", "name: ", "<<: ", "<<: *a", "*a", "&a ", "&a [*a]", "&a {<<: *a}", ".nan", "-.inf",
    "!!set ", "!!omap ", "!!pairs ", "!!binary ", "!!timestamp ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!str ",
    "!!python/name:os.system ", "!!python/object/apply:os.system [x]", "!<x> ", "!mine ", "%YAML 1.1\n---\n",
    "%TAG ! x\n", "1e-3", "---\n", "...\n", "\u2028", "\x85", "\ufeff", "\u202e", "\U0001f600", "\ud800", "nсe",
    "2020-01-01", "2020-13-45",
    "0x1f", "0o9", "0b", "-1", "9" * 30, "0x" + "f" * 20_000, "9" * 5000, "1:30", '"\\ud800"', '"\\x00"', "? ",
    "? [a]\n: ", "methods:", "{a: b}", "[[1]]", "grid: ", "{name: a, grid: {b: [1, 2]}}", "{file: /dev/zero}",
    "[" * 50, "- " * 200,
    "x" * 2000, "é" * 300,
]  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """The valid suite with up to six pieces put in, cut out or moved."""
    text = VALID
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.sampled_from(VALID.splitlines(keepends=True))))
        text = text[:start] + draw(st.sampled_from(["", piece])) + text[stop:]
    return text


yaml_like = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30).map("".join)


@pytest.mark.long
@settings(ordinary, max_examples=FEW)
@given(content=st.one_of(st.text(max_size=200), st.binary(max_size=200), yaml_like))
def test_random_content(scratch: Path, content: str | bytes) -> None:
    outcome(written(scratch, content))


@pytest.mark.long
@settings(ordinary, max_examples=MANY)
@given(text=mutants())
def test_mutated_text(scratch: Path, text: str) -> None:
    outcome(written(scratch, text))


# --- structure --------------------------------------------------------------------------------------------------------

DOCUMENT: dict[str, Any] = {
    "name": "trial",
    "datasets": ["moons", {"name": "rings", "sigma": 0.1}, {"file": "rows.npz", "array": "y"}],
    "methods": [
        "oracle",
        {"name": "nce", "lr": 1e-3},
        {"name": "gmm", "label": "few", "grid": {"components": [8, 32]}},
    ],
    "data": {"train": "stream", "set": 20_000},
    "net": {"features": 64, "scales": [1, 2, 4, 8]},
    "budget": {"passes": 1000},
    "seeds": 2,
    "devices": ["cpu", {"device": "cpu", "dtype": "float64", "threads": 2}],
    "metrics": ["kl", "auroc"],
    "plugins": ["./mine.py"],
    "timeout": "5m",
    "memory": "4GB",
}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([2**63, -(2**64), 10**400, 1e9, 1e300, -0.0, 1e-9, 5e-324, math.inf, -math.inf, math.nan]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["../../etc", "<script>", "\\input{}", "\x1b]0;x\x07", "CON", "a\0b", "\ud800", "5m", "4GB", "core"]
    ),
    st.sampled_from(["cpu", "cuda:99", "1e-3", "no", "=1+1", "2020-01-01", "null", "x" * 5000, "0x1f", "\u202egnp"]),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=12,
)
names = st.sampled_from([*DOCUMENT, "label", "grid", "select", "file", "params", "steps", "passes", "device", "", "<<"])


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every place of a document, as the container and its key."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [place for key in keys for place in ((node, key), *places(node[key]))]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The valid document with up to three values replaced, dropped, renamed, moved or put in."""
    document = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 3))):
        found = places(document)
        if not found:
            break
        node, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "replace", "drop", "rename", "insert", "move"]))
        if change == "replace":
            node[key] = draw(trees)
        elif change == "drop":
            del node[key]
        elif change == "rename" and isinstance(node, dict):
            node[draw(st.one_of(names, st.text(max_size=5)))] = node.pop(key)
        elif change == "insert" and isinstance(node[key], dict):
            node[key][draw(names)] = draw(trees)
        elif change == "insert" and isinstance(node[key], list):
            node[key].append(draw(trees))
        elif change == "move":
            other, place = draw(st.sampled_from(found))
            node[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else DOCUMENT["methods"])
    return document


@pytest.mark.long
@settings(ordinary, max_examples=MANY)
@given(document=documents())
def test_mutated_documents(document: dict[str, Any]) -> None:
    outcome(document)


ODDITIES = [""] * 40 + ["&a ", "&b ", "!!str ", "!!set ", "!!map ", "!x ", "!!binary "]
ODD_FIELDS: list[list[str]] = [[]] * 20 + [["<<: *a"], ["<<: [*a, *b]"], ["? [1]\n  : 2"], ["null: 3"], ["again"]]
ODD_ITEMS: list[list[str]] = [[]] * 20 + [["*a"], ["*b", "*b"]]


def flow(node: Any, random: Random) -> str:
    """A document in the flow style of YAML, with the oddities that JSON does not have here and there."""
    oddity = random.choice(ODDITIES)
    if isinstance(node, dict):
        inner = [f"{json.dumps(str(key))}: {flow(item, random)}" for key, item in node.items()]
        odd = random.choice(ODD_FIELDS)
        return oddity + "{" + ", ".join(inner + (inner[:1] if odd == ["again"] else odd)) + "}"
    if isinstance(node, list):
        inner = [flow(item, random) for item in node]
        return oddity + "[" + ", ".join(inner + random.choice(ODD_ITEMS)) + "]"
    if isinstance(node, float) and not math.isfinite(node):
        return oddity + {math.inf: ".inf", -math.inf: "-.inf"}.get(node, ".nan")
    return oddity + json.dumps(node)


oddly = st.randoms(use_true_random=True)
"""Seeded by the example, and quicker than to draw each oddity by itself."""


@pytest.mark.long
@settings(ordinary, max_examples=FEW)
@given(document=documents(), random=oddly)
def test_mutated_documents_as_files(scratch: Path, document: dict[str, Any], random: Random) -> None:
    outcome(written(scratch, flow(document, random)))


# --- --set ------------------------------------------------------------------------------------------------------------

steps = st.one_of(
    st.sampled_from(
        [*DOCUMENT, "nce", "lr", "0", "-1", "7", "²", "9" * 5000, "grid", "few", "x", "", "\x1b[31m", "<<"]
    ),
    st.text(max_size=4),
)
values = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from(
        ["1", "x", "[a]", "{a: b}", "", "1e9", "&a [*a]", "!!set {a}", "0b1", "\ud800", "[" * 3000, "a: b: c"]
    ),
    trees.map(lambda tree: json.dumps(tree)),
    st.text(max_size=20),
)
settings_made = st.tuples(st.lists(steps, max_size=5).map(".".join), values).map("=".join)


@pytest.mark.long
@settings(ordinary, max_examples=FEW)
@given(overrides=st.lists(st.one_of(settings_made, st.text(max_size=12)), min_size=1, max_size=3))
def test_random_settings(scratch: Path, overrides: list[str]) -> None:
    outcome(written(scratch, VALID), tuple(overrides))


def test_the_examples_are_many() -> None:
    assert EXAMPLES >= 2000


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=mutants(), document=documents(), overrides=st.lists(settings_made, max_size=3), random=oddly)
def test_many_more(scratch: Path, text: str, document: dict[str, Any], overrides: list[str], random: Random) -> None:
    outcome(written(scratch, text), tuple(overrides))
    outcome(document, tuple(overrides))
    outcome(written(scratch, flow(document, random)), tuple(overrides))


def test_both_outcomes_are_met(scratch: Path) -> None:
    """The strategies start from what is valid, in both forms."""
    assert isinstance(outcome(written(scratch, VALID)), Suite)
    assert isinstance(outcome(DOCUMENT), Suite)
    assert isinstance(outcome(DOCUMENT | {"seeds": -1}), UsageError)
