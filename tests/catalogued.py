"""Every method of the catalog on each kind of data that it works on, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
from torch import Generator, Tensor

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.method import Method, Stepper
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import Moons
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.seeding import initialization
from tests.factories import make_problem

CATALOG = load_catalog()
BITS = "@binary"
"""What marks a method's name when it is tried on bits."""


@cache
def method_of(name: str) -> Method:
    """The method as the catalog has it."""
    entry = CATALOG.methods[name.removesuffix(BITS)]
    method: Method = entry.load()(**entry.spec.params)
    return method


def is_reference(name: str) -> bool:
    """Whether it is a row to compare with."""
    return CATALOG.methods[name.removesuffix(BITS)].spec.reference


@cache
def dataset_of(name: str) -> Dataset:
    """Two moons, or six bits."""
    return BoltzmannMachine(units=6) if name.endswith(BITS) else Moons()


ALL = sorted(CATALOG.methods)
PLANE = [name for name in ALL if "continuous" in method_of(name).works_on]
NAMES = [*PLANE, *(name + BITS for name in ALL if "binary" in method_of(name).works_on)]


@cache
def rows(name: str, n: int, seed: int = 0) -> Tensor:
    """Rows of its data, in single precision."""
    return dataset_of(name).sample(n, Generator().manual_seed(seed)).y.float()


def problem_of(name: str) -> Problem:
    """What it may know of its data: the moments of 500 rows."""
    dataset = dataset_of(name)
    return make_problem(dataset.domain, rows=rows(name, 500), truth=dataset if is_reference(name) else None)


def blank(name: str) -> Surface:
    """Its surface from shapes alone."""
    dataset = dataset_of(name)
    return method_of(name).build(make_problem(dataset.domain, truth=dataset if is_reference(name) else None))


def begun(name: str, seed: int = 0) -> tuple[Surface, Stepper]:
    """Its surface, and what trains it."""
    with initialization(seed):
        surface = method_of(name).build(problem_of(name))
        return surface, method_of(name).stepper(surface)


def meter_of(name: str, surface: Surface) -> Meter:
    """What charges its steps."""
    return Meter(pass_flops(dataset_of(name).domain, NetConfig()), surface)


def batch_of(name: str, stepper: Stepper, step: int = 0) -> Batch:
    """The rows of a step: the first 500 where it sees them all."""
    return Batch(rows(name, 500) if stepper.batch_rows is None else rows(name, stepper.batch_rows, step))


def training(name: str, steps: int = 3, seed: int = 0) -> Iterator[Surface]:
    """What is to be measured after each step."""
    _, stepper = begun(name, seed)
    rng = Generator().manual_seed(seed)
    for step in range(steps):
        if not stepper.finished():
            stepper.step(batch_of(name, stepper, step), rng, step / steps)
        reached = stepper.eval_surface()
        assert isinstance(reached, Surface)
        yield reached


@cache
def trained(name: str, steps: int = 3, seed: int = 0) -> Surface:
    """What is to be measured at the end; the same one whoever asks, so that nobody may change it."""
    *_, last = training(name, steps, seed)
    return last


def equal_states(one: Surface, two: Surface) -> bool:
    """Whether two surfaces are the same to the last bit."""
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)
