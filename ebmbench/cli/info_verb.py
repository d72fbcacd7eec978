"""``ebmbench info``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ebmbench.cards.making import card_of, entries
from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import card_text, completing, options
from ebmbench.contracts.records import DatasetSpec
from ebmbench.errors import UsageError, printable, suggest

if TYPE_CHECKING:
    from ebmbench.cli.trial_card import Trials


@click.command("info")
@click.argument("name", shell_complete=completing.components)
@click.argument("other", required=False)
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw a dataset into this PNG."
)
@options.results
@options.plugin
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    name: str,
    other: str | None,
    plot: Path | None,
    results: Path,
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """The card of a method, dataset or metric; or of a trial.

    A trial is given by its key, by the first four digits of it or more, or by its name (nce/moons/0/cpu): what is
    stored of it, the end of its log with the traceback of a failure, and why it was or was not cached. OTHER is a trial
    too: how the two keys differ. With --json a card is an item of a list, which has two where a name is that of a
    method and of a metric; trials have none.
    """
    catalog = load_catalog([Path(file) for file in options.all_plugins(ctx, plugins)])
    found = [] if other else [entry for entry in entries(catalog) if entry.spec.name == name]
    if as_json:
        _put_json(name, found, catalog)
    else:
        _put_lines(name, _lines(name, other, found, results, catalog), results, catalog)
    if plot is not None:
        _plot(name, found, plot)
    for broken in catalog.broken:
        options.red(f"broken plugin {broken.owner}: {broken.error}")


def _put_json(name: str, found: list[CatalogEntry[Any]], catalog: Catalog) -> None:
    if not found:
        known = (entry.spec.name for entry in entries(catalog))
        raise UsageError(f"no method, dataset or metric is called '{name}'{suggest(name, known)}")
    click.echo(json.dumps([card_of(entry, catalog).as_json() for entry in found], indent=1, allow_nan=False))


def _lines(
    name: str, other: str | None, found: list[CatalogEntry[Any]], results: Path, catalog: Catalog
) -> Iterable[str]:
    """Of the cards of that name, or of its trials."""
    if found:
        return [line for entry in found for line in card_text.lines(card_of(entry, catalog))]
    trials = _trials(results, catalog)
    return trials.cards(name) if other is None else trials.compared(name, other)


def _put_lines(name: str, lines: Iterable[str], results: Path, catalog: Catalog) -> None:
    """On standard output.

    Raises:
        UsageError: if there are none, with the nearest name.
    """
    shown = False
    for line in lines:
        click.echo("\n".join(printable(part) for part in line.splitlines()))
        shown = True
    if not shown:
        gone = _gone(results, name)
        if gone:
            raise UsageError(f"nothing is called '{name}' now{gone}")
        known = [entry.spec.name for entry in entries(catalog)]
        known += _trials(results, catalog).history.names() if "/" in name else []
        raise UsageError(f"nothing is called '{name}'{suggest(name, known)}")


def _gone(results: Path, name: str) -> str:
    """What to do for a name that runs had from a plugin which is there no more."""
    from ebmbench.planning.gone import to_find_again
    from ebmbench.store.folders import Store

    found = (to_find_again(Store(results), kind, name) for kind in ("methods", "datasets", "metrics"))
    return next(filter(None, found), "")


def _trials(results: Path, catalog: Catalog) -> Trials:
    """Imported late: a card needs no torch."""
    from ebmbench.cli.trial_card import Trials

    return Trials(results, catalog)


def _plot(name: str, found: list[CatalogEntry[Any]], path: Path) -> None:
    """Draw the dataset of that name."""
    entry = next((entry for entry in found if isinstance(entry.spec, DatasetSpec)), None)
    if entry is None:
        raise UsageError(f"--plot draws datasets; '{name}' is none")
    from ebmbench.report.figures.portraits import draw_dataset

    try:
        draw_dataset(name, entry.load()(**entry.spec.params), path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"drawn to {path}", err=True)
