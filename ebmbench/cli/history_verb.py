"""``ebmbench history``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ebmbench.cli import options
from ebmbench.cli.options import Decorator

if TYPE_CHECKING:
    from ebmbench.gate.history.changes import Change
    from ebmbench.gate.history.lines import Line, Series
    from ebmbench.report.fitting import Field

WIDTH_OF_A_FILE = 160
"""Characters of a line when nobody's terminal sets them."""
TOLD = 3
"""Change points of a series that its row names: the last ones."""

history_file: Decorator = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The history, instead of history.jsonl in the results folder.",
)
measure: Decorator = click.option("--measure", metavar="NAME", help="Only this measure: kl, passes, ...")
keyword: Decorator = click.option("-k", "keyword", metavar="EXPR", help="Only methods and datasets that match.")


@click.group("history")
def command() -> None:
    """What became of each method from commit to commit: a file of lines that is only ever appended to.

    It may be merged by taking the lines of both sides: put "history.jsonl merge=union" into .gitattributes.
    """


@command.command("add")
@click.argument("suite")
@options.results
@history_file
def add(suite: str, results: Path, file: Path | None) -> None:
    """Append the numbers of the last full run of SUITE, or of a run's id or folder.

    What the history has of the run's commit already is not added again.
    """
    from ebmbench.gate.history import lines as history
    from ebmbench.gate.history.recording import recorded
    from ebmbench.results import opened

    path = file or results / history.FILE
    found = recorded(opened(suite, results), Path.cwd(), Path(__file__).parent)
    before = history.read(path) if path.exists() else history.History(())
    new = before.new(found.lines)
    for note in (*before.notes, *found.notes):
        options.red(note)
    try:
        history.append(path, new)
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror}") from None
    known = len(found.lines) - len(new)
    click.echo(f"{path}: {len(new)} lines added" + (f", {known} were there already" if known else ""))


@command.command("show")
@click.argument("suite", required=False)
@keyword
@measure
@options.results
@history_file
@options.as_json
def show(
    suite: str | None, keyword: str | None, measure: str | None, results: Path, file: Path | None, as_json: bool
) -> None:
    """The last value of each series, and the commits from which on it was another than before."""
    from rich.console import Console

    from ebmbench.gate.history.changes import changes
    from ebmbench.report.fitting import table

    found = [(series, changes(series)) for series in _series(suite, keyword, measure, results, file)]
    if as_json:
        click.echo(json.dumps([_document(*one) for one in found], indent=1, allow_nan=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_A_FILE
    styles = ["bold" if cuts else "" for _, cuts in found]
    console.print(table(list(_fields(found)), console.width, styles))


@command.command("plot")
@click.argument("suite", required=False)
@keyword
@measure
@options.results
@history_file
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("history.svg"),
    show_default=True,
    help="Write to this file: svg, png or pdf.",
)
def plot(
    suite: str | None, keyword: str | None, measure: str | None, results: Path, file: Path | None, output: Path
) -> None:
    """Draw each series over its commits, with its change points."""
    from ebmbench.gate.history.changes import changes
    from ebmbench.gate.history.plot import drawn
    from ebmbench.report.figures.canvas import kind_of, save

    kind_of(output.suffix)
    found = [(series, changes(series)) for series in _series(suite, keyword, measure, results, file)]
    try:
        save(drawn(found), output)
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
    click.echo(str(output))


def _series(
    suite: str | None, keyword: str | None, measure: str | None, results: Path, file: Path | None
) -> list[Series]:
    """What was asked for; what could not be read, or not be computed, is said."""
    from ebmbench.gate.history import lines as history
    from ebmbench.gate.history.changes import INSTALL, available

    path = file or results / history.FILE
    read = history.read(path)
    found = history.chosen(read, path, suite, keyword, measure)
    for note in (*read.notes, *[INSTALL] * (not available() and not all(series.exact for series in found))):
        options.red(note)
    return found


def _fields(found: Sequence[tuple[Series, list[Change]]]) -> Iterator[Field]:
    """The columns of the table: what is the same for all is left out."""
    from ebmbench.report.fitting import Field

    places = [series.place for series, _ in found]
    if len({place.suite for place in places}) > 1:
        yield Field("suite", [place.suite for place in places], 1, right=False, wraps=10)
    yield Field("method", [place.method for place in places], right=False, wraps=12)
    yield Field("dataset", [place.dataset for place in places], right=False, wraps=10)
    yield Field("measure", [place.measure for place in places], right=False, wraps=16)
    if any(place.machine for place in places):
        yield Field("machine", [place.machine for place in places], 2, right=False)
    yield Field("last", [_value(series.lines[-1], series.exact) for series, _ in found])
    yield Field("spread", [_spread(series.lines[-1]) for series, _ in found], 1)
    yield Field("unit", [series.lines[-1].unit for series, _ in found], 3, right=False)
    yield Field("commits", [str(len(series.lines)) for series, _ in found])
    yield Field("changed", [_told(cuts) for _, cuts in found], right=False, wraps=16)


def _value(line: Line, exact: bool) -> str:
    from ebmbench.report.figures.ticks import words

    return "failed" if line.median is None else f"{line.median:,.12g}" if exact else words(float(f"{line.median:.3g}"))


def _spread(line: Line) -> str:
    from ebmbench.report.figures.ticks import words

    return "-" if line.spread is None else words(float(f"{line.spread:.2g}"))


def _told(cuts: Sequence[Change]) -> str:
    """``x1.06 at 1a2b3c4 (2026-01-31)``, the last first."""
    last = [f"x{cut.factor:.4g} at {cut.line.commit[:7]} ({cut.line.committed:%Y-%m-%d})" for cut in cuts[-TOLD:][::-1]]
    return ", ".join([*last, *[f"and {len(cuts) - TOLD} before"] * (len(cuts) > TOLD)])


def _document(series: Series, cuts: Sequence[Change]) -> dict[str, Any]:
    last = series.lines[-1].model_dump(mode="json")
    said = {name: last[name] for name in ("median", "spread", "n", "unit", "scale", "commit", "committed")}
    changed = [
        {
            "commit": cut.line.commit,
            "committed": cut.line.model_dump(mode="json")["committed"],
            "before": cut.before.commit,
            "factor": cut.factor if cut.factor != float("inf") else None,
        }
        for cut in cuts
    ]
    return {**series.place._asdict(), "last": said, "commits": len(series.lines), "changes": changed}
