"""How long a step takes on both sides, measured in turns.

A *pair* is a fresh process of each side that train the same method on the same data and seed. They take turns of a few
milliseconds on one core, A B B A, and never compute at the same time, so that what befalls the machine befalls both:
what else runs on a machine comes and goes within a tenth of a second, and two cores of a shared machine can differ by a
sixth. Methods do something else in every second, fifth or tenth step: each place in a cycle of ten has its own lower
quartile of the processor's seconds, since whatever else runs can only add to them, and the sum over the places counts.
What comes of a pair is one log ratio, of several trainings: where the tensors of each happen to lie in memory moves all
of its turns, and only more of them average that away.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ebmbench.gate.sides import Side, Work, both
from ebmbench.gate.trees import Tree
from ebmbench.training.machine import usable_cores

CYCLE = 10
"""Steps after which a method does the same again."""
TURN = 0.002
"""Seconds of a turn at least."""
SPAN = 0.4
"""Seconds that the turns of one side take from one fresh training to the next, about."""
TRAININGS = 3
"""Fresh trainings of a pair, of which the middle counts."""
CYCLES = (3, 100)
"""Cycles at least and at most."""
KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""Memory that is freed is kept (glibc): whether a large tensor is asked of the system anew in every step hangs on what
was allocated before it, and moves a step by several percent. Of timed processes alone: a trial that a gate runs takes
the seconds of any other run."""


@dataclass(frozen=True)
class Pair:
    """One pair of processes, one method.

    Attributes:
        trial: what was trained.
        ratio: log of head's seconds over base's.
        steps: of a turn.
        base, head: seconds of each turn.
    """

    trial: str
    ratio: float
    steps: int
    base: tuple[float, ...]
    head: tuple[float, ...]


def pairs(base: Tree, head: Tree, work: Work, trials: Sequence[str], seed: int, log: Path) -> Iterator[Pair]:
    """One pair of processes, and what comes of it for each of the trials (names, of the given seed)."""
    order = {"PYTHONHASHSEED": str(random.randrange(1 << 32))}  # of sets; the same on both sides, another in each pair
    rows = [trial.partition("/")[0] for trial in trials]
    with both(base, head, log, {**KEPT, **order}) as sides:
        with ThreadPoolExecutor(2) as together:
            list(together.map(lambda side: side.open(work, [seed], rows, tolerant=side is sides[0]), sides))
        core = random.randrange(usable_cores())
        for side in sides:
            side.ask("stay", core=core)
        for trial in trials:
            yield measured(*sides, trial)


def measured(base: Side, head: Side, trial: str) -> Pair:
    """Both sides in turns, in several trainings."""
    sides, ratios = (base, head), []
    found: dict[Side, list[float]] = {base: [], head: []}
    steps, cycles = _lengths(base, head, trial)
    for _ in range(TRAININGS):
        turns = _turns(sides, trial, steps, cycles)
        took = [_cycle(turns[side], max(1, CYCLE // steps)) for side in sides]
        ratios.append(math.log(took[1] / took[0]))
        for side in sides:
            found[side] += turns[side]
            side.ask("forget", trial=trial)
    return Pair(trial, float(np.median(ratios)), steps, tuple(found[base]), tuple(found[head]))


def _turns(sides: tuple[Side, Side], trial: str, steps: int, cycles: int) -> dict[Side, list[float]]:
    """The seconds of each turn, after a first cycle of each side that is not counted."""
    found: dict[Side, list[float]] = {side: [] for side in sides}
    for side in sides:
        side.ask("time", trial=trial, steps=CYCLE)
    for cycle in range(cycles):
        for place in range(max(1, CYCLE // steps)):
            # each place of a cycle is taken by either side first in half of the cycles
            for side in sides if (cycle + place) % 2 == 0 else sides[::-1]:
                found[side].append(_seconds(side, trial, steps))
    return found


def _cycle(seconds: Sequence[float], places: int) -> float:
    """Seconds of a cycle: the lower quartile of each of its places, added up."""
    return float(np.quantile(np.reshape(seconds, (-1, places)), 0.25, axis=0).sum())


def _lengths(base: Side, head: Side, trial: str) -> tuple[int, int]:
    """The steps of a turn, a part or a multiple of a cycle, and the number of cycles, after a first step that warms up.

    They are the same on both sides.
    """
    with ThreadPoolExecutor(2) as together:  # both load their data and libraries
        list(together.map(lambda side: side.ask("time", trial=trial, steps=1), (base, head)))
    step = max(_seconds(side, trial, CYCLE) / CYCLE for side in (base, head))
    wanted = math.ceil(TURN / max(step, 1e-9))
    steps = next((part for part in (1, 2, 5) if part >= wanted), CYCLE * math.ceil(wanted / CYCLE))
    least, most = CYCLES
    return steps, min(most, max(least, round(SPAN / (max(CYCLE, steps) * step))))


def _seconds(side: Side, trial: str, steps: int) -> float:
    return float(sum(side.ask("time", trial=trial, steps=steps)["processor"]))
