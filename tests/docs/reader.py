"""A reader who does what a document says, in one process and one folder, on suites that are made small."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import click
from click.testing import CliRunner
from ruamel.yaml import YAML

from ebmbench import session
from ebmbench.cli import group
from ebmbench.execution.inline import InlineExecutor
from ebmbench.planning import resolving
from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import Suite
from ebmbench.suite.source import Source
from tests.docs.blocks import Block, Command
from tests.planned import QUICK

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"<run>|<suite>|RUN_ID")
WORD = re.compile(r"[A-Za-z][A-Za-z_]{2,}")
VERDICTS = {"best", "tied", "undecided", "behind", "failed", "better", "worse", "outside"}
"""What a smaller budget may change in an answer, beside its numbers ."""
UNFINISHED = (click.MissingParameter, click.BadOptionUsage, click.exceptions.NoArgsIsHelpError)
"""What is wrong with a command of which a sentence names the beginning."""
PARTS = {"name": "part", "datasets": ["moons"], "methods": ["gaussian"], "budget": {"steps": 1}}
"""What a piece of a suite is completed by."""


class Unlike(AssertionError):
    """A document says what is not so."""


@contextmanager
def small(passes: int, seeds: int, rows: int) -> Iterator[None]:
    """Suites of few passes, seeds and rows, and no sweep; no process a trial, no MLflow, small lattices."""

    def less(*asked: Any) -> tuple[Suite, Source]:
        suite, source = read_suite(*asked)
        data = suite.data.model_copy(
            update={name: min(getattr(suite.data, name), rows) for name in ("set", "validation", "test")}
        )
        budget = suite.budget.model_copy(
            update={"passes": min(suite.budget.passes, passes)} if suite.budget.passes else {}
        )
        smaller = {"data": data, "budget": budget, "seeds": suite.seeds[:seeds], "sweep": {}}
        return suite.model_copy(update=smaller), source

    with (
        mock.patch.object(session, "read_suite", less),
        mock.patch.object(session, "_executor", lambda planned: InlineExecutor(planned.store.root.resolve())),
        mock.patch.object(session, "MlflowObserver", return_value=object()),
        mock.patch.object(resolving, "Protocol", return_value=QUICK),
    ):
        yield


@contextmanager
def without_pictures() -> Iterator[None]:
    """No run writes its figures and its page, which take longer than small trials do."""
    home = "ebmbench.report"
    with (
        mock.patch(f"{home}.figures.surfaces.surfaces", return_value=None),
        mock.patch(f"{home}.figures.forest.forest", return_value=None),
        mock.patch(f"{home}.page.document.page", return_value=None),
    ):
        yield


class Reader:
    """Does one block after the other.

    Args:
        folder: where files are written and commands are given.
        not_run: first words of commands that are only held against what the command line knows.
    """

    def __init__(self, folder: Path, not_run: Sequence[str] = ()) -> None:
        self.folder, self.not_run = folder, [start.split() for start in not_run]
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def do(self, block: Block) -> None:
        """Whatever a reader would.

        Raises:
            Unlike: if nobody knows what to do with such a block.
        """
        if block.commands:
            for command in block.commands:
                self.give(command)
        elif block.language == "python":
            self._python(block)
        elif block.language == "yaml":
            self._yaml(block)
        elif block.language in ("toml", "json"):
            (tomllib if block.language == "toml" else json).loads(block.text)
        elif block.file:
            (self.folder / block.file).write_text(block.text.partition("\n")[2])
        elif block.language != "text":
            raise Unlike(f"a block of {block.language or 'no language'}: say what a reader does with it")

    # --- commands ----------------------------------------------------------------------------------------------------

    def give(self, command: Command) -> None:
        """Type a command, and compare what is answered with what is shown."""
        if any(command.words[: len(start)] == start for start in self.not_run):
            parsed(command.words)
            return
        words = [self._filled(word) for word in command.words]
        if words[0] != "ebmbench":
            raise Unlike(f"{command.text}: neither run, nor in the table of what is not")
        done = CliRunner(env={"COLUMNS": "100"}).invoke(group, words[1:], standalone_mode=False)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise Unlike(f"{command.text}: {done.exception}\n{done.output[-2000:]}") from done.exception
        if done.exit_code:
            raise Unlike(f"{command.text}: exit code {done.exit_code}\n{done.output[-2000:]}")
        missing = _words(command.shown) - _words(done.output) - VERDICTS
        if missing:
            raise Unlike(f"{command.text}: does not say {', '.join(sorted(missing))}, but\n{done.output[-4000:]}")

    def _filled(self, word: str) -> str:
        """With the run that a document cannot know: the last of all."""
        if not PLACEHOLDER.search(word):
            return word
        runs = sorted((self.folder / "results").glob("*/runs/*"), key=lambda run: run.stat().st_mtime)
        return PLACEHOLDER.sub(runs[-1].name, word)

    # --- files -------------------------------------------------------------------------------------------------------

    def _python(self, block: Block) -> None:
        if block.file:
            (self.folder / block.file).write_text(block.text)
            return
        before = set(self.names)
        exec(compile(block.text, f"line {block.line}", "exec"), self.names)
        for name in [name for name in self.names if name.startswith("test_") and name not in before]:
            self.names[name]()

    def _yaml(self, block: Block) -> None:
        found = YAML(typ="safe").load(block.text)
        if "jobs" in found:  # a workflow of GitHub's: tests/github have those
            return
        whole = "datasets" in found
        read_suite(found if whole else {**PARTS, **found})
        if whole:
            (self.folder / (block.file or f"{found['name']}.yaml")).write_text(block.text)


def _words(text: str) -> set[str]:
    return set(WORD.findall(text))


def parsed(words: Sequence[str], whole: bool = True) -> None:
    """Hold a command of ours against the command line, and ``make`` against the Makefile, without running it.

    Args:
        words: the program, and what it is given.
        whole: whether nothing that it must be given may be missing.

    Raises:
        Unlike: if there is no such option, or target.
    """
    program = Path(words[0]).name
    if program == "make":
        known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        if set(words[1:]) - known:
            raise Unlike(f"{' '.join(words)}: the Makefile has no such target")
    elif program == "ebmbench":
        try:
            _descend(group, list(words[1:]), None)
        except click.ClickException as error:
            if isinstance(error, UNFINISHED) and not whole:
                return
            raise Unlike(f"{' '.join(words)}: {error.format_message()}") from None
    elif shutil.which(program) is None and program not in ("pip", "cd"):
        raise Unlike(f"{' '.join(words)}: no such program")


def _descend(command: click.Command, words: list[str], parent: click.Context | None) -> None:
    """A verb's own options, and those of the verbs below it."""
    with command.make_context(command.name, words, parent=parent) as context:
        if isinstance(command, click.Group):
            _, below, left = command.resolve_command(context, [*context._protected_args, *context.args])
            assert below is not None
            _descend(below, left, context)
