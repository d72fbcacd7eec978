"""``ebmbench compare``."""

from __future__ import annotations

from pathlib import Path

import click

from ebmbench.cli import completing, options


@click.command("compare")
@click.argument("a", shell_complete=completing.reported)
@click.argument("b", shell_complete=completing.reported)
@options.results
@click.option("--format", "kind", type=click.Choice(["terminal", "md", "json"]), default="terminal", show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def command(a: str, b: str, results: Path, kind: str, output: Path | None) -> None:
    """What changed from run A to run B, in words.

    Each is the name of a suite (its last full run, or else its newest), the id of a run, or the folder of a run, also
    one of other results. Trials are paired by their names: the same method, dataset, seed and device.
    """
    from rich.console import Console

    from ebmbench.report import comparison
    from ebmbench.results import compare, opened

    found = compare(opened(a, results), opened(b, results))
    if kind == "terminal" and output is None:
        Console().print(comparison.terminal(found))
        return
    text = comparison.as_json(found) if kind == "json" else comparison.markdown(found)
    options.put(text, output)
