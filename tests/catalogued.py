"""Every method of the catalog on each kind of data that it works on, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
from torch import Generator, Tensor

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.method import Method, Stepper
from ebmbench.contracts.problem import Context, Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.datasets.plane import Moons
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.seeding import initialization
from tests.factories import make_problem

CATALOG = load_catalog()
BITS, GIVEN = "@binary", "@given"
"""What marks a method's name when it is tried on bits, and on y given x."""


@cache
def method_of(name: str) -> Method:
    """The method as the catalog has it."""
    entry = CATALOG.methods[name.partition("@")[0]]
    method: Method = entry.load()(**entry.spec.params)
    return method


def is_reference(name: str) -> bool:
    """Whether it is a row to compare with."""
    return CATALOG.methods[name.partition("@")[0]].spec.reference


@cache
def dataset_of(name: str) -> Dataset:
    """Two moons, six bits, or two branches."""
    if name.endswith(GIVEN):
        return TwoBranches()
    return BoltzmannMachine(units=6) if name.endswith(BITS) else Moons()


def blank_problem(name: str) -> Problem:
    """Of which shapes alone are known."""
    dataset = dataset_of(name)
    return make_problem(dataset.domain, truth=dataset if is_reference(name) else None, context=dataset.context)


ALL = sorted(CATALOG.methods)
PLANE = [name for name in ALL if not method_of(name).obstacle(blank_problem(name))]
NAMES = [*PLANE, *(name + BITS for name in ALL if "binary" in method_of(name).works_on)]
WITH_CONTEXT = [name + GIVEN for name in ALL if method_of(name).conditional]
CONDITIONAL_ONLY = [name for name in WITH_CONTEXT if name.removesuffix(GIVEN) not in PLANE]


@cache
def data(name: str, n: int, seed: int = 0) -> Batch:
    """Rows of its data, in single precision."""
    return dataset_of(name).sample(n, Generator().manual_seed(seed)).map(Tensor.float)


def rows(name: str, n: int, seed: int = 0) -> Tensor:
    """The same without their contexts."""
    return data(name, n, seed).y


def problem_of(name: str) -> Problem:
    """What it may know of its data: the moments of 500 rows."""
    dataset, space, seen = dataset_of(name), dataset_of(name).context, data(name, 500)
    context = None if space is None else Context.of(space, seen, torch.float32)
    return make_problem(dataset.domain, rows=seen.y, truth=dataset if is_reference(name) else None, context=context)


def blank(name: str) -> Surface:
    """Its surface from shapes alone."""
    return method_of(name).build(blank_problem(name))


def begun(name: str, seed: int = 0) -> tuple[Surface, Stepper]:
    """Its surface, and what trains it."""
    with initialization(seed):
        surface = method_of(name).build(problem_of(name))
        return surface, method_of(name).stepper(surface)


def meter_of(name: str, surface: Surface) -> Meter:
    """What charges its steps."""
    dataset = dataset_of(name)
    return Meter(pass_flops(dataset.domain, NetConfig(), dataset.context), surface)


def batch_of(name: str, stepper: Stepper, step: int = 0) -> Batch:
    """The rows of a step: the first 500 where it sees them all."""
    return data(name, 500) if stepper.batch_rows is None else data(name, stepper.batch_rows, step)


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
