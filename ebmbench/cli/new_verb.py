"""``ebmbench new``."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Strategy
from ebmbench.errors import UsageError
from ebmbench.scaffold.plugins import Kind, Wanted, write

STRATEGIES = [strategy.value for strategy in Strategy if strategy is not Strategy.REFERENCE]


@click.command("new")
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("name")
@click.option("--strategy", type=click.Choice(STRATEGIES), default="C2", show_default=True, help="Of a method.")
@click.option("--package", is_flag=True, help="A whole distribution, with its entry point, tests and a gate in CI.")
def command(kind: Kind, name: str, strategy: str, package: bool) -> None:
    """Begin a method, dataset, metric or suite in this folder: files that work as they stand.

    A method begins as a small one of its strategy. Nothing is overwritten.
    """
    if kind != "suite":
        _refuse_taken(kind, name)
    wanted = Wanted(kind, name, Strategy(strategy), package)
    for path in write(wanted.files, Path()):
        click.echo(f"written {path}", err=True)
    for line in _next(wanted):
        click.echo(line)


def _refuse_taken(kind: Kind, name: str) -> None:
    entries = getattr(load_catalog(), f"{kind}s")
    if name in entries:
        raise UsageError(f"{kind} '{name}' is offered by {entries[name].owner} already; choose another name")


def _next(wanted: Wanted) -> list[str]:
    """The commands that come next."""
    if wanted.kind == "suite":
        return [f"ebmbench run {wanted.name}.yaml"]
    if wanted.package:
        folder = next(iter(wanted.files)).parts[0]
        return [
            f"cd {folder}",
            'pip install -e ".[dev]"',
            f"ebmbench check {wanted.name}",
            f"ebmbench run {wanted.name}.yaml",
        ]
    return [f"ebmbench check {wanted.name}.py", f"ebmbench run {wanted.name}.yaml"]
