"""Mistakes of plugins, as their authors read of them."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Generator

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.method import Logs, Method
from ebmbench.parts.gradient import GradientMethod
from ebmbench.training.explaining import explained


class Empty(Method):
    """It writes nothing."""


class Lossless(GradientMethod):
    """It has no loss."""


class Counting(Method):
    """It counts its steps in itself."""

    taken: int = 0

    def step(self, surface: Any, batch: Batch, rng: Generator) -> Logs:
        """One more."""
        self.taken += 1  # type: ignore[misc]
        return {}


def raised(call: Any, *given: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        call(*given)
    return caught.value


@pytest.mark.parametrize(
    ("call", "number", "says"),
    [
        (
            Empty().build,
            1,
            "Empty has no build(problem): a method writes build, and loss (as a GradientMethod) or",
        ),
        (Empty().step, 3, "Empty has no step(surface, batch, rng): a method writes"),
        (Lossless().loss, 3, "Lossless has no loss(surface, batch, rng): a method writes"),
        (Counting().step, 3, "Counting writes to self.taken: a method is a frozen record of its hyper-parameters;"),
    ],
)
def test_what_is_missing_or_frozen_is_said(call: Any, number: int, says: str) -> None:
    assert explained(raised(call, *[None] * number)).startswith(says)


def unfinished(*_: object) -> None:
    raise NotImplementedError


def unfinished_and_said() -> None:
    raise NotImplementedError("in three dimensions")


def test_other_errors_say_what_they_say() -> None:
    assert explained(raised(unfinished)) == "NotImplementedError"
    assert explained(raised(unfinished_and_said)) == "in three dimensions"
    assert explained(NotImplementedError()) == "NotImplementedError"
    assert explained(ValueError("two\nlines")) == "two lines"
    wrong = raised(Counting.model_validate, {"taken": "many"})
    assert "unable to parse string as an integer" in explained(wrong)
