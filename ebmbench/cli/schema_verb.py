"""``ebmbench schema``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import options


@click.command("schema")
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it there.")
@options.plugin
@click.pass_context
def command(ctx: click.Context, output: Path | None, plugins: tuple[str, ...]) -> None:
    """The JSON Schema of a suite's file, with the parameters of every plugin at hand.

    An editor with a YAML language server completes and checks a suite that begins with the line
    `# yaml-language-server: $schema=suite.schema.json`.
    """
    from ebmbench.catalog.suite_schema import suite_schema

    catalog = load_catalog([Path(name) for name in options.all_plugins(ctx, plugins)])
    for broken in catalog.broken:
        options.red(f"broken plugin {broken.owner}: {broken.error}")
    text = json.dumps(suite_schema(catalog), indent=1, sort_keys=False) + "\n"
    options.put(text, output)
    if output is not None:
        click.echo(f"written {output}", err=True)
