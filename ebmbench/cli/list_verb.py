"""``ebmbench list``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ebmbench.cli import options
from ebmbench.contracts import Strategy
from ebmbench.suite.catalog import Catalog, load_catalog
from ebmbench.suite.errors import printable

Records = list[dict[str, Any]]

WIDTH_OF_A_FILE = 160
"""Characters of a line when nobody's terminal sets them."""


def methods(catalog: Catalog) -> Records:
    """The methods in the order of the strategies."""
    order = list(Strategy)
    entries = sorted(catalog.methods.values(), key=lambda entry: (order.index(entry.spec.strategy), entry.spec.name))
    return [
        {
            "name": entry.spec.name,
            "strategy": entry.spec.strategy.value,
            "kind": entry.spec.kind.value,
            "summary": entry.spec.summary,
            "owner": entry.owner,
        }
        for entry in entries
    ]


def strategies(catalog: Catalog) -> Records:
    """The seven strategies, with the methods of each."""
    return [
        {
            "name": strategy.value,
            "family": strategy.family,
            "summary": strategy.idea,
            "methods": [e.spec.name for e in catalog.methods.values() if e.spec.strategy is strategy],
        }
        for strategy in Strategy
        if strategy is not Strategy.REFERENCE
    ]


def datasets(catalog: Catalog) -> Records:
    """The datasets."""
    return [
        {"name": entry.spec.name, "summary": entry.spec.summary, "owner": entry.owner}
        for entry in catalog.datasets.values()
    ]


def metrics(catalog: Catalog) -> Records:
    """The metrics."""
    return [
        {
            "name": entry.spec.name,
            "unit": entry.spec.unit,
            "direction": entry.spec.direction,
            "variants": [variant for variant in entry.spec.variants if variant],
            "summary": entry.spec.summary,
            "owner": entry.owner,
        }
        for entry in catalog.metrics.values()
    ]


def plugins_found(catalog: Catalog) -> Records:
    """The plugins that work, then those that do not."""
    working = [{"name": owner, "status": "ok", "error": ""} for owner in catalog.plugins]
    return working + [{"name": broken.owner, "status": "broken", "error": broken.error} for broken in catalog.broken]


SHELVES: dict[str, Callable[[Catalog], Records]] = {
    "methods": methods,
    "strategies": strategies,
    "datasets": datasets,
    "metrics": metrics,
    "plugins": plugins_found,
}


@click.command("list")
@click.argument("what", type=click.Choice(list(SHELVES)), default="methods")
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, what: str, plugins: tuple[str, ...], as_json: bool) -> None:
    """List what the plugins offer; a plugin that does not work is one red line."""
    catalog = load_catalog([Path(name) for name in options.all_plugins(ctx, plugins)])
    records = SHELVES[what](catalog)
    if as_json:
        click.echo(json.dumps(records, indent=1))
    else:
        _print_table(records)
    for broken in catalog.broken:
        click.secho(printable(f"broken plugin {broken.owner}: {broken.error}"), fg="red", err=True)


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
