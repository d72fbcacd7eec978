"""What a suite says, and where each of its values stands: in a file, or in a mapping made in Python."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ebmbench.errors import SuiteError, UsageError

MAX_BYTES = 100_000
"""Of a suite file: a larger one would keep the parser busy for longer than anybody waits."""
MAX_DEPTH = 32
Location = tuple[str | int, ...]


class Source:
    """What a suite says, where each of its values stands, and which of them the command line has set.

    A suite made in Python has no file: its places are dotted paths.

    Args:
        path: the file, if there is one.
        text: what stands in it.
        tree: the same as nested mappings and lists.
    """

    def __init__(self, path: Path | None, text: str, tree: Any) -> None:
        self.path, self.lines, self.tree = path, text.splitlines(), tree
        self.overridden: dict[Location, str] = {}

    def error(self, message: str, location: Location = (), at_key: bool = False) -> SuiteError:
        """The error at the value that ``location`` leads to (or at its key), or at the nearest value around it."""
        for place, override in self.overridden.items():
            if location[: len(place)] == place:
                return SuiteError(f"--set {override}: {message}")
        if self.path is None:
            return SuiteError(": ".join(part for part in (".".join(map(str, self.steps(location))), message) if part))
        line, column = self.place(location, at_key)
        text = self.lines[line] if line < len(self.lines) else ""
        return SuiteError(message, self.path, line + 1, column + 1, text)

    def folder(self, location: Location = ()) -> Path:
        """Where a relative path at ``location`` starts: beside the file, or here if the command line has set it."""
        here = any(location[: len(place)] == place for place in self.overridden)
        return Path() if here or self.path is None else self.path.parent

    def steps(self, location: Location) -> Iterator[str | int]:
        """The steps of a location that the suite has: a union's branch of pydantic's is none."""
        node: Any = self.tree
        for key in location:
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                continue
            yield key

    def place(self, location: Location, at_key: bool = False) -> tuple[int, int]:
        """Line and column, from zero, of a value of the file, or of its key; where there is no file, nowhere."""
        if self.path is None:
            return 0, 0
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
                continue  # a step of pydantic's that the file does not have: stay where we are
        return place


def source_of(path: Path) -> Source:
    """A suite's file.

    Raises:
        UsageError: if it cannot be read, or is no YAML mapping.
    """
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
    try:
        tree = parsed(text)
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
        kind = "list" if isinstance(tree, list) else type(tree).__name__
        raise SuiteError(f"expected a mapping with name, datasets, methods; got a {kind}", path)
    return Source(path, text, tree)


class _Constructor(RoundTripConstructor):
    """ruamel's, whose generators for values with a tag raise when they are closed: Python prints that to the user."""

    def construct_unknown(self, node: Any) -> Iterator[Any]:
        """The value of a node with any tag."""
        made = super().construct_unknown(node)
        for value in made:
            try:
                yield value
            except GeneratorExit:
                with contextlib.suppress(ConstructorError):
                    made.close()  # type: ignore[attr-defined]
                raise


_Constructor.add_constructor(None, _Constructor.construct_unknown)


def parsed(text: str) -> Any:
    """The tree of a YAML text, with the places of its values.

    Raises:
        RecursionError: if it is nested too deeply.
        YAMLError, ValueError: if it is not YAML.
    """
    depth = 0
    if len(text) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} characters")
    for bracket in re.findall(r"[\[{}\]]", text):  # the parser takes a minute to lose its way in a hundred thousand
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > 3 * MAX_DEPTH:
            raise RecursionError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an anchor used twice is an oddity of the file, and no business of Python's
        try:
            reader = YAML(typ="rt", pure=True)
            reader.Constructor = _Constructor
            return reader.load(io.StringIO(text))
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
