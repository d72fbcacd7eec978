"""From a suite file to a suite, or to one sentence that says where it is wrong."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ebmbench.contracts.records import NAME_PATTERN
from ebmbench.errors import SuiteError, UsageError, suggest
from ebmbench.suite.overrides import override
from ebmbench.suite.schema import Suite
from ebmbench.suite.source import Location, Source, source_of
from ebmbench.suite.tree import check, plain

MAX_POINTS = 10_000
"""Points of one entry's grid."""
MAX_TRIALS = 1_000_000


def read_suite(
    reference: str | Mapping[str, Any], overrides: Iterable[str] = (), seeds: int | None = None
) -> tuple[Suite, Source]:
    """The suite that a path, a shipped suite's name, or a mapping in memory stands for.

    Raises:
        SuiteError: with file, line and column (or a dotted path), if it is no valid suite.
        UsageError: if there is no such file.
    """
    source = source_of(find_suite(reference)) if isinstance(reference, str) else _of_mapping(reference)
    check(source)
    for text in overrides:
        override(source, text)
        check(source)
    if seeds is not None:
        source.tree["seeds"] = seeds
    try:
        suite = Suite.model_validate(plain(source.tree))
    except ValidationError as error:
        raise _explain(error, source) from None
    _check_size(suite, source)
    return suite, source


def _of_mapping(document: Mapping[str, Any]) -> Source:
    """A suite made in Python, in plain types: what is set on it does not change the user's own."""
    if not isinstance(document, Mapping):
        raise UsageError(f"a suite is a path, a name, or a mapping; got a {type(document).__name__}")
    check(Source(None, "", document))
    return Source(None, "", plain(document))


def find_suite(reference: str) -> Path:
    """The file of a suite: a path that exists, or the name of a suite in ``suites/`` here or in the package."""
    path = Path(reference)
    try:
        if path.is_file():
            return path
        if path.is_dir():
            raise UsageError(f"{reference}: is a directory; expected a suite file such as suites/toy2d.yaml")
        if path.exists() or path.is_symlink():
            raise UsageError(f"{reference}: is a device, a pipe or a broken link; expected a suite file")
    except (OSError, ValueError) as error:
        raise UsageError(f"{reference[:80]}: no such file can be: {getattr(error, 'strerror', error)}") from None
    shipped = {file.stem: file for folder in suite_folders() for file in sorted(folder.glob("*.yaml"))}
    if reference in shipped:
        return shipped[reference]
    if re.fullmatch(NAME_PATTERN, reference) and not reference.endswith((".yaml", ".yml")):
        raise UsageError(f"no suite is called '{reference}'{suggest(reference, shipped)}")
    raise UsageError(f"{reference}: there is no such file{suggest(path.stem, shipped)}")


def suite_folders() -> list[Path]:
    """Where suites are looked for by name; a checkout's own come first."""
    package = Path(__file__).resolve().parents[1]
    folders = [package / "_suites", package.parent / "suites", Path("suites")]
    return [folder for folder in folders if folder.is_dir()]


def plugin_files(suite: Suite, source: Source, given: Iterable[str] = ()) -> list[Path]:
    """The single-file plugins of a suite (relative to its file) and of the command line.

    Raises:
        UsageError: if one does not exist.
    """
    files = [source.folder(("plugins", index)) / name for index, name in enumerate(suite.plugins)]
    for index, file in enumerate(files):
        if not os.path.isfile(file):
            raise source.error(f"plugin {suite.plugins[index]}: there is no such file", ("plugins", index))
    for name in given:
        if not os.path.isfile(name):
            raise UsageError(f"plugin {name}: there is no such file")
    return [*files, *map(Path, given)]


def _check_size(suite: Suite, source: Source) -> None:
    """See that the suite does not multiply to more trials than anybody can run.

    Raises:
        SuiteError: if it does.
    """
    points = {"datasets": 0, "methods": 0}
    for component_type in points:
        for index, entry in enumerate(getattr(suite, component_type)):
            count = math.prod(len(values) for values in entry.grid.values())
            if count > MAX_POINTS:
                raise source.error(f"the grid has more than {MAX_POINTS} points", (component_type, index, "grid"))
            points[component_type] += count
    swept = math.prod(len(values) for values in suite.sweep.values())
    if swept > MAX_POINTS:
        raise source.error(f"the sweep has more than {MAX_POINTS} points", ("sweep",))
    if swept * math.prod(points.values()) * len(suite.seeds) * len(suite.devices) > MAX_TRIALS:
        raise source.error(f"the suite stands for more than {MAX_TRIALS} trials")


_PATIENCE = {"extra_forbidden": 0, "missing": 2, "too_short": 2}
"""What is shown first: a misspelled key explains a missing one, a bad entry an empty list."""

_WORDS = {
    "tuple_type": "expected a list",
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "too_short": "expected at least one",
    "byte_size": "expected a size such as 500MB or 4GB",
    "byte_size_unit": "expected a size such as 500MB or 4GB",
}
"""What pydantic says in words of Python."""


def _explain(error: ValidationError, source: Source) -> SuiteError:
    """The first thing that pydantic found wrong, in our words."""
    first = min(error.errors(), key=lambda item: (_PATIENCE.get(item["type"], 1), source.place(tuple(item["loc"]))))
    location: Location = tuple(step for step in first["loc"] if step not in ("params",))
    name = ".".join(str(step) for step in location)
    message = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "extra_forbidden":
        *parents, key = location
        known = _fields_at(tuple(parents))
        return source.error(f"unknown key '{key}'{suggest(str(key), known)}", location, at_key=True)
    if location == ("seeds",) and first["type"] == "tuple_type":
        message = "expected how many, or a list of them"
    if first["type"] == "missing":
        return source.error(f"'{name}' is missing", location[:-1])
    if first["type"] == "string_pattern_mismatch" and location and location[-1] in ("name", "label"):
        message = "a name has letters, digits, '_', '-' and '.', at most 80, and no path"
    given = first.get("input")
    shown = f", got {given!r}"[:80] if isinstance(given, str | int | float | bool) else ""
    where = f"{name}: " if name and source.path is not None else ""
    return source.error(f"{where}{message[0].lower()}{message[1:]}{shown if 'got' not in message else ''}", location)


def _fields_at(location: Location) -> Iterator[str]:
    model: Any = Suite
    for step in location:
        if isinstance(step, str) and hasattr(model, "model_fields") and step in model.model_fields:
            annotation = model.model_fields[step].annotation
            model = next(
                (a for a in (annotation, *getattr(annotation, "__args__", ())) if hasattr(a, "model_fields")), None
            )
    yield from getattr(model, "model_fields", {})
