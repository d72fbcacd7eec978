"""``ebmbench plan``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from ebmbench.cli import completing, options


@click.command("plan")
@click.argument("suite", shell_complete=completing.suites)
@options.keyword
@options.override
@options.seeds
@options.results
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, /, suite: str, plugins: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """What ``run SUITE`` would do: trials that are cached, to run, failed before, or skipped, and why."""
    from rich.console import Console

    from ebmbench.errors import printable
    from ebmbench.session import Asked, Options, load, plan, resolve

    chosen = Options(plugins=options.all_plugins(ctx, plugins), **given)
    planned = plan(resolve(load(Asked(suite, chosen, Console(stderr=True)))))
    trials, work = planned.plan.trials, planned.to_run()
    estimate = planned.forecast(work).estimate() if work else None
    if as_json:
        rows = ({"name": p.view.name, "key": p.view.key, "state": p.state, "reason": p.reason} for p in trials)
        click.echo('{"trials": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n],")
        click.echo(f'"estimate": {json.dumps(asdict(estimate) if estimate else None)}}}')
        return
    for trial in trials:
        reason = f"  ({trial.reason})" if trial.reason else ""
        click.echo(printable(f"{trial.state:14s} {trial.view.name}{reason}"))
    counts = Counter(trial.state for trial in trials)
    click.echo(f"{len(trials)} trials: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    if work:
        click.echo(f"time: {estimate or 'not known: no trial of this suite with this budget has been timed'}")
