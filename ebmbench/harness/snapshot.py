"""Where a training stands, kept beside the trial: one that is cut goes on from there to the same numbers."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass, field
from pickle import UnpicklingError

import torch
from torch import Generator, Tensor

from ebmbench.contracts import State, Stepper
from ebmbench.harness.clocks import Clock
from ebmbench.harness.loop import Progress
from ebmbench.parts.counting import Meter
from ebmbench.store.folders import SNAPSHOT, TrialFolder, write_atomic

EVERY = 30.0
"""Seconds between two snapshots: what a cut may cost."""


@dataclass
class Trace:
    """What was measured on the way: lines of curve.jsonl, energies at the milestones; and how often it was cut."""

    lines: list[str] = field(default_factory=list)
    energies: list[Tensor] = field(default_factory=list)
    interrupted: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All that the rest of a training depends on; data are functions of the step, and need not be kept.

    Attributes:
        stepper: the surface, its average, the optimizer.
        rng: the state of the method's generator.
        counts: steps, samples, passes, energy rows, gradient rows.
        seconds: what the clock read.
        lines: the curve so far.
        energies: at the milestones so far.
        interrupted: how often the training had been cut before.
    """

    stepper: State
    rng: Tensor
    counts: tuple[int, int, int, int, int]
    seconds: float
    lines: list[str]
    energies: list[Tensor]
    interrupted: int

    @classmethod
    def take(cls, stepper: Stepper, rng: Generator, progress: Progress, clock: Clock, trace: Trace) -> Snapshot:
        """The training as it stands."""
        meter = progress.meter
        counts = (progress.steps, progress.samples, meter.passes, meter.energy_rows, meter.gradient_rows)
        found = (stepper.state(), rng.get_state(), counts, clock.seconds)
        return cls(*found, trace.lines, trace.energies, trace.interrupted)

    def resume(self, stepper: Stepper, rng: Generator, clock: Clock) -> tuple[Progress, Trace]:
        """Put everything back; how far the training is, and what was measured on the way."""
        stepper.restore(self.stepper)
        rng.set_state(self.rng)
        clock.seconds = self.seconds
        steps, samples, passes, energy_rows, gradient_rows = self.counts
        progress = Progress(steps, samples, Meter(passes, energy_rows, gradient_rows))
        return progress, Trace(list(self.lines), list(self.energies), self.interrupted + 1)


class Snapshots:
    """The snapshot of one trial: the last one, replaced from time to time, gone when training has ended."""

    def __init__(self, folder: TrialFolder, every: float = EVERY) -> None:
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
