"""From a suite file to a suite, or to one sentence that says where it is wrong."""

from __future__ import annotations

import io
import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from ebmbench.suite.errors import SuiteError, UsageError, one_line, suggest
from ebmbench.suite.schema import NAME_PATTERN, Suite

MAX_BYTES = 100_000
"""Of a suite file: a larger one would keep the parser busy for longer than anybody waits."""
MAX_VALUES = 100_000
MAX_DEPTH = 32
MOST_POINTS = 10_000
"""Points of one entry's grid."""
MOST_TRIALS = 1_000_000
IN_MEMORY = Path("suite in memory")
Location = tuple[str | int, ...]


class Source:
    """The text of a suite file, where each of its values stands, and which of them the command line has set."""

    def __init__(self, path: Path, text: str, tree: CommentedMap) -> None:
        self.path, self.lines, self.tree = path, text.splitlines(), tree
        self.overridden: dict[Location, str] = {}

    def error(self, message: str, location: Location = (), at_key: bool = False) -> SuiteError:
        """The error at the value that ``location`` leads to (or at its key), or at the nearest value around it."""
        for place, override in self.overridden.items():
            if location[: len(place)] == place:
                return SuiteError(f"--set {override}: {message}")
        line, column = self.place(location, at_key)
        text = self.lines[line] if line < len(self.lines) else ""
        return SuiteError(message, self.path, line + 1, column + 1, text)

    def folder(self, location: Location) -> Path:
        """Where a relative path at ``location`` starts: beside the file, or here if the command line has set it."""
        here = any(location[: len(place)] == place for place in self.overridden)
        return Path() if here else self.path.parent

    def place(self, location: Location, at_key: bool = False) -> tuple[int, int]:
        """Line and column, from zero, of a value or of its key."""
        node: Any = self.tree
        place = (node.lc.line, node.lc.col)
        for depth, key in enumerate(location, start=1):
            try:
                found = None
                if isinstance(node, CommentedMap) and key in node:
                    found = node.lc.key(key) if at_key and depth == len(location) else node.lc.value(key)
                elif isinstance(node, CommentedSeq):
                    found = node.lc.item(key)
                place, node = found or place, node[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                continue  # a step of pydantic's that the file does not have (a union's branch): stay where we are
        return place


def read_suite(
    reference: str | Mapping[str, Any], overrides: Iterable[str] = (), seeds: int | None = None
) -> tuple[Suite, Source]:
    """The suite that a path, a shipped suite's name, or a mapping in memory stands for.

    Raises:
        SuiteError: with file, line and column, if the file does not say a valid suite.
        UsageError: if there is no such file.
    """
    source = _parse(find_suite(reference)) if isinstance(reference, str) else _in_memory(reference)
    _check(source)
    for override in overrides:
        _override(source, override)
        _check(source)
    if seeds is not None:
        source.tree["seeds"] = seeds
    try:
        suite = Suite.model_validate(plain(source.tree))
    except ValidationError as error:
        raise _explain(error, source) from None
    _check_size(suite, source)
    return suite, source


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
    if re.match(NAME_PATTERN, reference) and not reference.endswith((".yaml", ".yml")):
        raise UsageError(f"no suite is called '{reference}'{suggest(reference, shipped)}")
    raise UsageError(f"{reference}: there is no such file{suggest(path.stem, shipped)}")


def suite_folders() -> list[Path]:
    """Where suites are looked for by name; a checkout's own come first."""
    package = Path(__file__).resolve().parents[1]
    folders = [package / "_suites", package.parent / "suites", Path("suites")]
    return [folder for folder in folders if folder.is_dir()]


def _in_memory(document: Mapping[str, Any]) -> Source:
    """A mapping as the text that a file would hold, so that an error can show its place."""
    encoder, text = json.JSONEncoder(indent=1, ensure_ascii=False, allow_nan=False), ""
    try:
        for chunk in encoder.iterencode(document):
            text += chunk
            if len(text) > MAX_BYTES:
                raise UsageError(f"{IN_MEMORY}: larger than {MAX_BYTES} characters; a suite is a few thousand")
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"a suite holds names, numbers, lists and mappings: {one_line(error)}") from None
    # YAML does not read JSON's pairs of surrogates, and not every character as it stands
    return _parse_text(IN_MEMORY, re.sub(r"[^\n -~]", lambda found: f"\\U{ord(found[0]):08x}", text))


def _parse(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError(f"{path}: larger than {MAX_BYTES} bytes; a suite file is a few kilobytes")
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    return _parse_text(path, text)


def _parse_text(path: Path, text: str) -> Source:
    try:
        tree = _load(text)
    except MarkedYAMLError as error:
        raise _yaml_error(path, text, error) from None
    except RecursionError:
        raise SuiteError("is nested too deeply", path) from None
    except (YAMLError, ValueError) as error:
        message = str(error).strip().splitlines() or [type(error).__name__]
        raise SuiteError(f"not a YAML file: {message[0]}", path) from None
    if tree is None:
        raise SuiteError("the file is empty; a suite needs at least name, datasets, methods and budget", path)
    if not isinstance(tree, CommentedMap):
        kind = "list" if isinstance(tree, list) else type(plain(tree)).__name__
        raise SuiteError(f"expected a mapping with name, datasets, methods; got a {kind}", path)
    return Source(path, text, tree)


def _load(text: str) -> Any:
    """The tree of a YAML text, with the places of its values.

    Raises:
        RecursionError: if it is nested too deeply.
        YAMLError, ValueError: if it is not YAML.
    """
    depth = 0
    if len(text) > 10 * MAX_BYTES:  # each character of a mapping in memory may have become ten
        raise ValueError(f"longer than {10 * MAX_BYTES} characters")
    for bracket in re.findall(r"[\[{}\]]", text):  # the parser takes a minute to lose its way in a hundred thousand
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > 3 * MAX_DEPTH:
            raise RecursionError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an anchor used twice is an oddity of the file, and no business of Python's
        try:
            return YAML(typ="rt", pure=True).load(io.StringIO(text))
        except (LookupError, AttributeError, TypeError, AssertionError) as error:
            raise ValueError(f"a value does not fit its tag or anchor ({type(error).__name__})") from None


def _yaml_error(path: Path, text: str, error: MarkedYAMLError) -> SuiteError:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    message = " ".join(str(error.problem or error.context or "not valid YAML").split())
    message = re.sub(r' with value ".*', "", message)
    if mark is None:
        return SuiteError(message, path)
    line = lines[mark.line] if mark.line < len(lines) else ""
    return SuiteError(message, path, mark.line + 1, mark.column + 1, line)


def _check(source: Source) -> None:
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


def _check_size(suite: Suite, source: Source) -> None:
    """See that the suite does not multiply to more trials than anybody can run, nor asks for more memory than there is.

    Raises:
        SuiteError: if it does.
    """
    points = {"datasets": 0, "methods": 0}
    for shelf in points:
        for index, entry in enumerate(getattr(suite, shelf)):
            count = math.prod(len(values) for values in entry.grid.values())
            if count > MOST_POINTS:
                raise source.error(f"the grid has more than {MOST_POINTS} points", (shelf, index, "grid"))
            points[shelf] += count
    if math.prod(points.values()) * len(suite.seeds) * len(suite.devices) > MOST_TRIALS:
        raise source.error(f"the suite stands for more than {MOST_TRIALS} trials")
    if suite.memory >= 2**62:
        raise source.error("memory: more than any machine has", ("memory",))


def _override(source: Source, text: str) -> None:
    """Apply ``--set a.b=v``; a step into a list is an index or the name of an entry."""
    path, equals, value_text = text.partition("=")
    steps = [step for step in path.strip().split(".") if step]
    if not equals or not steps:
        raise UsageError(f"--set {text}: expected KEY=VALUE, such as --set budget.passes=100000")
    try:
        value = _load(value_text)
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
    if isinstance(node, CommentedSeq):
        return _index(node, step, text)
    if not isinstance(node, CommentedMap):
        raise UsageError(f"--set {text}: a single value has no '{step}' inside")
    return step


def _descend(node: Any, key: str | int, text: str) -> Any:
    """What stands at a key; a bare name becomes an entry, and what is missing a mapping."""
    if isinstance(node, CommentedSeq) and isinstance(node[key], str):
        node[key] = CommentedMap({"name": node[key]})
    elif isinstance(node, CommentedMap) and key not in node:
        node[key] = CommentedMap()
    return node[key]


def _index(node: CommentedSeq, step: str, text: str) -> int:
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


_PATIENCE = {"extra_forbidden": 0, "missing": 2, "too_short": 2}
"""What is shown first: a misspelled key explains a missing one, a bad entry an empty list."""

_WORDS = {"tuple_type": "expected a list", "model_type": "expected a mapping", "dict_type": "expected a mapping"}
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
    where = f"{name}: " if name else ""
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
