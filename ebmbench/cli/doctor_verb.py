"""``ebmbench doctor``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import options
from ebmbench.errors import printable

FOUND = 1
"""The exit code when something is bad."""
COLORS = {"ok": "green", "doubtful": "yellow", "bad": "red"}


@click.command("doctor")
@options.results
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, results: Path, plugins: tuple[str, ...], as_json: bool) -> None:
    """What of this machine, environment and results folder could spoil a run, and what to do about it.

    The exit code is 1 when something is bad; what is doubtful only makes seconds worse.
    """
    from ebmbench.doctor import State, examined

    catalog = load_catalog([Path(name) for name in options.all_plugins(ctx, plugins)])
    signs = []
    for sign in examined(results, catalog):
        signs.append(sign)
        if not as_json:
            state = click.style(f"{sign.state.value:8s}", fg=COLORS[sign.state.value])
            click.echo(f"{state}  {sign.title}: {printable(sign.said)}")
            if sign.advice:
                click.echo(f"          {printable(sign.advice)}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(sign) for sign in signs], indent=1))
    if any(sign.state is State.BAD for sign in signs):
        ctx.exit(FOUND)
