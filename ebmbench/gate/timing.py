"""How long a step takes on both sides, measured in turns.

A *pair* is a fresh process of each side that train the same method on the same data and seed. They take turns, A B B A,
block by block, and never compute at the same time, so that what befalls the machine befalls both. A block is a whole
cycle of steps. Of a pair's blocks the lower quartile of the processor's seconds counts, since whatever else runs can
only add to them; what comes of a pair is one log ratio. Where a process happens to lie in memory moves all of its
blocks, by several percent at times: that is noise between pairs, and only more pairs average it away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ebmbench.gate.sides import Side, Work, both
from ebmbench.gate.trees import Tree

CYCLE = 10
"""Steps of a block at least: methods do something else in every second, fifth or tenth step."""
BLOCK = 0.02
"""Seconds of a block at least."""
SPAN = 1.0
"""Seconds that the blocks of one side take together, about."""
ROUNDS = (3, 12)
"""Turns A B B A, at least and at most."""


@dataclass(frozen=True)
class Pair:
    """One pair of processes, one method.

    Attributes:
        trial: what was trained.
        ratio: log of head's seconds over base's.
        steps: of a block.
        base, head: seconds of each block.
    """

    trial: str
    ratio: float
    steps: int
    base: tuple[float, ...]
    head: tuple[float, ...]


def pairs(base: Tree, head: Tree, work: Work, trials: Sequence[str], seed: int, log: Path) -> Iterator[Pair]:
    """One pair of processes, and what comes of it for each of the trials (names, of the given seed)."""
    with both(base, head, log) as sides:
        rows = [trial.partition("/")[0] for trial in trials]
        for side in sides:
            side.open(work, [seed], rows, tolerant=side is sides[0])
        for trial in trials:
            yield measured(*sides, trial)


def measured(base: Side, head: Side, trial: str) -> Pair:
    """Both sides in turns."""
    steps = _block(base, head, trial)
    took = {side: _processor(side.ask("time", trial=trial, steps=steps)) for side in (base, head)}
    least, most = ROUNDS
    rounds = min(most, max(least, round(SPAN / 2 / max(took.values()))))
    found: dict[Side, list[float]] = {base: [], head: []}
    for turn in range(rounds):
        order = (base, head, head, base) if turn % 2 == 0 else (head, base, base, head)
        for side in order:
            found[side].append(_seconds(side, trial, steps))
    for side in (base, head):
        side.ask("forget", trial=trial)
    quartiles = {side: float(np.quantile(seconds, 0.25)) for side, seconds in found.items()}
    ratio = math.log(quartiles[head] / quartiles[base])
    return Pair(trial, ratio, steps, tuple(found[base]), tuple(found[head]))


def _block(base: Side, head: Side, trial: str) -> int:
    """The steps of a block, after a first one that warms up: the same on both sides."""
    for side in (base, head):
        side.ask("time", trial=trial, steps=1)
    step = max(_processor(side.ask("time", trial=trial, steps=CYCLE)) / CYCLE for side in (base, head))
    return CYCLE * max(1, math.ceil(BLOCK / CYCLE / max(step, 1e-9)))


def _seconds(side: Side, trial: str, steps: int) -> float:
    return _processor(side.ask("time", trial=trial, steps=steps))


def _processor(answer: dict[str, list[float]]) -> float:
    return sum(answer["processor"])
