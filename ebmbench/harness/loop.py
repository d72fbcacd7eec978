"""The training loop: the harness owns the budget, the clock, the data and the milestones; a method owns one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Logs, Stepper
from ebmbench.harness.clocks import Clock
from ebmbench.harness.stream import Stream
from ebmbench.parts.counting import Meter, metered
from ebmbench.parts.surface import Surface
from ebmbench.suite.schema import Budget

CHUNK = 32
"""Steps between two looks at the loss: reading it waits for the device."""
MILESTONES = tuple(2.0**-k for k in range(6, 0, -1))
"""Fractions of the budget at which the surface is measured; the end is measured in full."""
EXPLODED = 1e6
"""An energy of data beyond this is no energy any more."""


class Diverged(Exception):
    """Training left the finite numbers."""


@dataclass
class Progress:
    """How far a training is."""

    steps: int = 0
    samples: int = 0
    meter: Meter = field(default_factory=Meter)

    def fraction(self, budget: Budget) -> float:
        """How much of the budget is spent."""
        return budget.fraction(self.meter.passes, self.steps)


Milestone = Callable[[Surface, Progress], None]
Checkpoint = Callable[[Progress], None]


def train(
    stepper: Stepper,
    stream: Stream,
    budget: Budget,
    rng: Generator,
    clock: Clock,
    milestone: Milestone,
    checkpoint: Checkpoint = lambda progress: None,
    begun: Progress | None = None,
) -> Progress:
    """Take steps until the budget is spent or the method has finished.

    Args:
        stepper: the method in training.
        stream: its data; drawing them is not charged.
        budget: what may be spent.
        rng: the method's own randomness.
        clock: runs while steps are taken, and only then.
        milestone: called off the clock with the surface as it stands, at each of ``MILESTONES``.
        checkpoint: called off the clock every ``CHUNK`` steps; what it sees is all there is to know.
        begun: how far the training was when it was cut; stepper and rng stand there already.

    Raises:
        Diverged: when the loss is not finite, or the energy of data explodes.
    """
    progress = begun or Progress()
    waiting = [mark for mark in MILESTONES if mark > progress.fraction(budget)]
    while not stepper.finished() and progress.fraction(budget) < 1:
        batches = [Batch(y) for y in _next_batches(stepper, stream, progress.steps)]
        logs: Logs = {}
        with clock.running():
            for batch in batches:
                logs = _take_step(stepper, batch, rng, progress, budget)
                if _pause_due(stepper, progress, budget, waiting):
                    break
        _check_finite(logs, progress.steps)
        fraction = progress.fraction(budget)
        if waiting and fraction >= waiting[0]:
            waiting = [mark for mark in waiting if mark > fraction]
            surface = stepper.readout()
            check_energies(surface, batches[-1].y)
            milestone(surface, progress)
        checkpoint(progress)
    return progress


def _next_batches(stepper: Stepper, stream: Stream, step: int) -> Iterator[Tensor]:
    if stepper.batch_rows is None:
        yield stream.training_set()
        return
    for k in range(CHUNK):
        yield stream.batch(step + k, stepper.batch_rows)


def _take_step(stepper: Stepper, batch: Batch, rng: Generator, progress: Progress, budget: Budget) -> Logs:
    before = progress.meter.passes
    with metered(progress.meter):
        logs = stepper.step(batch, rng, progress.fraction(budget))
    if progress.meter.passes == before:
        progress.meter.passes += len(batch.y)  # a sweep through no network costs a pass a row
    progress.steps += 1
    progress.samples += len(batch.y)
    return logs


def _pause_due(stepper: Stepper, progress: Progress, budget: Budget, waiting: list[float]) -> bool:
    fraction = progress.fraction(budget)
    return fraction >= 1 or (bool(waiting) and fraction >= waiting[0])


def _check_finite(logs: Logs, step: int) -> None:
    for name, value in logs.items():
        if not bool(torch.isfinite(value).all()):
            raise Diverged(f"{name} is {float(value)} at step {step}")


@torch.no_grad()
def check_energies(surface: Surface, y: Tensor) -> None:
    """Raise ``Diverged`` unless the energies of the rows are finite and not enormous.

    A squared distance is measured in the data's own units: rows that are spread wider may have larger energies.
    """
    energy = surface(y)
    worst = float(energy.abs().max())
    limit = EXPLODED * max(1.0, float((y - y.mean(0)).square().mean()))
    if not worst <= limit:
        raise Diverged(f"the energy of a data point is {worst:g}; expected at most {limit:g}")
