"""What ``ebmbench.api`` offers, as text: its names sorted, each with its signature or members as the source has them.

Members keep their order: that of fields is the order of a constructor's arguments.
``python -m tests.api_text`` writes ``tests/api.txt`` anew.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ebmbench.identity.closure import api_table

STORED = Path(__file__).with_name("api.txt")
CALLED = ("__init__", "__call__")
"""Of what is private what an author calls or overrides all the same."""


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(Path(str(sys.modules[module].__file__)).read_text(encoding="utf-8"))


def offered() -> str:
    """The whole of it."""
    return "".join(f"{line}\n" for name in sorted(api_table()) for line in _offer(name))


def _offer(name: str) -> Iterator[str]:
    module = api_table()[name]
    found = getattr(importlib.import_module(module), name)
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield f"{_decorated(node)}class {name}{_bases(node)}"
            yield from (f"    {member}" for member in _members(found).values())
        elif isinstance(node, ast.FunctionDef) and node.name == name:
            yield _signature(node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield ast.unparse(node)


def _bases(node: ast.ClassDef) -> str:
    return f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""


def _members(cls: type[Any]) -> dict[str, str]:
    """What a class defines itself, or has from a class of ebmbench that is not offered by a name of its own."""
    found: dict[str, str] = {}
    for base in reversed(inspect.getmro(cls)):
        if base is cls or (base.__module__.startswith("ebmbench.") and base.__name__ not in api_table()):
            importlib.import_module(base.__module__)
            (node,) = (
                n for n in _tree(base.__module__).body if isinstance(n, ast.ClassDef) and n.name == base.__name__
            )
            found |= dict(_defined(node))
    return found


def _defined(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            name, text = member.name, _signature(member)
        elif isinstance(member, ast.AnnAssign):
            name = ast.unparse(member.target)
            text = f"{name}: {ast.unparse(member.annotation)}{_default(member.value)}"
        elif isinstance(member, ast.Assign):
            name, text = ast.unparse(member.targets[0]), ast.unparse(member)
        else:
            continue
        if name in CALLED or not name.startswith("_"):
            yield name, text


def _default(value: ast.expr | None) -> str:
    """Without the description of a field, which may change."""
    if value is None:
        return ""
    if isinstance(value, ast.Call):
        kept = [keyword for keyword in value.keywords if keyword.arg != "description"]
        value = ast.Call(value.func, value.args, kept)
    return f" = {ast.unparse(value)}"


def _signature(node: ast.FunctionDef) -> str:
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{_decorated(node)}{node.name}({ast.unparse(node.args)}){returned}"


def _decorated(node: ast.ClassDef | ast.FunctionDef) -> str:
    return "".join(f"@{ast.unparse(decorator)} " for decorator in node.decorator_list)


if __name__ == "__main__":
    STORED.write_text(offered(), encoding="utf-8")
