"""The public face: every name comes from the module that defines it, and nothing is imported before it is asked for."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ebmbench.api
from ebmbench.identity.closure import api_table

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
    offered: list[str] = vars(ebmbench.api)["__all__"]
    assert set(offered) == set(dir(ebmbench.api)) == set(TABLE)


def test_the_facade_refuses_other_names() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = ebmbench.api.Nothing  # type: ignore[attr-defined]


@pytest.mark.process
def test_a_name_imports_what_it_needs_and_no_more() -> None:
    code = "import sys; from ebmbench.api import MethodSpec, Strategy, hookimpl; "
    code += "print('torch' in sys.modules); from ebmbench.api import Method; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
