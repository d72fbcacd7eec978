"""``--set a.b=v``: a value of a suite changed from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml.error import YAMLError

from ebmbench.errors import UsageError, suggest
from ebmbench.suite.source import Location, Source, parsed


def override(source: Source, text: str) -> None:
    """Apply ``--set a.b=v``; a step into a list is an index or the name of an entry."""
    path, equals, value_text = text.partition("=")
    steps = [step for step in path.strip().split(".") if step]
    if not equals or not steps:
        raise UsageError(f"--set {text}: expected KEY=VALUE, such as --set budget.passes=100000")
    try:
        value = parsed(value_text)
    except (YAMLError, ValueError, RecursionError):
        raise UsageError(f"--set {text}: the value is not valid YAML") from None
    node: Any = source.tree
    location: Location = ()
    for step in steps[:-1]:
        key = _key(node, step, text)
        location = (*location, key)
        node = _descend(node, key, text)
    last = _key(node, steps[-1], text)
    node[last] = value
    source.overridden[(*location, last)] = text


def _key(node: Any, step: str, text: str) -> str | int:
    """The key or index that a step of ``--set`` means."""
    if isinstance(node, list):
        return _index(node, step, text)
    if not isinstance(node, dict):
        raise UsageError(f"--set {text}: a single value has no '{step}' inside")
    return step


def _descend(node: Any, key: Any, text: str) -> Any:
    """What stands at a key; a bare name becomes an entry, and what is missing a mapping."""
    if isinstance(node, list) and isinstance(node[key], str):
        node[key] = {"name": node[key]}
    elif isinstance(node, dict) and key not in node:
        node[key] = {}
    return node[key]


def _index(node: list[Any], step: str, text: str) -> int:
    names = [_entry_name(item) for item in node]
    if step in names:
        return names.index(step)
    if step.isdecimal() and len(step) <= len(str(len(node))) and int(step) < len(node):
        return int(step)
    raise UsageError(f"--set {text}: no entry '{step}'{suggest(step, [name for name in names if name])}")


def _entry_name(item: Any) -> str:
    if isinstance(item, Mapping):
        return str(item.get("label") or item.get("name") or "")
    return str(item)
