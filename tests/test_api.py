"""The public face: every name comes from the module that defines it, and nothing is imported before it is asked for."""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ebmbench.api
from ebmbench.identity.closure import api_table
from tests.api_text import STORED, offered

TABLE = api_table()


@pytest.mark.parametrize("name", TABLE)
def test_every_entry_of_the_table_resolves(name: str) -> None:
    """To the very object of the module that is named, which defines it and does not merely import it."""
    home = TABLE[name]
    module = importlib.import_module(home)
    found = getattr(module, name)
    assert getattr(ebmbench.api, name) is found
    if inspect.isclass(found) or inspect.isfunction(found):
        assert found.__module__ == home


def test_the_facade_says_the_same_to_type_checkers() -> None:
    """The stub alone says what there is: each name once, re-exported for mypy's strict mode, and it says all of it."""
    tree = ast.parse(Path(str(ebmbench.api.__file__)).with_suffix(".pyi").read_text())
    declared: list[str] = []
    for node in tree.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            assert alias.asname == alias.name
            assert TABLE[alias.name] == f"ebmbench.{node.module}"
            declared.append(alias.name)
    assert sorted(declared) == sorted(TABLE)
    assert sorted(dir(ebmbench.api)) == sorted(TABLE)


def test_its_help_is_a_page_with_a_line_for_each_name() -> None:
    """With ``__all__`` pydoc would write out each class, with all that it inherits."""
    page = pydoc.render_doc(ebmbench.api, renderer=pydoc.plaintext)  # type: ignore[attr-defined]
    assert len(page.splitlines()) < 120
    said = re.findall(r"^    (\w+)  +\S", str(ebmbench.api.__doc__), re.MULTILINE)
    assert sorted(said) == sorted(TABLE)


POLICY = """ebmbench.api is not what it was. What goes or changes its signature is announced first, and warns for a
minor version: CONTRIBUTING.md, 'What `ebmbench.api` promises'. If that was done, or something is only new,
`python -m tests.api_text` writes tests/api.txt anew:
"""


def test_its_names_and_signatures_do_not_change_unnoticed() -> None:
    before, now = STORED.read_text(encoding="utf-8"), offered()
    changed = difflib.unified_diff(before.splitlines(), now.splitlines(), "promised", "found", lineterm="", n=1)
    assert before == now, POLICY + "\n".join(changed)


@pytest.mark.parametrize(
    "line",
    [
        "class GradientMethod(Method)",
        "    lr: float = Field(0.002, gt=0)",
        "    loss(self, surface: Any, batch: Batch, rng: Generator) -> Tensor | Mapping[str, Tensor]",
        "    @property dim(self) -> int",
        "    RANKING = 'ranking'",
        "input_gradient(model: EnergyModel, y: Tensor) -> tuple[Tensor, Tensor]",
    ],
)
def test_what_would_be_noticed(line: str) -> None:
    """A base, a default, the signature of a method, a property, a member, a function."""
    assert line in STORED.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", TABLE)
def test_every_base_of_ours_is_offered_too(name: str) -> None:
    """So that what is inherited is held as well."""
    bases = getattr(getattr(ebmbench.api, name), "__mro__", ())
    assert {base.__name__ for base in bases if base.__module__.startswith("ebmbench.")} <= set(TABLE)


def test_fields_stand_in_the_order_of_a_constructors_arguments() -> None:
    text = STORED.read_text(encoding="utf-8").partition("class MethodSpec\n")[2]
    fields = [line.split(":")[0].strip() for line in text.splitlines()[:5]]
    assert fields == list(inspect.signature(ebmbench.api.MethodSpec).parameters)[:5]


def test_the_facade_refuses_other_names() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = ebmbench.api.Nothing  # type: ignore[attr-defined]


@pytest.mark.process
def test_a_name_imports_what_it_needs_and_no_more() -> None:
    code = "import sys; from ebmbench.api import MethodSpec, Strategy, hookimpl; "
    code += "print('torch' in sys.modules); from ebmbench.api import Method; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
