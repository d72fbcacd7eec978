"""``ebmbench gate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ebmbench.cli import options


@click.command("gate")
@click.option("--base", metavar="REF", default="HEAD", show_default=True, help="The commit to compare with.")
@click.option("--suite", default="smoke", show_default=True, help="A suite's file, or the name of a shipped one.")
@options.keyword
@options.override
@options.results
@options.plugin
@click.option(
    "--budget-minutes", "minutes", type=float, default=10.0, show_default=True, help="Nothing is begun later."
)
@click.option("--all", "everything", is_flag=True, help="Also measure what the change does not touch.")
@click.option("--workers", type=int, metavar="N", help="Trials at a time (default: as many as cores).")
@options.as_json
@click.pass_context
def command(ctx: click.Context, /, plugins: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Whether the working tree is slower, worse or more work than a base, method by method.

    Exit code 0: the same or better. 3: regressed. 4: undecided.
    """
    from ebmbench.gate.session import Asked, gate

    found = gate(Asked(plugins=options.all_plugins(ctx, plugins), folder=Path(), **given))
    click.echo(found)
    sys.exit(found.exit_code)
