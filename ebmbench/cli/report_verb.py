"""``ebmbench report``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ebmbench.cli import options
from ebmbench.suite.errors import printable

if TYPE_CHECKING:
    from ebmbench.report.leaderboard import Board


@click.command("report")
@click.argument("suite")
@click.option("--format", "kind", type=click.Choice(["terminal", "md", "csv", "json", "png"]), default="terminal")
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@options.keyword
@options.results
def command(suite: str, kind: str, output: Path | None, keyword: str | None, results: Path) -> None:
    """The leaderboard of the last full run of SUITE; or, as png, its energy surfaces."""
    from rich.console import Console

    from ebmbench.report.leaderboard import markdown, table_csv, terminal
    from ebmbench.session import load, make_board
    from ebmbench.suite.loading import read_suite

    found = load(read_suite(suite)[0].name if os.path.isfile(suite) else suite, results)
    if keyword:
        found = found.narrowed(keyword)
    board = make_board(found.result)
    if kind == "png":
        _draw(board, output)
        return
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


def _draw(board: Board, output: Path | None) -> None:
    from ebmbench.report.figures import draw_surfaces, save

    if output is None:
        raise click.UsageError("--format png needs a file: -o surfaces.png")
    figure = draw_surfaces(board.lines, board.datasets, lambda text: click.secho(printable(text), fg="red", err=True))
    if figure is None:
        raise click.ClickException("none of these trials has a surface to draw")
    try:
        save(figure, output)
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
