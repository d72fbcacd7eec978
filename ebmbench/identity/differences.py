"""Two identities of trials compared in words: why one key is not the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ebmbench.identity.canonical import canonical

WIDTH = 60
"""Characters of a value that are shown."""
ABSENT = object()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What the second identity has that the first has not, a line each; none if, and only if, their keys are equal.

    A line begins with the part that it is about (``code``, ``version``, ``method``, ``budget``, ...), padded to ten
    characters. Both are JSON objects as ``trial.json`` holds them; what is not of the usual form is compared as it is.

    Raises:
        ValueError: if one holds a number that JSON does not have.
    """
    return [line for part in dict.fromkeys((*old, *new)) for line in _part(part, _of(old, part), _of(new, part))]


def _of(fields: Any, name: str) -> Any:
    return fields.get(name, ABSENT)


def _part(part: str, old: Any, new: Any) -> Iterator[str]:
    if _same(old, new):
        return
    if part == "code":
        found = list(_code(old, new))
        yield from found or [_line("code", "is written in another way")]
    else:
        yield from (_line(title, text) for title, text in _fields(part, "", old, new))


def _code(old: Any, new: Any) -> Iterator[str]:
    """The modules and versions that differ."""
    for side, title in (("modules", "code"), ("versions", "version")):
        before, after = _pairs(old, side), _pairs(new, side)
        for name in sorted({*before, *after}):
            if name not in before:
                yield _line(title, f"{name} is new in what it uses")
            elif name not in after:
                yield _line(title, f"{name} is no longer used")
            elif before[name] != after[name]:
                changed = "changed" if title == "code" else f"{_bare(before[name])}, now {_bare(after[name])}"
                yield _line(title, f"{name} {changed}")


def _pairs(code: Any, side: str) -> dict[str, str]:
    """The names of a list of pairs with what belongs to each; whatever else it is, under its own text."""
    items = code.get(side, []) if isinstance(code, dict) else [code] if code is not ABSENT else []
    found: dict[str, str] = {}
    for item in items if isinstance(items, list) else [items]:
        pair = item if isinstance(item, list) and len(item) == 2 else [item, ""]
        found[_text(pair[0])] = canonical(pair[1])
    return found


def _fields(title: str, name: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """The fields that differ: of a part of an identity, and of the parameters within it."""
    if _same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict) and name in ("", "params"):
        for key in dict.fromkeys((*old, *new)):
            yield from _fields(title, key, _of(old, key), _of(new, key))
    elif name == "kind":
        yield from _fields("kind", "", old, new)
    elif old is ABSENT:
        yield title, f"{name} is new: {_show(new)}".lstrip()
    elif new is ABSENT:
        yield title, f"{name} {_show(old)}, now gone".lstrip()
    else:
        yield title, f"{name} {_show(old)}, now {_show(new)}".lstrip()


def _same(old: Any, new: Any) -> bool:
    """Whether they are written the same in a key: 1, 1.0 and true are three things there."""
    if old is ABSENT or new is ABSENT:
        return old is new
    return canonical(old) == canonical(new)


def _text(value: Any) -> str:
    """A value as a suite would write it, in quotes where it would otherwise be read as something else."""
    plain = isinstance(value, str) and value.isprintable() and value == value.strip() and not _is_json(value)
    return value if plain else canonical(value)


def _show(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."


def _bare(text: str) -> str:
    """A version without its quotes."""
    value = json.loads(text)
    return value if isinstance(value, str) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return not text
    return True


def _line(title: str, text: str) -> str:
    return f"{title:9s} {text}"
