"""``ebmbench run``."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import click

from ebmbench.cli import completing, options


@click.command("run")
@click.argument("suite", shell_complete=completing.suites)
@options.keyword
@options.override
@options.seeds
@click.option("--workers", type=int, metavar="N", help="Trials at a time (default: as many as cores).")
@click.option(
    "--executor",
    type=click.Choice(["local", "inline"]),
    default="local",
    show_default=True,
    help="A process for each trial, or all in this one, where breakpoints work.",
)
@click.option("--pdb", is_flag=True, help="Open the debugger where a trial raises (--executor inline).")
@options.results
@click.option("--timeout", metavar="T", help="Processor time of a trial: 90s, 5m.")
@click.option("--retry-failed", is_flag=True, help="Run trials again that did not end well.")
@click.option("--fresh", is_flag=True, help="Run every trial again.")
@click.option("--no-train", is_flag=True, help="Measure what is trained, train nothing.")
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, /, suite: str, plugins: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Run SUITE, a file or the name of a shipped suite: plan it, run what is missing, write its tables."""
    from ebmbench.session import Options, exit_code, run

    result = run(suite, Options(plugins=options.all_plugins(ctx, plugins), **given))
    if as_json:
        click.echo(json.dumps(summary(result), indent=1))
    sys.exit(exit_code(result))


def summary(result: Any) -> dict[str, Any]:
    """The run as one document."""
    trials = [
        {
            "name": trial.view.name,
            "key": trial.view.key,
            "status": trial.status,
            "error": trial.error,
            "metrics": {name: value if math.isfinite(value) else None for name, value in result.numbers(trial).items()},
        }
        for trial in result.trials
    ]
    folder: Path = result.folder
    return {"suite": result.record.suite, "run_id": result.record.run_id, "folder": str(folder), "trials": trials}
