"""``ebmbench gate``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ebmbench.cli import completing, options
from ebmbench.errors import UsageError, printable

if TYPE_CHECKING:
    from ebmbench.gate.session import Asked
    from ebmbench.gate.verdicts import Judgement

FILE = click.Path(path_type=Path, dir_okay=False)
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub says which file a step's summary is to be added to."""


@click.command("gate")
@click.option("--base", metavar="REF", help="The commit to compare with (default: HEAD).")
@click.option(
    "--against", type=click.Path(path_type=Path, file_okay=False), help="Or a kept table: a folder with trials.csv."
)
@click.option("--benchmarks", type=FILE, nargs=2, metavar="BASE HEAD", help="Or two JSON files of pytest-benchmark.")
@click.option("--calibrate", is_flag=True, help="Or the last commit with itself: what noise this machine has.")
@click.option(
    "--suite", shell_complete=completing.suites, help="A suite's file, or the name of a shipped one (default: smoke)."
)
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
@click.option("--junit", type=FILE, help="Write JUnit XML.")
@click.option("--markdown", type=FILE, help="Write Markdown, as for a comment.")
@click.option("--benchmark-action", type=FILE, help="Write what github-action-benchmark reads.")
@click.option("--bencher", type=FILE, help="Write Bencher's metric format.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    base: str | None,
    against: Path | None,
    benchmarks: tuple[Path, Path] | None,
    calibrate: bool,
    plugins: tuple[str, ...],
    as_json: bool,
    junit: Path | None,
    markdown: Path | None,
    benchmark_action: Path | None,
    bencher: Path | None,
    **given: Any,
) -> None:
    """Whether the working tree is slower, worse or more work than a base, method by method.

    Exit code 0: the same or better. 3: regressed. 4: undecided. 2: it cannot be judged.
    """
    from rich.console import Console

    from ebmbench.gate.formats import bencher as bmf
    from ebmbench.gate.formats import benchmark_action as action
    from ebmbench.gate.formats import document, terminal
    from ebmbench.gate.formats import junit as xml
    from ebmbench.gate.formats import markdown as md
    from ebmbench.gate.session import Asked

    asked = Asked(plugins=options.all_plugins(ctx, plugins), folder=Path(), notice=_say, **given)
    found = _judged(asked, base, against, benchmarks, calibrate)
    for file, writer in ((junit, xml), (markdown, md), (benchmark_action, action), (bencher, bmf)):
        if file is not None:
            _write(file, writer.written(found))
    if os.environ.get(SUMMARY):
        _write(Path(os.environ[SUMMARY]), md.written(found), append=True)
    if as_json:
        click.echo(document.written(found), nl=False)
    Console(stderr=as_json).print(terminal.shown(found))
    sys.exit(found.exit_code)


def _judged(
    asked: Asked, base: str | None, against: Path | None, benchmarks: tuple[Path, Path] | None, calibrate: bool
) -> Judgement:
    from ebmbench.gate import session

    ways = [name for name, given in (("--base", base), ("--against", against), ("--benchmarks", benchmarks)) if given]
    ways += ["--calibrate"] * calibrate
    if len(ways) > 1:
        raise UsageError(f"{' and '.join(ways)}: expected one of them")
    if benchmarks:
        return session.with_benchmarks(asked, *benchmarks)
    if against is not None:
        return session.with_table(asked, against)
    if calibrate:
        return session.calibrate(asked)
    return session.with_base(asked, base or "HEAD")


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _write(file: Path, text: str, append: bool = False) -> None:
    try:
        with file.open("a" if append else "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror}") from None
