"""What a suite may be made of: names, numbers, texts, lists and mappings, and not more of them than anybody writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml.scalarbool import ScalarBoolean

from ebmbench.suite.source import MAX_DEPTH, Location, Source

MAX_VALUES = 100_000


def check(source: Source) -> None:
    """See that the tree holds what JSON holds, and not more of it than anybody writes.

    Raises:
        SuiteError: if there is a tag or a date, a number or text that cannot be stored, or a key that is no text; if it
            is nested too deeply, or its aliases multiply.
    """
    budget = MAX_VALUES

    def visit(node: Any, location: Location) -> None:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise source.error(f"stands for more than {MAX_VALUES} values", location[:1])
        if len(location) > MAX_DEPTH:
            raise source.error("is nested too deeply, or holds itself", location[:1])
        fault = _fault(node)
        if fault:
            raise source.error(fault, location)
        items: Iterable[Any] = ()
        if isinstance(node, Mapping):
            items = node.items()
        elif isinstance(node, list | tuple):
            items = enumerate(node)
        for key, item in items:
            if isinstance(node, Mapping) and (not isinstance(key, str) or _fault(key)):
                raise source.error("a key is not a name; put it in quotes", location)
            visit(item, (*location, key))

    visit(source.tree, ())


def _fault(node: Any) -> str:
    """Why a value cannot be part of a suite; empty when it can."""
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag:
        return f"a tag ({str(tag)[:40]}) means nothing in a suite"
    if isinstance(node, float) and not math.isfinite(node):
        return "a number in a suite is finite"
    if isinstance(node, int) and not -(2**63) <= node < 2**63:
        return "a whole number in a suite has at most 63 bits"
    if isinstance(node, str) and any("\ud800" <= character <= "\udfff" for character in node):
        return "a text holds half a character (a surrogate)"
    if node is None or isinstance(node, Mapping | list | tuple | str | int | float):
        return ""
    kind = type(node).__name__.lower().removeprefix("commented")
    return f"a value of the type {kind} means nothing in a suite; put a text in quotes"


def plain(node: Any) -> Any:
    """The same tree in plain Python types, without ruamel's (a shared node is copied)."""
    if isinstance(node, Mapping):
        return {str(key): plain(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [plain(item) for item in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    if isinstance(node, ScalarBoolean):
        return bool(node)
    return node
