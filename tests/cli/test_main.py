"""How the program ends: an exit code for each sort of end, one line of words, and no traceback for what is foreseen."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import click
import pytest

from ebmbench import cli
from ebmbench.cli import VERBS, Terminated, fail, group, main
from ebmbench.errors import EngineLost, UsageError


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the tests' own process are put back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def ending(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> int | str | None:
    """The exit code when a verb does this."""
    monkeypatch.setattr(cli.group, "main", lambda standalone_mode: action())
    monkeypatch.setattr(sys, "argv", ["ebmbench"])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[[], object]:
    def act() -> object:
        raise error from cause

    return act


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("what is wrong"), 2, "error: what is wrong"),
        (click.UsageError("no such option"), 2, "error: no such option"),
        (EngineLost("no workers can be started"), 5, "error: no workers can be started"),
        (OSError(28, "No space left on device", "results/x"), 5, "error: results/x: No space left on device"),
        (OSError("odd"), 5, "error: input/output: odd"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (Terminated(signal.SIGTERM), 143, "terminated"),
        (Terminated(signal.SIGHUP), 129, "terminated"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_each_end_has_its_code_and_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    assert ending(monkeypatch, raising(error)) == code
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", said)


def test_an_end_that_click_has_wrapped_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Click turns an interrupt into an abort of its own."""
    assert ending(monkeypatch, raising(click.Abort(), Terminated(signal.SIGTERM))) == 143
    assert capsys.readouterr().err.strip() == "terminated"


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_verb_ends_with_the_code_that_it_gives(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    assert ending(monkeypatch, lambda: code) == code


def test_what_is_not_foreseen_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours keeps its traceback."""
    monkeypatch.setattr(cli.group, "main", lambda standalone_mode: raising(ZeroDivisionError("ours"))())
    with pytest.raises(ZeroDivisionError, match="ours"):
        main()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_ends_the_program_as_an_interrupt_does(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    signal.signal(number, signal.SIG_DFL)
    assert ending(monkeypatch, lambda: signal.raise_signal(number)) == 128 + number


def test_what_nohup_ignores_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def hang_up() -> int:
        signal.raise_signal(signal.SIGHUP)
        return 7

    assert ending(monkeypatch, hang_up) == 7


def test_a_message_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("one\x1b]0;title\x07\n    two")
    assert capsys.readouterr().err == (
        "error: one\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}\n    two\n"
    )


def test_every_verb_can_be_had() -> None:
    context = click.Context(group)
    assert group.list_commands(context) == list(VERBS)
    for verb in VERBS:
        command = group.get_command(context, verb)
        assert command is not None
        assert command.name == verb
    assert group.get_command(context, "nothing") is None
