"""``ebmbench plan``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from ebmbench.cli import options


@click.command("plan")
@click.argument("suite")
@options.keyword
@options.override
@options.seeds
@options.results
@options.plugin
@options.as_json
@click.pass_context
def command(ctx: click.Context, /, suite: str, plugins: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """What ``run SUITE`` would do: trials that are cached, to run, failed before, or skipped, and why."""
    from ebmbench.session import Options, Session
    from ebmbench.suite.errors import printable

    session = Session(suite, Options(plugins=options.all_plugins(ctx, plugins), **given))
    plan, work = session.plan, session.to_run()
    estimate = session.forecast(work).estimate() if work else None
    if as_json:
        rows = ({"name": p.view.name, "key": p.view.key, "state": p.state, "reason": p.reason} for p in plan.trials)
        click.echo('{"trials": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n],")
        click.echo(f'"estimate": {json.dumps(asdict(estimate) if estimate else None)}}}')
        return
    for planned in plan.trials:
        reason = f"  ({planned.reason})" if planned.reason else ""
        click.echo(printable(f"{planned.state:14s} {planned.view.name}{reason}"))
    counts = Counter(planned.state for planned in plan.trials)
    click.echo(f"{len(plan.trials)} trials: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    if work:
        click.echo(f"time: {estimate or 'not known: no trial of this suite with this budget has been timed'}")
