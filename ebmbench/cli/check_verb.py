"""``ebmbench check``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import completing, options
from ebmbench.errors import UsageError, printable, suggest

FOUND = 1
"""The exit code when anything is wrong."""


@click.command("check")
@click.argument("plugins", nargs=-1, required=True, metavar="PLUGIN...", shell_complete=completing.plugins)
@click.option("--trial/--no-trial", default=True, help="Run a small trial of each method as well.")
@options.as_json
@click.pass_context
def command(ctx: click.Context, plugins: tuple[str, ...], trial: bool, as_json: bool) -> None:
    """Hold plugins against their contract.

    PLUGIN is a file, an installed plugin (as `ebmbench list plugins` names it, or its distribution alone), or the name
    of a method, dataset or metric. Every finding says what was expected, what was seen, the likely cause and the line.
    The exit code is 1 when there is any.
    """
    import torch

    from ebmbench.conformance.entries import checked

    torch.set_num_threads(1)
    files = [Path(name) for name in plugins if Path(name).suffix == ".py"]
    catalog = load_catalog([*map(Path, ctx.obj or ()), *files])
    for broken in catalog.broken:
        options.red(f"broken plugin {broken.owner}: {broken.error}")
    entries = [entry for name in plugins for entry in _named(catalog, name)]
    found = []
    for entry in entries:
        click.echo(f"checking {entry.spec.name} ...", err=True)
        for one in checked(entry, trial):
            found.append(one)
            if not as_json:
                click.echo("\n".join(printable(line) for line in str(one).splitlines()))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=1))
    if not entries or not all(one.ok for one in found):
        ctx.exit(FOUND)


def _named(catalog: Catalog, name: str) -> list[CatalogEntry[Any]]:
    """What a plugin offers that has that name, or the component that is called so."""
    from ebmbench.conformance.entries import components

    entries = components(catalog)
    if Path(name).suffix == ".py":
        if not Path(name).is_file():
            raise UsageError(f"plugin {name}: cannot be read: there is no such file")
        found = [entry for entry in entries if entry.file == Path(name)]
        broken = any(one.owner == str(Path(name)) for one in catalog.broken)
        if not found and not broken:
            raise UsageError(f"{name}: offers no method, dataset or metric; expected a hook such as ebmbench_methods")
        return found
    owners = {entry.owner for entry in entries}
    found = [entry for entry in entries if name in (entry.spec.name, entry.owner, entry.owner.partition(":")[0])]
    if not found:
        known = [*owners, *(entry.spec.name for entry in entries)]
        raise UsageError(f"no plugin, method, dataset or metric is called '{name}'{suggest(name, known)}")
    return found
