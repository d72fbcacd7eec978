"""What things cost, measured by pytest-benchmark: ``make perf``. Nothing here asserts a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from ebmbench.contracts import Batch, Dataset, Method
from ebmbench.metrics.context import Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.ruler import Ruler
from ebmbench.parts.counting import Meter, metered
from ebmbench.parts.problem import Problem
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.schema import NetConfig

CATALOG = load_catalog()
METHODS = sorted(name for name, entry in CATALOG.methods.items() if not entry.spec.reference)
DATASETS = sorted(CATALOG.datasets)

Benchmark = Callable[..., Any]


def dataset_of(name: str) -> Dataset:
    dataset: Dataset = CATALOG.datasets[name].load()()
    return dataset


def method_of(name: str) -> Method:
    entry = CATALOG.methods[name]
    method: Method = entry.load()(**entry.spec.params)
    return method


def home_of(name: str) -> Dataset:
    """The rings, or a Boltzmann machine for what works on bits alone."""
    return dataset_of("rings" if "continuous" in method_of(name).works_on else "boltzmann")


def ready(name: str) -> tuple[Method, Any, torch.Tensor]:
    """A method, its stepper on its dataset, and the training set."""
    dataset, method = home_of(name), method_of(name)
    y = dataset.sample(20_000, Generator().manual_seed(0)).y.float()
    torch.manual_seed(0)
    surface = method.build(Problem(dataset.domain, y.mean(0), torch.cov(y.T), NetConfig()))
    return method, method.stepper(surface), y


@pytest.mark.benchmark(group="start of the command line")
@pytest.mark.parametrize("arguments", [["--help"], ["list"]], ids=" ".join)
def test_command_line(benchmark: Benchmark, arguments: list[str]) -> None:
    script = Path(sys.executable).with_name("ebmbench")
    done = benchmark(subprocess.run, [str(script), *arguments], capture_output=True)
    assert done.returncode == 0


@pytest.mark.benchmark(group="one training step")
@pytest.mark.parametrize("name", METHODS)
def test_step(benchmark: Any, name: str) -> None:
    _, stepper, y = ready(name)
    batch = Batch(y if stepper.batch_rows is None else y[: stepper.batch_rows])
    rng = Generator().manual_seed(0)
    with metered(Meter()) as meter:
        stepper.step(batch, rng, 0.5)
    benchmark.extra_info["passes"] = meter.passes
    logs = benchmark(stepper.step, batch, rng, 0.5)
    assert torch.isfinite(logs["loss"])


@pytest.mark.benchmark(group="the metrics of one model")
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("which", ["core", "all"])
def test_metrics(benchmark: Any, name: str, which: str) -> None:
    """The set ``core`` may cost 1.5 s of a core (8 s for latent energies), ``all`` 20 s."""
    dataset = home_of(name)
    _, stepper, y = ready(name)
    stepper.step(Batch(y if stepper.batch_rows is None else y[: stepper.batch_rows]), Generator().manual_seed(0), 0.5)
    validation, test = y[:5000].double(), y[5000:15_000].double()
    specs = [(entry.spec, entry.owner) for entry in CATALOG.metrics.values() if entry.spec.in_core or which == "all"]

    def measure() -> list[Any]:
        kind = CATALOG.methods[name].spec.kind
        ruler = Ruler(dataset, 400)
        return evaluate(Evaluation(stepper.readout(), ruler, kind, validation, test, 0, torch.zeros(())), specs)

    values = benchmark.pedantic(measure, rounds=2)
    assert not [value for value in values if value.note.startswith("error")]


@pytest.mark.benchmark(group="log p on the lattice of 400 x 400, or on all states")
@pytest.mark.parametrize("name", DATASETS)
def test_log_prob(benchmark: Benchmark, name: str) -> None:
    dataset = dataset_of(name)
    points = dataset.domain.support(400).points
    assert benchmark(dataset.log_prob, points).shape == (len(points),)
