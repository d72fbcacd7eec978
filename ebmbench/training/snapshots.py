"""Where a training stands, kept beside the trial: one that is cut goes on from there to the same numbers."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass
from pickle import UnpicklingError

import torch
from torch import Generator, Tensor

from ebmbench.contracts.method import Stepper, TrainingState
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import SNAPSHOT, TrialFolder
from ebmbench.training.clocks import Clock
from ebmbench.training.loop import Progress

SNAPSHOT_INTERVAL = 30.0
"""Seconds between two snapshots: what a cut may cost."""


@dataclass(frozen=True)
class Snapshot:
    """All that the rest of a training depends on; data are functions of the step, and need not be kept.

    Attributes:
        stepper: the surface, its average, the optimizer.
        rng: the state of the method's generator.
        steps: that were taken.
        samples: rows of data seen.
        meter: what they have cost.
        seconds: what the clock read.
        processor: the processor's seconds in them.
        interrupted: how often the training had been cut before.
    """

    stepper: TrainingState
    rng: Tensor
    steps: int
    samples: int
    meter: list[float]
    seconds: float
    processor: float
    interrupted: int

    @classmethod
    def take(cls, stepper: Stepper, rng: Generator, progress: Progress, clock: Clock, interrupted: int) -> Snapshot:
        """The training as it stands."""
        counts = (progress.steps, progress.samples, progress.meter.state())
        return cls(stepper.state(), rng.get_state(), *counts, clock.seconds, clock.processor, interrupted)

    def resume(self, stepper: Stepper, rng: Generator, progress: Progress, clock: Clock) -> int:
        """Put everything back; how often the training has been cut."""
        stepper.restore(self.stepper)
        rng.set_state(self.rng)
        clock.seconds, clock.processor = self.seconds, self.processor
        progress.steps, progress.samples = self.steps, self.samples
        progress.meter.restore(self.meter)
        return self.interrupted + 1


class Snapshots:
    """The snapshot of one trial: the last one, replaced from time to time, gone when training has ended."""

    def __init__(self, folder: TrialFolder, every: float = SNAPSHOT_INTERVAL) -> None:
        self.folder, self.every, self._last = folder, every, time.monotonic()

    def due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._last >= self.every

    def save(self, snapshot: Snapshot) -> None:
        """Keep this one in place of the last."""
        buffer = io.BytesIO()
        torch.save(vars(snapshot), buffer)
        content = buffer.getvalue()
        write_atomic(self.folder.file(SNAPSHOT), hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        self._last = time.monotonic()

    def load(self) -> Snapshot | None:
        """The one that was kept; None when there is none, or it is not what was written."""
        try:
            digest, _, content = self.folder.file(SNAPSHOT).read_bytes().partition(b"\n")
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        try:
            return Snapshot(**torch.load(io.BytesIO(content), weights_only=True))
        except (UnpicklingError, RuntimeError, TypeError, ValueError, LookupError, AttributeError, EOFError):
            return None

    def drop(self) -> None:
        """Training has ended."""
        self.folder.file(SNAPSHOT).unlink(missing_ok=True)
