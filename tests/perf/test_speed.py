"""What things cost, measured by pytest-benchmark: ``make perf``. Nothing here asserts a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Generator

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import group
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.method import Method, Stepper
from ebmbench.contracts.records import NetConfig
from ebmbench.metrics.evaluate import evaluate
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.seeding import initialization
from tests.factories import make_evaluation, make_problem

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


def ready(name: str, rows: int = 20_000) -> tuple[Stepper, Meter, Batch]:
    """What trains a method on its dataset, what charges it, and the rows of a step."""
    dataset, method = home_of(name), method_of(name)
    y = dataset.sample(rows, Generator().manual_seed(0)).y.float()
    with initialization(0):
        surface = method.build(make_problem(dataset.domain, rows=y))
        stepper = method.stepper(surface)
    batch = Batch(y if stepper.batch_rows is None else y[: stepper.batch_rows])
    return stepper, Meter(pass_flops(dataset.domain, NetConfig()), surface), batch


@pytest.mark.perf
@pytest.mark.benchmark(group="start of the command line")
@pytest.mark.parametrize("arguments", [["--help"], ["list"]], ids=" ".join)
def test_command_line(benchmark: Benchmark, arguments: list[str]) -> None:
    script = Path(sys.executable).with_name("ebmbench")
    done = benchmark(subprocess.run, [str(script), *arguments], capture_output=True)
    assert done.returncode == 0


@pytest.mark.perf
@pytest.mark.benchmark(group="one training step")
@pytest.mark.parametrize("name", METHODS)
def test_step(benchmark: Any, name: str) -> None:
    stepper, meter, batch = ready(name)
    rng = Generator().manual_seed(0)
    with meter.step(0, len(batch), lambda: stepper.foreign_work(batch)):
        stepper.step(batch, rng, 0.5)
    benchmark.extra_info["passes"] = meter.total.passes
    benchmark.extra_info["flops"] = meter.total.flops
    logs = benchmark(stepper.step, batch, rng, 0.5)
    assert torch.isfinite(logs["loss"])


@pytest.mark.perf
@pytest.mark.benchmark(group="the metrics of one model")
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("which", ["core", "all"])
def test_metrics(benchmark: Any, name: str, which: str) -> None:
    """The set ``core`` may cost 1.5 s of a core (8 s for latent energies), ``all`` 20 s."""
    stepper, _, batch = ready(name)
    stepper.step(batch, Generator().manual_seed(0), 0.5)
    specs = [(entry.spec, entry.owner) for entry in CATALOG.metrics.values() if entry.spec.in_core or which == "all"]
    like, kind = torch.zeros(()), CATALOG.methods[name].spec.kind

    def measure() -> list[Any]:
        surface, dataset = stepper.eval_surface(), home_of(name)
        evaluation = make_evaluation(surface, dataset, cells=400, kind=kind, n=(5000, 10_000), like=like)
        return evaluate(evaluation, specs)

    values = benchmark.pedantic(measure, rounds=2)
    assert not [value for value in values if value.note.startswith("error")]


@pytest.mark.perf
@pytest.mark.benchmark(group="log p on the lattice of 400 x 400, or on all states")
@pytest.mark.parametrize("name", DATASETS)
def test_log_prob(benchmark: Benchmark, name: str) -> None:
    dataset = dataset_of(name)
    if isinstance(dataset.context, Box):
        dataset = dataset.at(torch.tensor(dataset.context.middle))
    points = dataset.domain.support(400).points
    assert benchmark(dataset.log_prob, points).shape == (len(points),)


# --- what a default run does of all that ------------------------------------------------------------------------------


def test_the_command_line_can_be_timed(once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the process that is timed."""

    def run(command: list[str], **options: Any) -> SimpleNamespace:
        done = CliRunner().invoke(group, command[1:])
        return SimpleNamespace(returncode=done.exit_code)

    monkeypatch.setattr(subprocess, "run", run)
    test_command_line(once, ["--help"])


def test_a_step_can_be_timed(once: Any) -> None:
    test_step(once, "nce")
    assert once.extra_info["passes"] >= 256
    assert once.extra_info["flops"] > 0


@pytest.mark.long
def test_the_metrics_can_be_timed(once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a lattice of a few cells."""
    original = make_evaluation
    small = {"cells": 40, "n": 200}
    monkeypatch.setitem(globals(), "make_evaluation", lambda *given, **more: original(*given, **{**more, **small}))
    test_metrics(once, "kmeans", "core")


def test_a_density_can_be_timed(once: Any) -> None:
    test_log_prob(once, "moons")
