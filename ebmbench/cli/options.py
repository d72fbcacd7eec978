"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ebmbench.errors import UsageError, printable

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

plugin: Decorator = click.option(
    "-p", "--plugin", "plugins", multiple=True, metavar="FILE", help="Load a single-file plugin."
)
results: Decorator = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="The results folder.",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
keyword: Decorator = click.option("-k", "keyword", metavar="EXPR", help="Only trials whose name matches, as in pytest.")
override: Decorator = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value of the suite: budget.passes=1000."
)
seeds: Decorator = click.option("--seeds", type=int, metavar="N", help="Seeds 0 to N-1 instead of the suite's.")


def put(text: str, output: Path | None) -> None:
    """On standard output, or into a file.

    Raises:
        UsageError: if it cannot be written.
    """
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None


def red(text: str) -> None:
    """A line in red on standard error."""
    click.secho(printable(text), fg="red", err=True)


def dim(text: str) -> None:
    """A remark on standard error."""
    click.secho(printable(text), dim=True, err=True)


def all_plugins(ctx: click.Context, own: tuple[str, ...]) -> tuple[str, ...]:
    """The plugins given before the verb and after it."""
    return (*(ctx.obj or ()), *own)
