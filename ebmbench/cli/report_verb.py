"""``ebmbench report``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from ebmbench.cli import options


@click.command("report")
@click.argument("suite")
@click.option("--format", "kind", type=click.Choice(["terminal", "md", "csv", "json"]), default="terminal")
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@options.results
def command(suite: str, kind: str, output: Path | None, results: Path) -> None:
    """The leaderboard of the last full run of SUITE."""
    from rich.console import Console

    from ebmbench.report.leaderboard import markdown, table_csv, terminal
    from ebmbench.session import load, make_board
    from ebmbench.suite.loading import read_suite

    found = load(read_suite(suite)[0].name if os.path.isfile(suite) else suite, results)
    board = make_board(found.result)
    if kind == "terminal":
        if output is None:
            Console().print(terminal(board))
            return
        kind = "md"
    text = {
        "md": lambda: markdown(board),
        "csv": lambda: table_csv(board),
        "json": lambda: json.dumps(json.loads(found.trials.to_json(orient="records")), indent=1) + "\n",
    }[kind]()
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
