"""A trial's objects, made of what its folder says of it: what is trained on what, from which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor

from ebmbench.catalog.targets import load_file, load_target
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.method import Method, ReferenceMethod, Stepper
from ebmbench.contracts.problem import Context, Problem
from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError
from ebmbench.parts.shared import shared_problem
from ebmbench.store.folders import Store
from ebmbench.store.records import DatasetCell, MethodCell, TrialSpec
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.loop import Progress
from ebmbench.training.seeding import generator, initialization
from ebmbench.training.stream import Stream, held_out

M = TypeVar("M", Method, Dataset)


@dataclass(frozen=True)
class TrialComponents:
    """What is trained on what, and where."""

    spec: TrialSpec
    method: Method
    dataset: Dataset
    like: Tensor
    """With the dtype and on the device of training."""

    @classmethod
    def load(cls, spec: TrialSpec, root: Path) -> TrialComponents:
        """Import what trial.json names, and nothing else; make a method and a dataset of it, and nothing else.

        Raises:
            UsageError: if it names what is neither, or a single-file plugin that is not one of the results folder's.
        """
        for file in {spec.method.file, spec.dataset.file, *(cell.file for cell in spec.metrics)} - {None}:
            if not (root / str(file)).resolve().is_relative_to((root / "plugins").resolve()):
                raise UsageError(f"plugin {file}: is not among those of {root}")
            load_file(root / str(file))
        method = _made(spec.method, Method)
        dataset = _made(spec.dataset, Dataset).kept_in(Store(root).tables)
        dtype = getattr(torch, spec.device.dtype)
        return cls(spec, method, dataset, torch.zeros((), dtype=dtype, device=spec.device.device))

    @property
    def truth(self) -> Dataset | None:
        """The dataset, for the reference rows alone."""
        return self.dataset if isinstance(self.method, ReferenceMethod) else None

    @cached_property
    def stream(self) -> Stream:
        """The training data."""
        return Stream(self.dataset, self.spec.data, self.spec.seed, self.like)

    @cached_property
    def held_out(self) -> tuple[Batch, Batch]:
        """The validation and test points."""
        return held_out(self.dataset, self.spec.data, self.spec.seed)

    @cached_property
    def unit(self) -> int:
        """Floating-point operations of a pass."""
        return pass_flops(self.dataset.domain, self.spec.net, self.dataset.context)

    def problem(self, training_set: Batch) -> Problem:
        """What the method may know: the moments are taken in double precision, and kept in the training's."""
        rows, space = training_set.y.double(), self.dataset.context
        mean, cov = rows.mean(0).cpu(), torch.cov(rows.T).cpu().reshape(rows.shape[1], -1)
        moments = mean.to(self.like.dtype), cov.to(self.like.dtype)
        context = None if space is None else Context.of(space, training_set, self.like.dtype)
        return shared_problem(self.dataset.domain, self.spec.net, *moments, context, self.truth)

    def surface(self, problem: Problem) -> Surface:
        """The surface before training."""
        with initialization(self.spec.seed):
            return self.method.build(problem).to(self.like)

    def blank(self) -> Surface:
        """The surface from shapes alone."""
        problem = shared_problem(self.dataset.domain, self.spec.net, context=self.dataset.context, truth=self.truth)
        surface = self.method.build(problem).to(self.like.device)
        return surface.to(self.like.dtype) if self.like.dtype == torch.float64 else surface

    def stepper(self, surface: Surface) -> Stepper:
        """What trains the surface."""
        with initialization(self.spec.seed):
            return self.method.stepper(surface, self.spec.device.compile)

    def progress(self, surface: Surface) -> Progress:
        """A training that has not begun."""
        return Progress(Meter(self.unit, surface, self.spec.device.compile))

    def noise(self) -> Generator:
        """The method's own randomness."""
        return generator("noise", self.spec.seed, device=str(self.like.device))


def _made(cell: MethodCell | DatasetCell, kind: type[M]) -> M:
    """The method or dataset of a cell. A class of another kind is not called: a results folder may be a stranger's."""
    cls: Any = load_target(cell.target, cell.owner)
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise UsageError(f"{cell.target} of {cell.owner} is no {kind.__name__}")
    return cls(**cell.params)
