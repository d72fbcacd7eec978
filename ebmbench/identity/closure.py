"""The source code behind a computation: what must be edited for its numbers to change.

The *closure* of a module is the module and what it imports, followed statically inside the module's own distribution.
Comments, docstrings and formatting do not count. Other distributions count by their version, unless they are installed
to be edited (``pip install -e``): those, and modules of no distribution, count by their source.

An import counts wherever it stands: in a function, under a condition (``TYPE_CHECKING`` too), in a ``try``, relative or
not, with a star, and as ``importlib.import_module("a.b")`` or ``__import__("a.b")`` with the name written out. A name
taken from ``ebmbench.api`` is followed to the module that defines it, and what a problem makes (``problem.energy_net``)
to the module that makes it.

Of a module that is asked for by a name of it (``mine:NCE``) only what that name is made of counts
(:mod:`ebmbench.identity.slices`), unless another imports the module.

Of ebmbench itself only the modules of ``NUMBERS`` count: an edit of a message, a record, a report, an observer or an
executor makes no number. What does not count either, and must be told by a parameter, a new file name or ``--fresh``:

- files that are not Python (data that a plugin reads, compiled extensions of a plugin's own);
- modules whose name is computed when the code runs, and code that is made of text (``exec``);
- the ``__init__`` of a package of which only a module is taken (``from a.b import c``, where ``c`` is a module), which
  Python runs on the way: this lets the records of a strategy's methods be edited without running them all again;
- Python, the operating system, the processor, the environment.
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
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.slices import part_of

OWN = ("ebmbench", "ebmbench_plugins")
TRAINING = ("checks", "components", "counting", "loop", "milestones", "seeding", "stream")
"""Of the room ``training`` what a model depends on."""
NUMBERS = (
    "ebmbench.contracts.",
    "ebmbench.datasets.",
    "ebmbench.parts.",
    "ebmbench.truth.",
    "ebmbench.metrics.",
    *(f"ebmbench.training.{name}" for name in (*TRAINING, "measuring", "models")),
)
"""Modules of ebmbench that make numbers, those of a whole room by its name and a dot."""
SILENT = ("ebmbench.contracts.records", "ebmbench.datasets.files", "ebmbench.parts.shared")
"""Modules of those rooms that make none: records, what reads users' files, what hands out a problem's parts."""
MADE = {"energy_net": "ebmbench.parts.nets", "map_net": "ebmbench.parts.nets", "gaussian": "ebmbench.parts.noise"}
"""What a problem makes, and where: whoever uses such a name depends on it."""
PROBLEM = "ebmbench.contracts.problem"
"""What only hands them on."""
ALWAYS = ("torch", "numpy")
LOCAL = "ebmbench_local_"
"""How the names begin that single files are imported under."""
UNKNOWN = "unknown"
ALL: frozenset[str] = frozenset()
"""Of a module's names: no part of them, but all it holds."""


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


@cache
def closure_of(*targets: str) -> Closure:
    """The closure of modules (dotted names; a loaded single-file plugin's too), or of names in them.

    Args:
        targets: ``module``, or ``module:Name`` for what that name is made of.
    """
    parts = _asked(targets)
    found: dict[str, str] = {}
    foreign: set[str] = set(ALWAYS)
    waiting = sorted(parts)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = module_path(name)
        if path is None:
            foreign.add(name.partition(".")[0])
            continue
        digest, imports = (_read_once if name.startswith(LOCAL) else _read)(str(path), name, parts.get(name, ALL))
        found[name] = digest
        for imported in filter(makes_numbers, imports):
            if not _followed(name, imported):
                foreign.add(imported.partition(".")[0])
                continue
            if parts.get(imported, ALL):  # what imports it may take anything of it
                del parts[imported]
                found.pop(imported, None)
            waiting.append(imported)
    versions = {_distribution(top): _version(top) for top in foreign if top not in sys.stdlib_module_names}
    local = tuple(sorted((public_name(name), digest) for name, digest in found.items()))
    return Closure(local, tuple(sorted(versions.items())))


def _asked(targets: Iterable[str]) -> dict[str, frozenset[str]]:
    """The modules of these targets, with the names that are asked for; none of them for all that a module holds."""
    found: dict[str, frozenset[str]] = {}
    for target in sorted(targets, reverse=True):  # a module that is asked for as a whole comes after its names
        module, _, inside = target.partition(":")
        found[module] = found.get(module, ALL) | {inside.partition(".")[0]} if inside else ALL
    return found


def public_name(target: str) -> str:
    """A module or target with the name that a single-file plugin was imported under replaced by ``file``.

    That name holds a hash of all of the file's text, comments too; its code counts through the closure.
    """
    return re.sub(rf"^{LOCAL}\w+", "file", target)


def makes_numbers(module: str) -> bool:
    """Whether a module counts, if it is one of ebmbench's own rooms."""
    if module.partition(".")[0] != "ebmbench":
        return True
    return module not in SILENT and any(module == name or module.startswith(name) for name in NUMBERS)


def _followed(importer: str, imported: str) -> bool:
    """Whether code counts by its source: it is ours, the importer's own, or of nothing that has a fixed version."""
    top = imported.partition(".")[0]
    if top in OWN or top == importer.partition(".")[0]:
        return True
    if top in sys.stdlib_module_names:
        return False
    return (_version(top) == UNKNOWN or _is_editable(top)) and module_path(imported) is not None


@cache
def module_path(name: str) -> Path | None:
    """The source file of a module, found without importing anything; None when it is not Python source."""
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None):
        path = Path(str(loaded.__file__))
        return path if path.suffix == ".py" else None
    top, _, rest = name.partition(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # an empty name, of an import that goes above the top; or a module that was made by hand
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    if not spec.submodule_search_locations:
        return None
    for root in spec.submodule_search_locations:
        base = Path(root).joinpath(*rest.split("."))
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _parsed(path: str, module: str, names: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The hash of a file's code without comments, docstrings and formatting; and the modules that it imports.

    If there are ``names``, of their part of it.
    """
    content = Path(path).read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # never run, or the trial says so: an import in a branch that is not taken
        return hashlib.sha256(content).hexdigest(), frozenset()
    tree = _without_docstrings(tree)
    if names:
        tree = part_of(tree, names)
    imports = frozenset(_imports(tree, module, is_package=path.endswith("__init__.py"))) - {""}
    if "ebmbench.api" in imports:  # as a module: any of its names may be asked of it
        imports |= frozenset(api_table().values())
    return sha256(ast.unparse(tree)), imports


_read = cache(_parsed)
_read_once = cache(_parsed)
"""For single files: the name is that of one text, whatever the file that it was loaded from says since."""


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
                top = alias.name.partition(".")[0]
                if not alias.asname and top not in OWN:  # what is bound is the whole package
                    yield top
        elif isinstance(node, ast.Call):
            yield from _called_import(node, module, is_package)
        elif isinstance(node, ast.Attribute) and node.attr in MADE and module != PROBLEM:
            yield MADE[node.attr]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            if base == "ebmbench.api":
                table = api_table()
                names = table if node.names[0].name == "*" else [alias.name for alias in node.names]
                yield from (table[name] for name in names if name in table)
                continue
            if node.names[0].name == "*":
                yield from _submodules(base)
            submodules = [f"{base}.{alias.name}" for alias in node.names if _is_submodule(base, alias.name)]
            yield from submodules
            if len(submodules) < len(node.names):
                yield base


@cache
def api_table() -> dict[str, str]:
    """The names that ``ebmbench.api`` offers, with the modules that define them: what its stub says."""
    stub = ast.parse(Path(__file__).parents[1].joinpath("api.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"ebmbench.{node.module}" for node in imports for alias in node.names}


def _called_import(node: ast.Call, module: str, is_package: bool) -> Iterator[str]:
    """The module of ``import_module("a.b")``, ``import_module(".b", __package__)`` or ``__import__("a.b")``."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if node.args else None
    if called not in ("import_module", "__import__") or not isinstance(first, ast.Constant):
        return
    if isinstance(first.value, str) and first.value.strip("."):
        name = first.value.lstrip(".")
        yield _from_here(module, is_package, len(first.value) - len(name), name)


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    return _from_here(module, is_package, node.level, node.module or "")


def _from_here(module: str, is_package: bool, level: int, name: str) -> str:
    """The full name of what a module calls ``name`` with as many dots before it as ``level`` says."""
    if not level:
        return name
    parts = module.split(".") if is_package else module.split(".")[:-1]
    parts = parts[: max(0, len(parts) - level + 1)]
    return ".".join([*parts, *([name] if name else [])])


def _is_submodule(base: str, name: str) -> bool:
    path = module_path(base)
    if path is None:  # a folder without an __init__ is a package of modules alone
        return module_path(f"{base}.{name}") is not None
    if path.name != "__init__.py":
        return False
    return (path.parent / f"{name}.py").is_file() or (path.parent / name / "__init__.py").is_file()


def _submodules(base: str) -> Iterator[str]:
    """The modules of a package, all of which a star may take (its ``__all__`` decides when it runs)."""
    path = module_path(base)
    if path is not None and path.name == "__init__.py":
        yield from (f"{base}.{file.stem}" for file in sorted(path.parent.glob("*.py")) if file != path)


def forget() -> None:
    """Read all sources anew: they may have been edited since this process read them."""
    for function in (closure_of, module_path, _read):
        function.cache_clear()
    importlib.invalidate_caches()


@cache
def _is_editable(top: str) -> bool:
    """Whether a distribution is installed from a folder that is worked on: its version says little then."""
    try:
        facts = json.loads(distribution(_distribution(top)).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return False
    return bool(isinstance(facts, dict) and facts.get("dir_info", {}).get("editable"))


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
