"""What makes two trials the same trial: a printable canonical JSON, and the source code behind it.

The code that counts is the *closure* of a class: its module and what that imports, followed statically inside the
module's own distribution; a name taken from ``ebmbench.api`` is followed to the module that defines it. Comments,
docstrings and formatting do not count. Other distributions count by their version.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from ebmbench.api import TABLE

SCHEMA = 1
"""Raised when the meaning of stored results changes in a way that no source file shows."""

OWN = ("ebmbench", "ebmbench_plugins")
HARNESS_MODULES = ("ebmbench.harness.loop", "ebmbench.harness.seeding", "ebmbench.harness.stream")
ALWAYS = ("torch", "numpy")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Closure:
    """The modules that a computation is made of, each with the hash of its code, and the foreign versions."""

    modules: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, list[list[str]]]:
        """What stands in a key."""
        return {"modules": [list(pair) for pair in self.modules], "versions": [list(pair) for pair in self.versions]}

    @property
    def digest(self) -> str:
        """One hash of it all."""
        return sha256(canonical(self.as_json()))


def canonical(value: Any) -> str:
    """JSON with sorted keys and nothing to spare: the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256(text: str) -> str:
    """The hash of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def closure_of(modules: Iterable[str]) -> Closure:
    """The closure of the given modules (dotted names; a loaded single-file plugin's too)."""
    found: dict[str, str] = {}
    foreign: set[str] = set(ALWAYS)
    waiting = sorted(set(modules))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = module_path(name)
        if path is None:
            foreign.add(name.partition(".")[0])
            continue
        digest, imports = _read(str(path), name)
        found[name] = digest
        for imported in imports:
            if _followed(name, imported):
                waiting.append(imported)
            else:
                foreign.add(imported.partition(".")[0])
    versions = {_distribution(top): _version(top) for top in foreign if top not in sys.stdlib_module_names}
    local = tuple(sorted((public_name(name), digest) for name, digest in found.items()))
    return Closure(local, tuple(sorted(versions.items())))


def trial_code(method: str, dataset: str) -> Closure:
    """The closure of a trial: its method, its dataset, and the part of the harness that makes the numbers."""
    return _trial_code(method.partition(":")[0], dataset.partition(":")[0])


@cache
def _trial_code(method_module: str, dataset_module: str) -> Closure:
    return closure_of([method_module, dataset_module, *HARNESS_MODULES])


def public_name(target: str) -> str:
    """A module or target with the name that a single-file plugin was imported under replaced by ``file``.

    That name holds a hash of all of the file's text, comments too; its code counts through the closure.
    """
    return re.sub(r"^ebmbench_local_\w+", "file", target)


def _followed(importer: str, imported: str) -> bool:
    """Whether code counts by its source: it is ours, the importer's own, or of no distribution that has a version."""
    top = imported.partition(".")[0]
    if top in OWN or top == importer.partition(".")[0]:
        return True
    return top not in sys.stdlib_module_names and _version(top) == UNKNOWN and module_path(imported) is not None


@cache
def module_path(name: str) -> Path | None:
    """The source file of a module, found without importing anything; None when it is not Python source."""
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None):
        path = Path(str(loaded.__file__))
        return path if path.suffix == ".py" else None
    top, _, rest = name.partition(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.origin:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    if not spec.submodule_search_locations:
        return None
    for root in spec.submodule_search_locations:
        base = Path(root).joinpath(*rest.split("."))
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


@cache
def _read(path: str, module: str) -> tuple[str, frozenset[str]]:
    """The hash of a file's code without comments, docstrings and formatting; and the modules that it imports."""
    tree = ast.parse(Path(path).read_bytes())
    imports = frozenset(_imports(tree, module, is_package=path.endswith("__init__.py")))
    return sha256(ast.unparse(_without_docstrings(tree))), imports


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            kept = [item for item in body if not _is_text(item)]
            node.body = kept or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            if base == "ebmbench.api":
                names = TABLE if node.names[0].name == "*" else [alias.name for alias in node.names]
                yield from (TABLE[name] for name in names if name in TABLE)
                continue
            submodules = [f"{base}.{alias.name}" for alias in node.names if _is_submodule(base, alias.name)]
            yield from submodules
            if len(submodules) < len(node.names):
                yield base


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".") if is_package else module.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _is_submodule(base: str, name: str) -> bool:
    path = module_path(base)
    if path is None or path.name != "__init__.py":
        return False
    return (path.parent / f"{name}.py").is_file() or (path.parent / name / "__init__.py").is_file()


@cache
def _distribution(top: str) -> str:
    """The distribution that a top-level name comes from; most share its name, which saves reading every record."""
    try:
        version(top)
    except PackageNotFoundError:
        return (_top_levels().get(top) or [top])[0].lower()
    return top.lower()


@cache
def _top_levels() -> dict[str, list[str]]:
    return dict(packages_distributions())


@cache
def _version(top: str) -> str:
    try:
        return version(_distribution(top)).partition("+")[0]
    except PackageNotFoundError:
        return UNKNOWN
