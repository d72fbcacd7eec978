"""The surface at fractions of the budget: kept while it is trained, measured when it is."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pickle import UnpicklingError

import torch

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.surface import Surface
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import MILESTONES, TrialFolder
from ebmbench.suite.schema import Budget
from ebmbench.training.counting import WorkCounter
from ebmbench.training.loop import Progress

OCTAVES = 6
"""The first milestone is at 2^-6 of the budget."""
MAX_SHARE = 0.25
"""Of the budget's work, that may be spent on measuring milestones in half octaves."""
ELEMENT_FLOPS = 50
"""A number that is no product's costs about as much time as so many operations within one."""


def marks(surface: Surface, batch: Batch, rows: int, budget: Budget, unit: int, batch_rows: int) -> tuple[float, ...]:
    """Fractions of the budget at 2^(-k/2), or at 2^-k where measuring so many would take too much of the work.

    The work is counted, and not timed, so that a trial has the same milestones on every machine.

    Args:
        surface: as it is before training.
        batch: some rows that its work is counted on.
        rows: that are evaluated at a milestone.
        budget: of the training.
        unit: floating-point operations of a pass.
        batch_rows: of a step, at least as many passes as that.
    """
    with torch.no_grad(), WorkCounter() as counter:
        surface.given(batch.x)(batch.y)
    each = (counter.flops + ELEMENT_FLOPS * counter.elements) / len(batch) * rows / unit
    whole = budget.passes if budget.passes is not None else (budget.steps or 1) * batch_rows
    halves = 2 * OCTAVES * each <= MAX_SHARE * whole
    return tuple(2.0 ** (-k / 2) for k in range(2 * OCTAVES, 0, -1) if halves or k % 2 == 0)


@dataclass(frozen=True)
class Milestone:
    """A surface on its way: when it stood so, in passes of the budget and seconds of the clock, and its state dict."""

    step: int
    passes: float
    seconds: float
    state: dict[str, torch.Tensor]


class Milestones:
    """Those of one trial, in its folder."""

    def __init__(self, folder: TrialFolder) -> None:
        self.path = folder.file(MILESTONES)
        self.kept: list[Milestone] = []

    def keep(self, surface: Surface, progress: Progress, seconds: float) -> None:
        """Keep the surface as it stands."""
        state = {name: value.detach().cpu().clone() for name, value in surface.state_dict().items()}
        self.kept.append(Milestone(progress.steps, progress.meter.total.passes, seconds, state))
        buffer = io.BytesIO()
        torch.save([vars(milestone) for milestone in self.kept], buffer)
        write_atomic(self.path, buffer.getvalue())

    def drop(self) -> None:
        """Forget those of another attempt."""
        self.path.unlink(missing_ok=True)

    def load(self, until: int | None = None) -> list[Milestone]:
        """What was kept, up to a step; nothing where the file is not what was written."""
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            found = [Milestone(**fields) for fields in stored]
        except (OSError, UnpicklingError, RuntimeError, TypeError, ValueError, LookupError, AttributeError, EOFError):
            found = []
        self.kept = [milestone for milestone in found if until is None or milestone.step <= until]
        return self.kept
