"""``ebmbench bisect``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ebmbench.cli import completing, options
from ebmbench.errors import printable

if TYPE_CHECKING:
    from ebmbench.gate.bisect import Step


@click.command("bisect")
@click.option("--good", metavar="REF", required=True, help="A commit that is as it should be.")
@click.option("--bad", metavar="REF", required=True, help="A later one that is not.")
@click.option("--metric", help="What became worse: kl, time, gradient_rows, status (default: whatever did).")
@click.option("-k", "keyword", metavar="EXPR", required=True, help="Only trials whose name matches, as in pytest.")
@click.option(
    "--suite", shell_complete=completing.suites, help="A suite's file, or the name of a shipped one (default: smoke)."
)
@options.override
@options.results
@options.plugin
@click.option("--budget-minutes", "minutes", type=float, default=10.0, show_default=True, help="Of each step.")
@click.option("--workers", type=int, metavar="N", help="Trials at a time (default: as many as cores).")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    good: str,
    bad: str,
    metric: str | None,
    plugins: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Find the commit at which something became slower, worse or more work.

    Exit code 0: found. 4: one of several, of which the others could not be judged. 2: it cannot be searched for.
    """
    from ebmbench.gate.bisect import bisect
    from ebmbench.gate.formats import bisection
    from ebmbench.gate.session import Asked

    def tell(step: Step) -> None:
        _say(bisection.line(step))

    asked = Asked(plugins=options.all_plugins(ctx, plugins), folder=Path(), **given)
    found = bisect(asked, good, bad, metric, tell)
    click.echo(bisection.written(found) if as_json else bisection.shown(found), nl=not as_json)
    sys.exit(found.exit_code)


def _say(text: str) -> None:
    click.echo(printable(text), err=True)
