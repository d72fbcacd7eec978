"""The command line: thin verbs, each in a module of its own that is imported when it is used."""

from __future__ import annotations

import importlib
import signal
import sys
from types import FrameType

import click

from ebmbench.errors import EngineLost, UsageError, suggest

BAD_INPUT, ENGINE_LOST, INTERRUPTED = 2, 5, 130

VERBS = {
    "run": "run a suite: what is missing of it",
    "plan": "what a run would do, and what is done already",
    "list": "methods, strategies, datasets, metrics or plugins",
    "info": "the card of a method, dataset or metric, or of a trial",
    "report": "the leaderboard of a suite that was run",
    "compare": "what changed from one run to another, in words",
    "new": "begin a method, dataset, metric or suite",
    "check": "whether a plugin keeps its contract",
    "doctor": "what here could spoil a run, and what to do about it",
    "completion": "let a shell complete names",
    "schema": "the JSON Schema of a suite's file, for editors",
    "gate": "whether a change made anything slower, worse or more work",
    "history": "what became of each method from commit to commit",
    "bisect": "the commit at which something became slower, worse or more work",
    "ui": "open the MLflow pages of the results on this machine",
}


class Verbs(click.Group):
    """A group whose verbs are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's own module."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"ebmbench.cli.{cmd_name}_verb")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their summaries, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown verb is answered with the nearest."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise UsageError(f"no command '{args[0]}'{suggest(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-p", "--plugin", "plugins", multiple=True, metavar="FILE", help="Load a single-file plugin.")
@click.version_option(package_name="ebmbench")
@click.pass_context
def group(ctx: click.Context, plugins: tuple[str, ...]) -> None:
    """The benchmark for ways of training energy-based models."""
    ctx.obj = plugins


class Terminated(KeyboardInterrupt):
    """Somebody asked this process to end: it cleans up as after an interrupt."""


def main() -> None:
    """The entry point: bad input is one line and exit code 2, an interrupt is 130, a termination 143."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _terminate)
    try:
        sys.exit(group.main(standalone_mode=False))
    except UsageError as error:
        fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        fail(error.format_message())
    except (KeyboardInterrupt, click.Abort) as error:
        end = error if isinstance(error, Terminated) else error.__cause__
        if isinstance(end, Terminated):
            click.echo("terminated", err=True)
            sys.exit(128 + int(end.args[0]))
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        fail(f"{error.filename or 'input/output'}: {error.strerror or error}", ENGINE_LOST)
    except EngineLost as error:
        fail(str(error), ENGINE_LOST)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def fail(message: str, code: int = BAD_INPUT) -> None:
    """Say what is wrong and leave."""
    lines = message.splitlines() or [""]
    shown = "\n".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines)
    click.secho(f"error: {shown}", fg="red", err=True)
    sys.exit(code)
