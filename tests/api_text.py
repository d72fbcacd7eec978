"""What ``ebmbench.api`` offers, as text: its names sorted, each with its signature or members as the source has them.

Members keep their order: that of fields is the order of a constructor's arguments.
``python -m tests.api_text`` writes ``tests/api.txt`` anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ebmbench.identity.closure import api_table

ROOT = Path(__file__).resolve().parents[1]
STORED = Path(__file__).with_name("api.txt")
CALLED = ("__init__", "__call__")
"""Of what is private what an author calls or overrides all the same."""


def offered() -> str:
    """The whole of it."""
    return "".join(f"{line}\n" for name in sorted(api_table()) for line in _offer(name))


def _offer(name: str) -> Iterator[str]:
    for node in _module(api_table()[name]).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
            yield f"{_decorated(node)}class {name}{bases}"
            yield from (f"    {member}" for member in _members(node))
        elif isinstance(node, ast.FunctionDef) and node.name == name:
            yield _signature(node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield ast.unparse(node)


@cache
def _module(name: str) -> ast.Module:
    return ast.parse(ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8"))


def _members(node: ast.ClassDef) -> Iterator[str]:
    """What a class defines itself; its bases are offered too."""
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
            yield text


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
