"""The training loop: the harness owns the budget, the clock, the data and the milestones; a method owns one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.method import Logs, Stepper
from ebmbench.contracts.surface import Surface
from ebmbench.suite.schema import Budget
from ebmbench.training.checks import Diverged, check_energies
from ebmbench.training.clocks import Clock
from ebmbench.training.counting import Meter
from ebmbench.training.stream import Stream

CHUNK = 32
"""Steps between two looks at the loss: reading it waits for the device."""


@dataclass
class Progress:
    """How far a training is."""

    meter: Meter
    steps: int = 0
    samples: int = 0

    def fraction(self, budget: Budget) -> float:
        """How much of the budget is spent."""
        if budget.passes is not None:
            return self.meter.total.passes / budget.passes
        return self.steps / (budget.steps or 1)


Milestone = Callable[[Surface, Progress], None]
Checkpoint = Callable[[Progress], None]


def train(
    stepper: Stepper,
    stream: Stream,
    budget: Budget,
    rng: Generator,
    clock: Clock,
    progress: Progress,
    marks: Sequence[float],
    milestone: Milestone,
    checkpoint: Checkpoint = lambda progress: None,
) -> None:
    """Take steps until the budget is spent or the method has finished.

    Args:
        stepper: the method in training.
        stream: its data; drawing them is not charged.
        budget: what may be spent.
        rng: the method's own randomness.
        clock: runs while steps are taken, and only then.
        progress: how far the training is, from the start or from where it was cut; stepper and rng stand there too.
        marks: ascending fractions of the budget at which the surface is to be kept.
        milestone: called off the clock with the surface as it stands, at each of the marks.
        checkpoint: called off the clock every ``CHUNK`` steps; what it sees is all there is to know.

    Raises:
        Diverged: when the loss is not finite, or the energy of data explodes.
    """
    waiting = [mark for mark in marks if mark > progress.fraction(budget)]
    while not stepper.finished() and progress.fraction(budget) < 1:
        batches = list(_next_batches(stepper, stream, progress.steps))
        logs: Logs = {}
        with clock.running():
            for batch in batches:
                logs = _take_step(stepper, batch, rng, progress, budget)
                if _pause_due(progress, budget, waiting):
                    break
        _check_finite(logs, progress.steps)
        fraction = progress.fraction(budget)
        if waiting and fraction >= waiting[0]:
            waiting = [mark for mark in waiting if mark > fraction]
            surface = stepper.eval_surface()
            check_energies(surface, batches[-1])
            milestone(surface, progress)
        checkpoint(progress)


def _next_batches(stepper: Stepper, stream: Stream, step: int) -> Iterator[Batch]:
    if stepper.batch_rows is None:
        yield stream.training_set()
        return
    for k in range(CHUNK):
        yield stream.batch(step + k, stepper.batch_rows)


def _take_step(stepper: Stepper, batch: Batch, rng: Generator, progress: Progress, budget: Budget) -> Logs:
    with progress.meter.step(progress.steps, len(batch), lambda: stepper.foreign_work(batch)):
        logs = stepper.step(batch, rng, progress.fraction(budget))
    progress.steps += 1
    progress.samples += len(batch)
    return logs


def _pause_due(progress: Progress, budget: Budget, waiting: list[float]) -> bool:
    fraction = progress.fraction(budget)
    return fraction >= 1 or (bool(waiting) and fraction >= waiting[0])


def _check_finite(logs: Logs, step: int) -> None:
    for name, value in logs.items():
        if not bool(torch.isfinite(value).all()):
            raise Diverged(f"{name} is {float(value)} at step {step}")
