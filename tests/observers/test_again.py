"""The command that runs a trial again: it means the same to a shell and to the command line."""

from __future__ import annotations

import shlex
from pathlib import Path

from ebmbench.cli.run_verb import command as run_command
from ebmbench.observers.again import Again


def test_a_plain_suite_has_a_plain_command() -> None:
    expected = "ebmbench run smoke -k nce/rings/0/cpu --retry-failed --executor inline --pdb"
    assert Again("smoke").command("nce/rings/0/cpu") == expected


def test_what_was_given_is_given_again_and_no_shell_is_driven_by_it() -> None:
    again = Again("my suite.yaml", Path("else where"), ("a;b.py",), ("budget.passes=5", "net.width=8"), 3)
    words = shlex.split(again.command("a$(b)/rings/2/cpu"))
    assert words[:2] == ["ebmbench", "run"]
    given = run_command.make_context("run", words[2:]).params
    assert given["suite"] == "my suite.yaml"
    assert (given["keyword"], given["plugins"], given["seeds"]) == ("a$(b)/rings/2/cpu", ("a;b.py",), 3)
    assert given["overrides"] == ("budget.passes=5", "net.width=8")
    assert (given["results"], given["executor"]) == (Path("else where"), "inline")
    assert given["pdb"]
    assert given["retry_failed"]


def test_a_terminal_is_not_driven_by_it() -> None:
    assert "\x1b" not in Again("a\x1b[31m.yaml").command("b\x07/rings/0/cpu")
