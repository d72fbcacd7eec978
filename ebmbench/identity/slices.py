"""The part of a module that some of its names are made of: two methods in one file do not share all of their code.

What is left out is only what cannot matter to them: a class, a function, a constant or an imported name that nothing of
them mentions, directly or through others. Whatever might do something when the module runs stays: a call, a condition,
a loop, a decorator or a class body that is not the usual one, an import of which no name is used. A part that looks
names up (``globals``, ``eval``, ...) is the whole module. What is not seen is a definition that changes something
elsewhere by being made (``__init_subclass__``, a metaclass), without being named.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence

LOOKS_UP = {"globals", "locals", "vars", "eval", "exec", "compile", "dir", "__name__", "__dict__", "__getattr__"}
"""A part in which these are mentioned may come to any name of its module."""
INNOCENT = {"torch", "numpy", "scipy", "pydantic", "pluggy", "ebmbench", *sys.stdlib_module_names}
"""Packages whose decorators register nothing that a method depends on."""
BUILT_IN = {"property", "staticmethod", "classmethod"}
WORD = re.compile(r"[A-Za-z_]\w*")


def part_of(tree: ast.Module, names: Collection[str]) -> ast.Module:
    """The statements that ``names`` are made of, in their order; all of them if one of the names is not bound plainly.

    Args:
        tree: a module without its docstrings, which would mention names.
        names: of classes, functions and constants at its top level.
    """
    innocent, statements = _innocent(tree), list(_single(tree))
    bound = [_bound(statement, innocent) for statement in statements]
    mentioned = [_mentioned(statement) for statement in statements]
    if not set(names) <= set().union(*(found for found in bound if found)):
        return tree
    everywhere = set().union(*mentioned)
    always = {
        index
        for index, found in enumerate(bound)
        if found is None or (_imports(statements[index]) and not found & everywhere)  # imported for what it does
    }
    kept, needed = _reached(set(names), always, bound, mentioned)
    if needed & LOOKS_UP:
        return tree
    return ast.Module([statements[index] for index in sorted(kept)], tree.type_ignores)


def _reached(
    needed: set[str], kept: set[int], bound: Sequence[set[str] | None], mentioned: Sequence[set[str]]
) -> tuple[set[int], set[str]]:
    """The statements that these names and these statements come to, and all names that those mention."""
    needed = needed.union(*(mentioned[index] for index in kept))
    while more := {i for i, found in enumerate(bound) if i not in kept and found and found & needed}:
        kept = kept | more
        needed = needed.union(*(mentioned[index] for index in more))
    return kept, needed


def _single(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements, an import of several names as one of each."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from (ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names)
        else:
            yield statement


def _imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _bound(statement: ast.stmt, innocent: set[str]) -> set[str] | None:
    """The names that a statement binds, if that is all it does; None if it may do something else."""
    match statement:
        case ast.ImportFrom(module="__future__"):
            return None
        case ast.Import(names=[alias]) | ast.ImportFrom(names=[alias]) if alias.name != "*":
            return {alias.asname or alias.name.partition(".")[0]}
        case ast.FunctionDef() | ast.AsyncFunctionDef() if _plain_function(statement, innocent):
            return {statement.name}
        case ast.ClassDef() if _plain_class(statement, innocent):
            return {statement.name}
        case ast.Assign(targets=targets, value=value) if _plain_value(value) and all(map(_is_name, targets)):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is None or _plain_value(value):
            return {name}
    return None


def _plain_function(function: ast.FunctionDef | ast.AsyncFunctionDef, innocent: set[str]) -> bool:
    return _plainly_decorated(function.decorator_list, innocent)


def _plain_class(cls: ast.ClassDef, innocent: set[str]) -> bool:
    """Fields, methods and classes alone; what a field's value calls is of the field."""
    properties = {one.name for one in cls.body if isinstance(one, ast.FunctionDef)}  # one decorates its setter
    inside = innocent | properties
    return _plainly_decorated(cls.decorator_list, innocent) and all(_plain_member(one, inside) for one in cls.body)


def _plain_member(member: ast.stmt, innocent: set[str]) -> bool:
    match member:
        case ast.Pass() | ast.AnnAssign(target=ast.Name()):
            return True
        case ast.Assign(targets=targets):
            return all(map(_is_name, targets))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _plain_function(member, innocent)
        case ast.ClassDef():
            return _plain_class(member, innocent)
    return False


def _plain_value(value: ast.expr) -> bool:
    """Whether nothing is called for it."""
    return not any(isinstance(node, ast.Call | ast.Await | ast.NamedExpr) for node in ast.walk(value))


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name)


def _plainly_decorated(decorators: list[ast.expr], innocent: set[str]) -> bool:
    return all(_root(decorator) in innocent for decorator in decorators)


def _root(node: ast.expr) -> str:
    while not isinstance(node, ast.Name):
        inner = getattr(node, "func", None) or getattr(node, "value", None)
        if not isinstance(inner, ast.expr):
            return ""
        node = inner
    return node.id


def _innocent(tree: ast.Module) -> set[str]:
    """The names whose use as a decorator registers nothing."""
    found = set(BUILT_IN)
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name.partition(".")[0] for a in node.names if a.name.partition(".")[0] in INNOCENT}
        elif isinstance(node, ast.ImportFrom) and not node.level and str(node.module).partition(".")[0] in INNOCENT:
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _mentioned(statement: ast.stmt) -> set[str]:
    """Every name that a statement speaks of, in texts too (an annotation may be one, ``getattr`` takes one)."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name) if isinstance(node.ctx, ast.Load | ast.Del):
                found.add(name)
            case ast.Attribute(attr=name) if name in LOOKS_UP:
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.Constant(value=str(text)):
                found.update(WORD.findall(text))
    return found
