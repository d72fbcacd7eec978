"""``ebmbench info``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import completing, options
from ebmbench.contracts.records import DatasetSpec, EnergyKind, MethodSpec, MetricSpec
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
@click.pass_context
def command(
    ctx: click.Context, /, name: str, other: str | None, plot: Path | None, results: Path, plugins: tuple[str, ...]
) -> None:
    """The card of a method, dataset or metric; or of a trial.

    A trial is given by its key, by the first four digits of it or more, or by its name (nce/moons/0/cpu): what is
    stored of it, and why it was or was not cached. OTHER is a trial too: how the two keys differ.
    """
    catalog = load_catalog([Path(file) for file in options.all_plugins(ctx, plugins)])
    found = [entry for entry in _entries(catalog) if entry.spec.name == name]
    lines: Iterable[str]
    if other is None:
        lines = [line for entry in found for line in _card(entry)] or _trials(results, catalog).cards(name)
    else:
        lines = _trials(results, catalog).compared(name, other)
    shown = False
    for line in lines:
        click.echo("\n".join(printable(part) for part in line.splitlines()))
        shown = True
    if not shown:
        known = [entry.spec.name for entry in _entries(catalog)]
        known += _trials(results, catalog).history.names() if "/" in name else []
        raise UsageError(f"nothing is called '{name}'{suggest(name, known)}")
    if plot is not None:
        _plot(name, found, plot)
    for broken in catalog.broken:
        options.red(f"broken plugin {broken.owner}: {broken.error}")


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


def _entries(catalog: Catalog) -> list[CatalogEntry[Any]]:
    return [*catalog.methods.values(), *catalog.datasets.values(), *catalog.metrics.values()]


def _card(entry: CatalogEntry[Any]) -> Iterator[str]:
    spec = entry.spec
    yield f"{spec.name}: {spec.summary}"
    if isinstance(spec, MethodSpec):
        yield f"  strategy  {spec.strategy.value} ({spec.strategy.family}): {spec.strategy.idea}"
        yield f"  kind      {spec.kind.value}"
        if spec.tuned_on:
            yield f"  tuned     a default was chosen by the exact density of {', '.join(spec.tuned_on)}"
    if isinstance(spec, MetricSpec):
        yield f"  unit      {spec.unit or '-'}"
        yield f"  best      {spec.direction}{'' if spec.best is None else f' ({spec.best:g} for the truth)'}"
        yield f"  kinds     {', '.join(sorted(spec.kinds))}"
        yield f"  variants  {', '.join(v for v in spec.variants if v) or '-'}"
        yield from _not_for(spec)
    if spec.refs:
        yield f"  refs      {'; '.join(spec.refs)}"
    yield f"  owner     {entry.owner}"
    yield f"  code      {entry.target}"
    target = entry.load()
    if inspect.getdoc(target):
        yield "\n" + "\n".join(f"  {line}" for line in (inspect.getdoc(target) or "").splitlines()) + "\n"
    if isinstance(spec, MethodSpec | DatasetSpec):
        yield from _fields(target, spec.params)
    else:
        yield from _readings(spec.name)


def _readings(metric: str) -> Iterator[str]:
    """What a built-in metric reads when the truth is held against itself, and what it costs."""
    from ebmbench.metrics.readings import read_readings

    found = [reading for reading in read_readings() if reading.metric == metric]
    if found:
        yield "  the truth against itself (5,000 validation and 10,000 test points, 400 cells an axis)"
    for reading in found:
        value = f"{reading.mean:.4g} +- {reading.sd:.2g}"
        yield f"    {reading.dataset:16s} {reading.variant:8s} {value:24s} {reading.seconds:.2g} s"


def _not_for(spec: MetricSpec) -> Iterator[str]:
    """The kinds of energy that a metric, or its raw variant, does not apply to, and why."""

    for kind in EnergyKind:
        blocked = [variant for variant in spec.variants if spec.obstacle(kind, variant)]
        if blocked:
            what = kind.value if len(blocked) == len(spec.variants) else f"{kind.value} ({', '.join(blocked)})"
            yield f"  n/a for   {what}: {spec.obstacle(kind, blocked[0])}"


def _fields(target: Any, presets: Any) -> Iterator[str]:
    fields = getattr(target, "model_fields", {})
    if fields:
        yield "  fields"
    for name, field in fields.items():
        default = presets.get(name, field.default)
        yield f"    {name:16s} {default!s:12s} {field.description or ''}"
