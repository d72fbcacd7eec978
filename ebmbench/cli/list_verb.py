"""``ebmbench list``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import options
from ebmbench.contracts.records import Strategy
from ebmbench.errors import UsageError, printable

Records = list[dict[str, Any]]

WIDTH_OF_A_FILE = 160
"""Characters of a line when nobody's terminal sets them."""


def _said(entry: CatalogEntry[Any], *names: str) -> dict[str, Any]:
    """What a record says of itself, in plain types, and who offers it."""
    return {**{name: _plain(getattr(entry.spec, name)) for name in names}, "owner": entry.owner}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [part for part in value if part]
    return getattr(value, "value", value)


def methods(catalog: Catalog) -> Records:
    """The methods in the order of the strategies."""
    order = list(Strategy)
    entries = sorted(catalog.methods.values(), key=lambda entry: (order.index(entry.spec.strategy), entry.spec.name))
    return [_said(entry, "name", "strategy", "kind", "summary") for entry in entries]


def strategies(catalog: Catalog) -> Records:
    """The seven strategies, with the methods of each."""
    members = {s: [e.spec.name for e in catalog.methods.values() if e.spec.strategy is s] for s in Strategy}
    return [
        {"name": s.value, "family": s.family, "summary": s.idea, "methods": names}
        for s, names in members.items()
        if s is not Strategy.REFERENCE
    ]


def plugins_found(catalog: Catalog) -> Records:
    """The plugins that work, then those that do not."""
    working = [{"name": owner, "status": "ok", "error": ""} for owner in catalog.plugins]
    return working + [{"name": broken.owner, "status": "broken", "error": broken.error} for broken in catalog.broken]


def _incomplete(catalog: Catalog) -> dict[str, list[str]]:
    """Methods that cannot be used here, by what they need and is not installed."""
    found: dict[str, list[str]] = {}
    for name, entry in catalog.methods.items():
        if entry.missing:
            found.setdefault(entry.missing, []).append(name)
    return found


def _members(catalog: Catalog, what: str, track: str) -> set[str]:
    """The methods that work on data of a track, or its datasets."""
    from ebmbench.cards.methods import datasets_at_hand, works_on

    if what not in ("methods", "datasets"):
        raise UsageError(f"--track: {what} belong to no track; expected methods or datasets")
    catalog.find("tracks", track)
    if what == "datasets":
        return {name for name, dataset in datasets_at_hand(catalog).items() if dataset.track == track}
    entries = catalog.methods.items()
    return {name for name, entry in entries if track in works_on(entry.load(), entry.spec, catalog).tracks}


METRIC_FIELDS = ("name", "unit", "direction", "variants", "summary")
LISTS: dict[str, Callable[[Catalog], Records]] = {
    "methods": methods,
    "strategies": strategies,
    "datasets": lambda catalog: [_said(entry, "name", "summary") for entry in catalog.datasets.values()],
    "metrics": lambda catalog: [_said(entry, *METRIC_FIELDS) for entry in catalog.metrics.values()],
    "tracks": lambda catalog: [_said(entry, "name", "summary") for entry in catalog.tracks.values()],
    "reporters": lambda catalog: [_said(entry, "name", "product", "summary") for entry in catalog.reporters.values()],
    "plugins": plugins_found,
}


@click.command("list")
@click.argument("what", type=click.Choice(list(LISTS)), default="methods")
@click.option("--track", help="only methods that work on data of this track, or its datasets")
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, what: str, track: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """List what the plugins offer; a plugin that does not work is one red line."""
    catalog = load_catalog([Path(name) for name in options.all_plugins(ctx, plugins)])
    records = LISTS[what](catalog)
    if track is not None:
        on_track = _members(catalog, what, track)
        records = [record for record in records if record["name"] in on_track]
    if as_json:
        click.echo(json.dumps(records, indent=1))
    else:
        _print_table(records)
    for missing, names in _incomplete(catalog).items() if what == "methods" else ():
        options.red(f"{', '.join(names)}: {missing}")
    for broken in catalog.broken:
        options.red(f"broken plugin {broken.owner}: {broken.error}")


def _print_table(records: Records) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_A_FILE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = list(records[0]) if records else []
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head in ("name", "strategy", "kind"))
    for record in records:
        table.add_row(*(Text(_cell(record[head])) for head in heads))
    console.print(table)


def _cell(value: Any) -> str:
    return printable(", ".join(value) if isinstance(value, list) else str(value))
