"""What a shell may complete: suites, names of the catalog, runs. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ebmbench.catalog.loading import load_catalog
from ebmbench.suite.loading import suite_folders

RUNS = "*/runs/*/run.json"
"""Of a results folder."""


def suites(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shipped suites by name, then files; a shell adds the files itself."""
    names = {file.stem for folder in suite_folders() for file in folder.glob("*.yaml")}
    return [*_beginning(sorted(names), incomplete), CompletionItem(incomplete, type="file")]


def reported(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Suites that were run and the ids of their runs, in the results folder that the command names."""
    folder = Path(ctx.params.get("results") or "results")
    with suppress(OSError):
        runs = [file.parent for file in sorted(folder.glob(RUNS), reverse=True)]
        names = [*sorted({run.parents[1].name for run in runs}), *(run.name for run in runs)]
        return _beginning(names, incomplete)
    return []


def components(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Methods, datasets and metrics, with what they are."""
    catalog = load_catalog()
    entries: Iterator[tuple[str, str]] = (
        (name, str(entry.spec.summary))
        for some in (catalog.methods, catalog.datasets, catalog.metrics)
        for name, entry in some.items()
    )
    return [CompletionItem(name, help=summary) for name, summary in sorted(entries) if name.startswith(incomplete)]


def plugins(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What ``check`` takes: components, then files."""
    return [*components(ctx, parameter, incomplete), CompletionItem(incomplete, type="file")]


def _beginning(names: list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
