"""What a method is: a frozen record of hyper-parameters that builds a surface and takes steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import DomainKind
from ebmbench.contracts.surface import Surface

if TYPE_CHECKING:
    from torch import Generator, Tensor

Logs = Mapping[str, "Tensor"]
"""What a step reports: named 0-d tensors (read only now and then, so that no step waits for the device)."""

TrainingState = dict[str, Any]
"""Tensors and plain numbers in nested dicts and lists: what torch stores, and reads again without unpickling."""

DEFAULT_BATCH = 256
"""Rows of a batch of a method that has no field ``batch``."""


class Method(BaseModel):
    """One algorithm: a frozen record of hyper-parameters. Everything that training changes lives in the surface.

    A method that is not trained by gradients writes ``build`` and ``step``; a ``full_batch`` one is given the whole
    training set at each step. Methods with a loss derive from ``GradientMethod``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    full_batch: ClassVar[bool] = False
    works_on: ClassVar[tuple[DomainKind, ...]] = ("continuous",)
    conditional: ClassVar[bool] = False
    """Whether its surfaces take a context x."""

    def build(self, problem: Problem) -> Surface:
        """A blank surface from shapes alone: also how a stored model is rebuilt."""
        raise NotImplementedError

    def step(self, surface: Any, batch: Batch, rng: Generator) -> Logs:
        """One update of the surface in place."""
        raise NotImplementedError

    def finished(self, surface: Any) -> bool:
        """Whether further steps would change nothing (asked after each step of a full-batch method)."""
        return False

    def foreign_work(self, surface: Any, batch: Batch) -> float:
        """The floating-point operations of a step outside torch: two for each product of two numbers that is summed.

        What torch computes is counted by the harness itself, which charges at least a pass a row of data.
        """
        return 0.0

    def supports(self, problem: Problem) -> str | None:
        """Why this method cannot work on a problem of a kind that it works on, or None when it can."""
        return None

    def obstacle(self, problem: Problem) -> str | None:
        """Why the trial cannot be: the data are not of a kind that the method works on, or what it says itself."""
        if problem.domain.kind not in self.works_on:
            return f"works on {' and '.join(self.works_on)} data only"
        if problem.context is not None and not self.conditional:
            return "its energy takes no context x"
        return self.supports(problem)

    def stepper(self, surface: Surface, compiled: bool = False) -> Stepper:
        """How the surface is trained: by calling ``step``."""
        return Stepper(self, surface)


class Stepper:
    """What the harness holds of a method in training: it takes steps, and shows the surface to be measured.

    ``batch_rows`` is the number of rows of a batch, or None when every step sees the whole training set.
    """

    def __init__(self, method: Method, surface: Surface) -> None:
        self.method, self.surface = method, surface
        self.batch_rows = None if method.full_batch else int(getattr(method, "batch", DEFAULT_BATCH))

    def step(self, batch: Batch, rng: Generator, fraction: float) -> Logs:
        """One update of the surface in place; ``fraction`` of the budget is spent before it."""
        return self.method.step(self.surface, batch, rng)

    def warm_up(self, batch: Batch, rng: Generator) -> None:
        """Do what only the first step does, such as compiling, and leave everything as it was."""

    def eval_surface(self) -> Surface:
        """The surface to be measured now."""
        return self.surface

    def foreign_work(self, batch: Batch) -> float:
        """The floating-point operations of a step that are done outside torch."""
        return self.method.foreign_work(self.surface, batch)

    def finished(self) -> bool:
        """Whether further steps would change nothing."""
        return self.method.finished(self.surface)

    def state(self) -> TrainingState:
        """All that steps have changed so far."""
        return {"surface": self.surface.state_dict()}

    def restore(self, state: TrainingState) -> None:
        """Go on from there: the next steps are those that would have followed."""
        self.surface.load_state_dict(state["surface"])


class ReferenceMethod(Method):
    """A row to compare with: the truth above, the floors below; never ranked.

    Its ``build`` alone is given a problem whose ``truth`` is the dataset itself.
    """
