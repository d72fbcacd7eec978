"""``ebmbench completion``."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from ebmbench.errors import UsageError

SHELLS = ("bash", "zsh", "fish")
PROGRAM, VARIABLE = "ebmbench", "_EBMBENCH_COMPLETE"
PLACES = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions/ebmbench"),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions/_ebmbench"),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions/ebmbench.fish"),
}
"""Where a shell looks for it: a variable, what stands for it in the home folder, and the file."""


@click.group("completion")
def command() -> None:
    """Let bash, zsh or fish complete suites, methods, datasets, metrics and runs."""


@command.command("show")
@click.argument("shell", type=click.Choice(SHELLS))
def show(shell: str) -> None:
    """Print the script: eval "$(ebmbench completion show bash)" is enough for this shell."""
    click.echo(script(shell))


@command.command("install")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def install(shell: str | None) -> None:
    """Write the script where the shell looks for it; without SHELL, where $SHELL does."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise UsageError(f"completion: the shell '{shell[:40]}' is not known; expected one of {', '.join(SHELLS)}")
    place = place_of(shell)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(script(shell) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place}: cannot be written: {error.strerror}") from None
    click.echo(f"written {place}; it holds in shells that begin from now on", err=True)
    if shell == "zsh":
        click.echo(f"zsh looks there if ~/.zshrc has, before compinit: fpath+=({place.parent})", err=True)


def script(shell: str) -> str:
    """What the shell is to source."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, PROGRAM, VARIABLE).source()


def place_of(shell: str) -> Path:
    """The file that the shell reads."""
    variable, otherwise, file = PLACES[shell]
    folder = os.environ.get(variable)
    return (Path(folder) if folder else Path.home() / otherwise) / file
