"""What an engine is: both of ours are one, and what they tell of an end is enough."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from ebmbench.execution.executor import Ended, Executor
from ebmbench.execution.inline import InlineExecutor
from ebmbench.execution.local import LocalExecutor

MEMBERS = ("submit", "poll", "cancel", "close")


@pytest.mark.parametrize("kind", [LocalExecutor, InlineExecutor])
@pytest.mark.parametrize("member", MEMBERS)
def test_an_executor_takes_what_the_protocol_says(kind: type[Executor], member: str) -> None:
    """By the same names, so that a scheduler may be put in its place."""
    assert inspect.signature(getattr(kind, member)) == inspect.signature(getattr(Executor, member))


def test_the_protocol_is_these_four() -> None:
    assert [name for name in vars(Executor) if not name.startswith("_")] == list(MEMBERS)


def test_making_one_does_no_work(tmp_path: Path) -> None:
    """No process, no folder."""
    for executor in (LocalExecutor(tmp_path / "a", 1.0, 1), InlineExecutor(tmp_path / "b")):
        assert executor.poll(0.0) == []
        executor.close()
    assert list(tmp_path.iterdir()) == []


def test_an_end_without_more_is_one_of_which_nothing_is_known() -> None:
    assert Ended("key") == Ended("key", None, "", None, "")
