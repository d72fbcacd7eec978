"""A tiny suite in a file, plugins of a single file beside it, and what is planned of them."""

from __future__ import annotations

from collections.abc import Callable

from ebmbench.planning.plan import Plan

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods:
  - nce
  - {name: gmm, components: 4}
budget: {steps: 5}
seeds: 2
metrics: [skill]
"""

METHOD_PLUGIN = '''
from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Problem, Strategy, Surface, hookimpl

SCALE = 1.0


class Bowl(Surface):
    """F = |y|^2."""

    def forward(self, y):
        return SCALE * y.square().sum(-1)


class Mine(GradientMethod):
    """A method of a single file."""

    text: str = ""

    def build(self, problem):
        return Bowl()

    def supports(self, problem):
        SUPPORTS


@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", Mine, strategy=Strategy.C2, kind=EnergyKind.DENSITY, summary="mine")
'''

DATASET_PLUGIN = '''
import torch

from ebmbench.api import Batch, Box, Dataset, DatasetSpec, hookimpl


class Blob(Dataset):
    """A standard normal."""

    @property
    def domain(self):
        return Box((-4.0, -4.0), (4.0, 4.0))

    def sample(self, n, generator):
        return Batch(torch.randn(n, 2, generator=generator, dtype=torch.float64))


@hookimpl
def ebmbench_datasets():
    yield DatasetSpec("blob", Blob, "a standard normal")
'''

Plans = Callable[..., Plan]
"""Plans a suite that is written to a file of its own; see ``tests/planning/conftest.py``."""


def names(plan: Plan) -> list[str]:
    return [planned.view.name for planned in plan.trials]


def keys(plan: Plan) -> dict[str, str]:
    return {planned.view.name: planned.view.key for planned in plan.trials}


def edited(old: str, new: str, text: str = SUITE) -> str:
    assert text.count(old) == 1, "the edit must hit"
    return text.replace(old, new)
