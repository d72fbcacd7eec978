"""The house: floors import downwards only, nothing heavy is imported for listing, plugins use the public face."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ebmbench"

FLOORS = (
    "cli",
    "session",
    "report",
    "analysis",
    "observers",
    "harness",
    "metrics",
    "parts",
    "datasets",
    "store",
    "suite",
    "contracts",
)
"""From the roof to the ground. ``api`` stands beside them: it imports nothing until it is asked."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def runtime_imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported when the code runs, those inside functions too; not those under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from runtime_imports(node)


def floor_of(module: str) -> int | None:
    parts = module.split(".")
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else None


def upward(importer: str, imports: Iterator[str]) -> list[str]:
    here = floor_of(importer)
    if here is None:
        return []
    floors = ((name, floor_of(name)) for name in imports if name.startswith("ebmbench."))
    return [name for name, floor in floors if floor is not None and floor < here]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_no_floor_above_its_own(path: Path) -> None:
    importer = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    assert upward(importer, runtime_imports(ast.parse(path.read_text()))) == []


def test_an_upward_import_is_seen() -> None:
    tree = ast.parse("def f():\n    from ebmbench.report import figures\n")
    assert upward("ebmbench.store.folders", runtime_imports(tree))


def test_every_module_stands_on_a_floor() -> None:
    beside = {"__init__", "api", "py", "testing"}
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert names - beside == set(FLOORS)


def test_plugins_stand_on_the_public_face_and_on_parts() -> None:
    allowed = ("ebmbench.api", "ebmbench.parts.")
    for path in sorted((ROOT / "plugins" / "ebmbench_plugins").rglob("*.py")):
        imports = [name for name in runtime_imports(ast.parse(path.read_text())) if name.startswith("ebmbench.")]
        assert [name for name in imports if not name.startswith(allowed)] == [], path


def test_modules_are_of_a_size_that_can_be_read() -> None:
    assert [str(path) for path in MODULES if len(path.read_text().splitlines()) > 400] == []
