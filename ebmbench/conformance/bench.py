"""A method on one kind of data, in the smallest of worlds: what the checks of methods train and ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.method import Method, ReferenceMethod, Stepper
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import DomainKind, MethodSpec, NetConfig
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.parts.shared import shared_problem
from ebmbench.training.seeding import generator, initialization

NET = NetConfig(features=16, scales=(1.0, 2.0), width=16, depth=2)
SET = 1000
"""Rows of the training set."""
STEPS = 6
"""Of a short training."""
STD = (1.0, 0.6)


class Normal(Dataset):
    """Two independent normal coordinates about (0.5, -0.5), with standard deviations 1 and 0.6."""

    @property
    def domain(self) -> Box:
        """A square of six deviations."""
        return square(6.5)

    def _scaled(self, y: Tensor) -> tuple[Tensor, Tensor]:
        std = y.new_tensor(STD)
        return (y - y.new_tensor([0.5, -0.5])) / std, std

    def sample(self, n: int, generator: Generator) -> Batch:
        """Independent draws."""
        drawn = torch.randn(n, 2, generator=generator, dtype=torch.float64)
        return Batch(drawn * drawn.new_tensor(STD) + drawn.new_tensor([0.5, -0.5]))

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The normal density."""
        u, std = self._scaled(y)
        return -0.5 * u.square().sum(-1) - std.log().sum() - torch.log(2 * torch.pi * torch.ones_like(y[:, 0]))

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """-(y - mean) / variance."""
        u, std = self._scaled(y)
        return -u / std

    def smoothed(self, sigma: float) -> Dataset | None:
        """Not needed."""
        return None


@dataclass(frozen=True)
class Bench:
    """A method and the data that it is tried on.

    Attributes:
        spec: the record of the method.
        method: made of it.
        kind: of data.
    """

    spec: MethodSpec
    method: Method
    kind: DomainKind

    @cached_property
    def dataset(self) -> Dataset:
        """Normal data of the plane, or six bits."""
        return BoltzmannMachine(units=6) if self.kind == "binary" else Normal()

    @property
    def truth(self) -> Dataset | None:
        """The dataset, for reference rows alone."""
        return self.dataset if isinstance(self.method, ReferenceMethod) else None

    def rows(self, n: int, *axes: str | int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Rows of the data."""
        return self.dataset.sample(n, generator(*axes)).y.to(dtype)

    def problem(self, dtype: torch.dtype = torch.float32) -> Problem:
        """What the method may know: the moments of the training set."""
        rows = self.rows(SET, "set").double()
        moments = rows.mean(0).to(dtype), torch.cov(rows.T).reshape(rows.shape[1], -1).to(dtype)
        return shared_problem(self.dataset.domain, NET, *moments, None, self.truth)

    def blank(self) -> Surface:
        """From shapes alone."""
        with initialization(1):
            return self.method.build(shared_problem(self.dataset.domain, NET, truth=self.truth))

    def begun(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Surface, Stepper]:
        """A fresh surface, and what trains it."""
        with initialization(seed):
            surface = self.method.build(self.problem(dtype)).to(dtype)
            return surface, self.method.stepper(surface)

    def batch(self, stepper: Stepper, step: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Batch:
        """The rows of a step."""
        if stepper.batch_rows is None:
            return Batch(self.rows(SET, "set", dtype=dtype))
        return Batch(self.rows(stepper.batch_rows, "rows", seed, step, dtype=dtype))

    def training(
        self, stepper: Stepper, steps: range, rng: Generator, seed: int = 0, dtype: torch.dtype = torch.float32
    ) -> Iterator[int]:
        """Take these steps, as long as the method has not finished."""
        for step in steps:
            if stepper.finished():
                return
            stepper.step(self.batch(stepper, step, seed, dtype), rng, step / max(steps.stop, 1))
            yield step

    def trained(self, steps: int = STEPS, seed: int = 0, dtype: torch.dtype = torch.float32) -> Surface:
        """What is to be measured after a short training."""
        _, stepper = self.begun(seed, dtype)
        for _ in self.training(stepper, range(steps), generator("noise", seed), seed, dtype):
            pass
        return stepper.eval_surface()

    @cached_property
    def short(self) -> Surface:
        """After a short training; nobody may change it."""
        return self.trained()
