"""The house: what a module may import when it is imported, of what size it is, and that it has tests of its own.

That floors import downwards only, and that no room has a circle, is held by import-linter: ``make lint``.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ebmbench"
PLUGINS = ROOT / "plugins" / "ebmbench_plugins"
MODULES = sorted(PACKAGE.rglob("*.py"))
ALL = [*MODULES, *sorted(PLUGINS.rglob("*.py"))]
MAX_LINES = 350
MAX_FUNCTION_LINES = 60
HEAVY = {"torch", "numpy", "scipy", "sklearn", "pandas", "pyarrow", "mlflow", "matplotlib", "seaborn", "zuko"}
"""What takes longer to import than a person waits for a list."""
LISTING = (
    "ebmbench.cli",
    "ebmbench.api",
    "ebmbench.catalog.loading",
    "ebmbench.contracts.records",
    "ebmbench.datasets",
    "ebmbench.metrics",
    "ebmbench.report",
    "ebmbench.suite.loading",
    *(f"ebmbench_plugins.{path.parent.name}" for path in sorted(PLUGINS.glob("*/__init__.py"))),
)
"""What is imported to list, to read a suite, to refuse one."""
ELSEWHERE = {
    "ebmbench.cli.options": "cli/test_bad_input.py",
    "ebmbench.results": "cli/test_results.py",
    "ebmbench.session": "cli/test_session.py",
}
"""Modules that are tested beside the verbs which people use them by."""


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    root = ROOT / "plugins" if path.is_relative_to(PLUGINS) else ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


PATHS = {name_of(path): path for path in ALL}


@cache
def tree_of(path: Path) -> ast.Module:
    """What stands in a file."""
    return ast.parse(path.read_text())


def imports(node: ast.AST, *, late: bool) -> Iterator[str]:
    """Modules that are imported when the code runs, not those under TYPE_CHECKING; ``late``: in functions too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if not late and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imports(child, late=late)


def at_import(*modules: str) -> set[str]:
    """All that is imported when some modules of ours are: theirs, those of their packages, and so on."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        if name in PATHS:
            waiting += imports(tree_of(PATHS[name]), late=False)
    return found


# --- imports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", LISTING)
def test_nothing_heavy_is_imported_for_listing(module: str) -> None:
    assert {name.partition(".")[0] for name in at_import(module)} & HEAVY == set()


def test_what_is_heavy_would_be_seen() -> None:
    """The wrong twin: also through a module in between, and not where a function imports it."""
    assert "torch" in at_import("ebmbench.parts.nets")
    assert "torch" in at_import("ebmbench_plugins.c2_chosen_points.nce")
    assert "pandas" not in at_import("ebmbench.cli")
    assert any("pandas" in at_import(name) for name in PATHS)


@pytest.mark.process
def test_a_list_of_everything_imports_nothing_heavy() -> None:
    """As it is, in a process of its own: every hook is asked, nothing is chosen."""
    code = """
import json, sys
from ebmbench.catalog.loading import load_catalog
catalog = load_catalog()
assert catalog.methods and catalog.metrics and not catalog.broken
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & HEAVY == set()


@pytest.mark.parametrize("path", [path for path in ALL if path.is_relative_to(PLUGINS)], ids=name_of)
def test_a_plugin_stands_on_the_public_face_alone(path: Path) -> None:
    """What is not for plugins may change without a word to them; ours have no other door than everybody's."""
    used = {name for name in imports(tree_of(path), late=True) if name.partition(".")[0] == "ebmbench"}
    assert {name for name in used if name != "ebmbench.api" and not name.startswith("ebmbench.api.")} == set()


def test_a_plugin_that_stands_elsewhere_is_seen() -> None:
    tree = ast.parse("def build(problem):\n    from ebmbench.store import folders\n")
    assert list(imports(tree, late=True)) == ["ebmbench.store", "ebmbench.store.folders"]
    assert list(imports(tree, late=False)) == []


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_module_is_of_a_size_that_can_be_read(path: Path) -> None:
    """So is each of its functions."""
    assert len(path.read_text().splitlines()) <= MAX_LINES
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES] == []


# --- tests ------------------------------------------------------------------------------------------------------------


def place_of_tests(path: Path) -> Path:
    """Where the tests of a module stand; those of a verb are called after what people type."""
    if name_of(path) in ELSEWHERE:
        return ROOT / "tests" / ELSEWHERE[name_of(path)]
    stem = path.stem.removesuffix("_verb")
    return ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{stem}.py")


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=name_of)
def test_a_module_has_tests_of_its_own(path: Path) -> None:
    assert place_of_tests(path).is_file()


def test_every_strategy_of_the_plugins_is_tested() -> None:
    """By all that a method promises, and by files of its own."""
    text = "".join(path.read_text() for path in sorted((ROOT / "tests" / "plugins").glob("test_*.py")))
    modules = [name for name, path in PATHS.items() if path.is_relative_to(PLUGINS) and path.name != "__init__.py"]
    assert [name for name in modules if name.rpartition(".")[2] not in text] == []


@pytest.mark.long
@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem)
def test_a_test_imports_no_other_test(path: Path) -> None:
    """What several need is a builder, and stands beside them."""
    found = imports(tree_of(path), late=True)
    assert [name for name in found if name.startswith("tests.") and ".test_" in name] == []
