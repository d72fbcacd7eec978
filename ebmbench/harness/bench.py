"""A trial's objects, made of what its folder says of it, and its trained surface, written and read again."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch

from ebmbench.contracts import Dataset, Method
from ebmbench.datasets.table import Table
from ebmbench.parts.problem import Problem
from ebmbench.parts.reference import ReferenceMethod
from ebmbench.parts.surface import Surface
from ebmbench.store.folders import Store, TrialFolder, write_atomic
from ebmbench.store.records import DatasetCell, MethodCell, TrialSpec
from ebmbench.suite.catalog import load_file, load_target
from ebmbench.suite.errors import UsageError

M = TypeVar("M", Method, Dataset)


@dataclass(frozen=True)
class Bench:
    """A trial's objects: what is trained on what, and where."""

    spec: TrialSpec
    method: Method
    dataset: Dataset
    like: torch.Tensor

    @classmethod
    def load(cls, spec: TrialSpec, root: Path) -> Bench:
        """Import what trial.json names, and nothing else; make a method and a dataset of it, and nothing else.

        Raises:
            UsageError: if it names what is neither, or a single-file plugin that is not one of the results folder's.
        """
        for file in {spec.method.file, spec.dataset.file, *(cell.file for cell in spec.metrics)} - {None}:
            if not (root / str(file)).resolve().is_relative_to((root / "plugins").resolve()):
                raise UsageError(f"plugin {file}: is not among those of {root}")
            load_file(root / str(file))
        method = _made(spec.method, Method)
        dataset = _made(spec.dataset, Dataset)
        if isinstance(dataset, Table):
            dataset = dataset.kept_in(Store(root).tables)
        dtype = getattr(torch, spec.device.dtype)
        return cls(spec, method, dataset, torch.zeros((), dtype=dtype, device=spec.device.device))

    @property
    def truth(self) -> Dataset | None:
        """The dataset, for the reference rows alone."""
        return self.dataset if isinstance(self.method, ReferenceMethod) else None

    def problem(self, training_set: torch.Tensor) -> Problem:
        """What the method may know: the moments are taken in double precision, and kept in the training's."""
        rows = training_set.double()
        mean, cov = rows.mean(0).cpu(), torch.cov(rows.T).cpu().reshape(rows.shape[1], -1)
        dtype = self.like.dtype
        return Problem(self.dataset.domain, mean.to(dtype), cov.to(dtype), self.spec.net, self.truth)

    def blank(self) -> Surface:
        """The surface from shapes alone."""
        return self.method.build(Problem.blank(self.dataset.domain, self.spec.net, self.truth)).to(self.like.device)


def _made(cell: MethodCell | DatasetCell, kind: type[M]) -> M:
    """The method or dataset of a cell. A class of another kind is not called: a results folder may be a stranger's."""
    cls: Any = load_target(cell.target, cell.owner)
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise UsageError(f"{cell.target} of {cell.owner} is no {kind.__name__}")
    return cls(**cell.params)


def load_model(folder: TrialFolder, root: Path) -> Surface:
    """The trained surface of a folder: rebuilt blank, then filled; neither training data nor pickle are needed.

    The code of its method is imported, which for a single-file plugin is the copy in the results folder.

    Raises:
        UsageError: if there is no trial, or its model.pt does not hold the numbers of this surface alone.
    """
    spec = folder.spec()
    if spec is None:
        raise UsageError(f"{folder.path}: holds no trial")
    bench = Bench.load(spec, root)
    surface = bench.blank()
    path = folder.file("model.pt")
    try:
        surface.load_state_dict(torch.load(path, map_location=bench.like.device, weights_only=True))
    except torch.OutOfMemoryError:
        raise
    except (UnpicklingError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, EOFError):
        raise UsageError(f"{path}: does not hold the numbers of this model; nothing in it was run") from None
    return surface.to(bench.like.dtype) if bench.like.dtype == torch.float64 else surface


def save_model(folder: TrialFolder, surface: Surface) -> str:
    """Write the state dict alone; its hash."""
    buffer = io.BytesIO()
    torch.save(surface.state_dict(), buffer)
    write_atomic(folder.file("model.pt"), buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()
