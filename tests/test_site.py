"""The site's hooks: navigation, what comes from outside of docs/, links. ``make docs`` builds all of it strictly."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]


@cache
def hooks() -> ModuleType:
    """docs/hooks.py, as MkDocs loads it."""
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["site_hooks"] = module
    spec.loader.exec_module(module)
    return module


@cache
def config() -> MkDocsConfig:
    found = load_config(str(ROOT / "mkdocs.yml"), hooks=[])
    found.plugins._current_plugin = "hooks"  # as MkDocs sets it while it calls one
    return found


@cache
def files() -> Files:
    """All of the site's."""
    folder = ROOT / "docs"
    own = [File(str(path.relative_to(folder)), str(folder), "site", False) for path in folder.glob("*.*")]
    found: Files = hooks().on_files(Files(own), config())
    return found


def led(uri: str, text: str) -> str:
    """What the links of a page become."""
    file = files().get_file_from_path(uri)
    assert file is not None
    made: str = hooks().on_page_markdown(text, Page(None, file, config()), config(), files())
    return made


@pytest.mark.long
@pytest.mark.parametrize(
    ("uri", "text", "becomes"),
    [
        ("index.md", "[a](docs/gate.md)", "[a](gate.md)"),
        ("index.md", "[a](docs/gate.md#x)", "[a](gate.md#x)"),
        ("index.md", "[a](results/reference/seven)", "[a](results/reference/seven/leaderboard.md)"),
        ("index.md", "![a](results/reference/toy2d/rings.png)", "![a](results/reference/toy2d/rings.png)"),
        ("index.md", "[a](action.yml) and [b](.github/workflows/ci.yml)", "a and b"),
        ("index.md", "[a](https://x) [b](#here) [c](mailto:x@y)", "[a](https://x) [b](#here) [c](mailto:x@y)"),
        ("gate.md", "[a](../README.md), [b](architecture.md)", "[a](index.md), [b](architecture.md)"),
        (
            "plugins/ebmbench_plugins/a1_bounded_volume/README.md",
            "[a](../../../docs/charges.md)",
            "[a](../../../charges.md)",
        ),
        ("methods/nce.md", "[a](docs/gate.md)", "[a](docs/gate.md)"),
    ],
)
def test_links_lead_to_pages_and_what_has_none_is_text(uri: str, text: str, becomes: str) -> None:
    assert led(uri, text) == becomes


@pytest.mark.long
def test_the_navigation_has_every_page_once() -> None:
    def uris(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        return [uri for inner in (part.values() if isinstance(part, dict) else part) for uri in uris(inner)]  # type: ignore[attr-defined]

    listed = uris(list(hooks().navigation()))
    assert len(set(listed)) == len(listed)
    pages = {file.src_uri for file in files() if file.is_documentation_page()}
    assert set(listed) == pages


@pytest.mark.long
def test_there_is_a_page_for_each_of_ours_and_for_nobody_elses() -> None:
    catalog = hooks().load_catalog()
    for noun, entries in (("method", catalog.methods), ("dataset", catalog.datasets), ("metric", catalog.metrics)):
        ours = [name for name, entry in entries.items() if entry.owner.startswith("ebmbench:")]
        assert sorted(card.about.name for card in hooks().cards_of(noun)) == sorted(ours)


def test_nothing_is_fetched_by_the_site() -> None:
    assert config().theme["font"] is False
    assert [str(one) for one in config().extra_javascript] == []
    assert list(config().extra_css) == []
    assert config().strict
    assert list(config().plugins) == ["material/search"]


def test_what_is_built_is_not_committed() -> None:
    assert "site/" in (ROOT / ".gitignore").read_text().splitlines()
    assert "mkdocs build" in (ROOT / "Makefile").read_text()
    assert "make docs" in (ROOT / ".github/workflows/ci.yml").read_text()
