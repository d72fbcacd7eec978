"""What each metric reads when the truth is held against itself, and what it costs: ``record.csv``, and how it is made.

python -m ebmbench.metrics.record
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.contracts import Dataset, DatasetSpec, EnergyKind, MetricSpec
from ebmbench.datasets import ebmbench_datasets
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.context import Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.ruler import Ruler
from ebmbench.parts.surface import Surface
from ebmbench.store.records import Value
from ebmbench.suite.catalog import load_target

PATH = Path(__file__).with_name("record.csv")
DATASETS = ("8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral")
SEEDS = 3
CELLS = 400
VALIDATION, TEST = 5_000, 10_000


@dataclass(frozen=True)
class Reading:
    """A metric of the truth against itself: mean and standard deviation over seeds; the seconds of a core."""

    metric: str
    variant: str
    dataset: str
    mean: float
    sd: float
    seconds: float


class Truth(Surface):
    """F = -log p, with the dataset's own sampler."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.dataset = dataset

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        return -self.dataset.log_prob(y)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """Independent draws."""
        return self.dataset.sample(n, generator).y

    @property
    def smoothing(self) -> float:
        """None to speak of."""
        return 0.0


def hold_against_itself(dataset: Dataset, seed: int) -> Evaluation:
    """The truth as a surface, with points of that seed."""
    generator = Generator().manual_seed(seed)
    validation, test = (dataset.sample(n, generator).y for n in (VALIDATION, TEST))
    like = torch.zeros((), dtype=torch.float64)
    ruler = Ruler(dataset, CELLS)
    return Evaluation(Truth(dataset), ruler, EnergyKind.NORMALIZED, validation, test, seed, like)


def built(name: str) -> Dataset:
    """The dataset of that name with its presets."""
    spec: DatasetSpec = next(spec for spec in ebmbench_datasets() if spec.name == name)
    dataset: Dataset = load_target(str(spec.target), "ebmbench:datasets")(**spec.params)
    return dataset


def measured(evaluation: Evaluation, spec: MetricSpec) -> tuple[list[Value], float]:
    """All variants of a metric, and the seconds that they took; the kind is one that the metric applies to."""
    evaluation.kind = next(kind for kind in (EnergyKind.NORMALIZED, *EnergyKind) if kind in spec.kinds)
    start = time.process_time()
    values = evaluate(evaluation, [(spec, "ebmbench:metrics")])
    return values, time.process_time() - start


def readings(datasets: Iterable[str] = DATASETS, seeds: int = SEEDS) -> Iterator[Reading]:
    """Every metric on every dataset. What many metrics share (the lattice, the samples) is charged to none of them."""
    for name in datasets:
        dataset = built(name)
        held = [hold_against_itself(dataset, seed) for seed in range(seeds)]
        for evaluation in held:
            _share(evaluation)
        for spec in ebmbench_metrics():
            found = [measured(evaluation, spec) for evaluation in held]
            seconds = float(np.median([spent for _, spent in found])) / len(spec.variants)
            for values in zip(*(values for values, _ in found), strict=True):
                numbers = [value.value for value in values if value.value is not None]
                if len(numbers) == seeds:
                    mean, sd = float(np.mean(numbers)), float(np.std(numbers, ddof=1)) if seeds > 1 else 0.0
                    yield Reading(spec.name, values[0].variant, name, mean, sd, seconds)


def _share(evaluation: Evaluation) -> None:
    """Compute what many metrics share."""
    ruler = evaluation.ruler
    shared = (ruler.log_p, ruler.moments, evaluation.energy, evaluation.beta, evaluation.iso_log_density)
    samples = (evaluation.common_samples, evaluation.native_samples)
    points = (evaluation.energy_test, evaluation.log_p_test, evaluation.score_test, evaluation.energy_gradient_test)
    assert all(part is not None for part in (*shared, *samples, *points))


def write(found: Iterable[Reading]) -> str:
    """The readings as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(Reading))
    for reading in found:
        metric, variant, dataset, mean, sd, seconds = astuple(reading)
        writer.writerow([metric, variant, dataset, f"{mean:.6g}", f"{sd:.2g}", f"{seconds:.2g}"])
    return out.getvalue()


def read() -> list[Reading]:
    """The readings on record."""
    with PATH.open(newline="", encoding="utf-8") as file:
        return [
            Reading(
                row["metric"],
                row["variant"],
                row["dataset"],
                float(row["mean"]),
                float(row["sd"]),
                float(row["seconds"]),
            )
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    PATH.write_text(write(readings()), encoding="utf-8")
