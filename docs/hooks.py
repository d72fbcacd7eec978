"""What the site has beyond docs/: the README as its first page, cards of all that is built in, the reference tables.

MkDocs runs this (``hooks`` in mkdocs.yml). Nothing is written into the working tree. Pages from elsewhere in the
repository keep their place in it; a link to what is not a part of the site becomes its text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ebmbench.cards.card import Card
from ebmbench.cards.making import card_of, entries
from ebmbench.cards.measured import BUILT_IN
from ebmbench.cards.methods import MethodCard
from ebmbench.cards.pages import FOLDERS, card_page, index_page
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Strategy

ROOT = Path(__file__).resolve().parents[1]
HOME = "index.md"
GUIDES = ("tutorial.md", "plugins.md", "extending.md", "metrics.md", "statistics.md", "gate.md", "architecture.md")
"""The order of those that there are; others follow by name."""
FROM_ROOT = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "tests/faults/README.md")
PICTURES = {".svg", ".png", ".html"}
"""What boards show beside themselves: pictures, and pages that stand alone."""
BOARDS = ("README.md", "leaderboard.md")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")

Nav = list[dict[str, object]]


@cache
def cards() -> tuple[Card, ...]:
    """Of all that ebmbench itself offers, whatever else is installed."""
    catalog = load_catalog()
    return tuple(card_of(entry, catalog) for entry in entries(catalog) if entry.owner.startswith(BUILT_IN))


def cards_of(noun: str) -> list[Card]:
    """Of one kind: methods by strategy, the others as the catalog has them."""
    found = [card for card in cards() if card.noun == noun]
    order = [strategy.value for strategy in Strategy]
    return sorted(found, key=lambda card: order.index(card.strategy) if isinstance(card, MethodCard) else 0)


@cache
def tables() -> tuple[str, ...]:
    """Folders of results/reference that have a board."""
    return tuple(sorted(path.parent.name for path in (ROOT / "results/reference").glob("*/leaderboard.md")))


@cache
def carried() -> frozenset[str]:
    """Paths in the repository of what the site has from outside of docs/."""
    found = {name for name in FROM_ROOT if (ROOT / name).is_file()}
    found |= {str(path.relative_to(ROOT)) for path in ROOT.glob("plugins/ebmbench_plugins/*/README.md")}
    reference = ROOT / "results/reference"
    shown = (path for path in reference.rglob("*") if path.suffix in PICTURES or path.name in BOARDS)
    found |= {str(path.relative_to(ROOT)) for path in shown}
    return frozenset(found)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give the site its navigation."""
    config.nav = list(navigation())
    return config


def navigation() -> Iterator[dict[str, object]]:
    """The first page, guides, cards, reference tables, the project."""
    yield {"Start": HOME}
    there = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    yield {"Guides": [name for name in GUIDES if name in there] + [name for name in there if name not in GUIDES]}
    methods: Nav = [{"All": "methods/index.md"}]
    for strategy in Strategy:
        own = [card for card in cards_of("method") if isinstance(card, MethodCard) and card.strategy == strategy.value]
        methods.append({strategy.value: [*_readme(own), *map(_entry, own)]})
    yield {"Methods": methods}
    for noun in ("dataset", "metric"):
        yield {FOLDERS[noun].capitalize(): [{"All": f"{FOLDERS[noun]}/index.md"}, *map(_entry, cards_of(noun))]}
    boards = [{name: f"results/reference/{name}/leaderboard.md"} for name in tables()]
    gates = [{"gate": "results/reference/gate/README.md"}]
    yield {"Reference results": ["results/reference/README.md", *boards, *gates]}
    yield {"Project": [name for name in FROM_ROOT if name in carried()]}


def _entry(card: Card) -> dict[str, object]:
    return {card.about.name: f"{FOLDERS[card.noun]}/{card.about.name}.md"}


def _readme(own: list[MethodCard]) -> list[dict[str, object]]:
    """The page of a strategy stands in the folder of its methods."""
    folders = {card.about.source.target.split(".")[1] for card in own}
    pages = sorted(f"plugins/ebmbench_plugins/{folder}/README.md" for folder in folders)
    return [{"The strategy": page} for page in pages if page in carried()]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not stand in docs/."""
    files.append(File.generated(config, HOME, content=(ROOT / "README.md").read_text(encoding="utf-8")))
    for noun, folder in FOLDERS.items():
        own = cards_of(noun)
        files.append(File.generated(config, f"{folder}/index.md", content=index_page(folder.capitalize(), own)))
        for card in own:
            files.append(File.generated(config, f"{folder}/{card.about.name}.md", content=card_page(card)))
    for path in sorted(carried()):
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links between files of the repository to their pages."""
    origin = origin_of(page.file.src_uri)
    if origin is None:
        return markdown
    folder = posixpath.dirname(origin)

    def leads(match: re.Match[str]) -> str:
        text, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        uri = uri_of(posixpath.normpath(posixpath.join(folder, path)), files)
        if uri is None:
            return text
        near = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"{match[0][: match[0].index('](')]}]({near}{hash_}{anchor})"

    return PICTURE.sub(leads, LINK.sub(leads, markdown))


def origin_of(uri: str) -> str | None:
    """Where a page stands in the repository; None for one that is made."""
    if uri == HOME:
        return "README.md"
    if uri in carried():
        return uri
    return f"docs/{uri}" if (ROOT / "docs" / uri).is_file() else None


def uri_of(path: str, files: Files) -> str | None:
    """The page or file of the site that a path of the repository, or a folder of it, became."""
    if path == "README.md":
        return HOME
    inside = path.removeprefix("docs/")
    for name in (inside, f"{path}/leaderboard.md", f"{path}/README.md"):
        if files.get_file_from_path(name) is not None:
            return name
    return None
