"""``ebmbench report``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ebmbench.cli import completing, options
from ebmbench.contracts.records import ReporterSpec
from ebmbench.errors import UsageError, suggest

TERMINAL = "terminal"


@click.command("report")
@click.argument("suite", shell_complete=completing.reported)
@click.option(
    "--format",
    "kind",
    default=TERMINAL,
    metavar="NAME",
    help="md, csv, tex, json, html, png, svg, pdf, forest, budget, errors, lecture, or a plugin's own.",
)
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@options.keyword
@options.results
@options.plugin
@click.pass_context
def command(
    ctx: click.Context,
    /,
    suite: str,
    kind: str,
    output: Path | None,
    keyword: str | None,
    results: Path,
    plugins: tuple[str, ...],
) -> None:
    """The leaderboard of the last full run of SUITE, or of a run's id.

    A run that is narrowed by -k, --seeds or --set leaves the tables of the full run alone. Where there is no full run,
    SUITE is its newest narrowed one; any run is shown by its id, which a line says where it is not the newest.

    As png, svg or pdf it is the energy surfaces; forest, budget, errors and lecture are figures too, written as the
    suffix of the file says (-o forest.pdf).
    """
    from rich.console import Console

    from ebmbench.catalog.loading import load_catalog
    from ebmbench.report.figures.canvas import content
    from ebmbench.report.report import Report
    from ebmbench.report.shown_run import which_run
    from ebmbench.report.terminal import leaderboard
    from ebmbench.results import load
    from ebmbench.suite.loading import read_suite

    catalog = load_catalog([Path(file) for file in options.all_plugins(ctx, plugins)])
    if kind != TERMINAL and kind not in catalog.reporters:
        raise UsageError(f"no format '{kind}'{suggest(kind, [TERMINAL, *catalog.reporters])}")
    found = load(read_suite(suite)[0].name if os.path.isfile(suite) else suite, results)
    if suite != found.result.record.run_id and (remark := which_run(found.result)):
        options.dim(remark)
    if keyword:
        found = found.narrowed(keyword)
    report = Report(found.result, lambda text: options.red(text))
    if kind == TERMINAL and output is None:
        Console().print(leaderboard(report))
        return
    reporter = catalog.find("reporters", "md" if kind == TERMINAL else kind)
    made = reporter.load()(report)
    if made is None:
        raise click.ClickException(f"--format {reporter.spec.name}: these trials have nothing to show in it")
    _put(content(made, reporter.spec, output), reporter.spec, output)


def _put(made: str | bytes, reporter: ReporterSpec, output: Path | None) -> None:
    if output is None and isinstance(made, bytes):
        raise click.UsageError(
            f"--format {reporter.name} needs a file: -o {reporter.product or f'{reporter.name}.png'}"
        )
    if output is None:
        click.echo(made, nl=False)
        return
    try:
        output.write_bytes(made if isinstance(made, bytes) else made.encode())
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
