"""Turns of two sides: what they are asked, and what is made of their seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ebmbench.gate import sides
from ebmbench.gate.sides import Side
from ebmbench.gate.timing import CYCLE, KEPT, SPAN, TRAININGS, measured, pairs
from ebmbench.gate.trees import Tree


class Clockwork:
    """In the place of a side: a step takes so long, and now and then much longer."""

    def __init__(self, log: list[str], name: str, seconds: Callable[[int], float]) -> None:
        self.log, self.name, self.seconds, self.taken = log, name, seconds, 0

    def open(self, *asked: Any, **how: Any) -> None:
        """Nothing to plan."""

    def ask(self, do: str, trial: str = "", steps: int = 0, core: int = -1) -> Any:
        if do == "stay":
            self.log.append(f"core {core}")
            return None
        if do == "forget":
            self.log.append(f"{self.name}forget")
            return None
        self.log.append(f"{self.name}{steps}")
        took = [self.seconds(self.taken + k) for k in range(steps)]
        self.taken += steps
        return {"wall": [9.0] * steps, "processor": took}


def pair(base: Callable[[int], float], head: Callable[[int], float]) -> tuple[Any, list[str]]:
    log: list[str] = []
    first, second = (cast("Side", Clockwork(log, name, seconds)) for name, seconds in (("A", base), ("B", head)))
    return measured(first, second, "nce/moons/0/cpu"), log


def test_both_take_the_same_steps_in_turns() -> None:
    found, log = pair(lambda k: 0.001, lambda k: 0.001)
    assert found.ratio == 0
    assert found.steps == 2
    turns = [one[0] for one in log if one[1:] == "2"]
    assert "".join(turns[:20]) == "ABBAABBAAB" + "BAABBAABBA"
    assert len(found.base) == len(found.head) == len(turns) / 2
    assert sum(found.base) == pytest.approx(TRAININGS * SPAN, rel=0.1)


def test_timed_processes_keep_their_memory_and_share_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, log = [], list[str]()

    def started(tree: Tree, log_: Path, environment: Mapping[str, str]) -> AbstractContextManager[Clockwork]:
        asked.append(environment)
        return nullcontext(Clockwork(log, "", lambda k: 0.001))

    monkeypatch.setattr(sides, "Side", started)
    nothing = cast("Any", None)
    (found,) = pairs(nothing, nothing, nothing, ["nce/moons/0/cpu"], 0, Path("log.txt"))
    assert found.ratio == 0
    assert asked[0] == asked[1]
    assert asked[0].keys() == {*KEPT, "PYTHONHASHSEED"}
    assert asked[0].items() >= KEPT.items()
    assert log[0] == log[1]
    assert log[0].startswith("core ")


def test_each_training_of_a_pair_is_a_fresh_one() -> None:
    _, log = pair(lambda k: 0.001, lambda k: 0.001)
    assert log.count("Aforget") == log.count("Bforget") == TRAININGS


@pytest.mark.parametrize("step", [1e-5, 1e-3, 0.1])
def test_a_slower_step_is_seen(step: float) -> None:
    found, _ = pair(lambda k: step, lambda k: 1.05 * step)
    assert found.ratio == pytest.approx(math.log(1.05))
    assert CYCLE % found.steps == 0 or found.steps % CYCLE == 0
    assert len(found.base) * found.steps >= 3 * CYCLE


@pytest.mark.parametrize("step", [1e-5, 1e-3, 0.1])
def test_what_happens_in_every_tenth_step_alone_is_seen(step: float) -> None:
    """A quantile of single steps, the wrong twin, would not see it."""

    def head(k: int) -> float:
        return step if k % 10 else 6 * step

    found, _ = pair(lambda k: step, head)
    assert found.ratio == pytest.approx(math.log(1.5))
    steps = [head(k) for k in range(200)]
    assert np.quantile(steps, 0.25) == step


def test_other_work_beside_it_is_not() -> None:
    """On half of the turns of one side; the mean, the wrong twin, would see it."""
    noise = np.random.default_rng(0)
    busy = noise.random(10_000) < 0.5

    found, _ = pair(lambda k: 0.001, lambda k: 0.001 * (1.5 if busy[(k - 1) // 10] else 1))
    assert found.ratio == pytest.approx(0, abs=1e-9)
    assert math.log(np.mean(found.head) / np.mean(found.base)) > 0.1
