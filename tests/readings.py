"""How ``ebmbench/metrics/readings.csv`` is made: what each metric reads of the truth itself, and what it costs.

``python -m tests.readings``, from the project's root, writes it anew; with names of datasets those alone.
"""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields

import numpy as np
import torch

from ebmbench.catalog.targets import load_target
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.records import EnergyKind, MetricSpec
from ebmbench.datasets import ebmbench_datasets
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.conditional import ConditionalEvaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.readings import PATH, Reading, read_readings
from ebmbench.store.records import Value
from ebmbench.truth.truth import TruthOnSupport
from ebmbench_plugins.reference.rows import TrueSurface
from tests.factories import make_evaluation

DATASETS = ("8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral", "two_branches", "gmm20", "occluder")
SEEDS = 3
CELLS = 400
VALIDATION, TEST = 5_000, 10_000


class Unblurred(TrueSurface):
    """The truth as a surface, with the dataset's own sampler; as a smoothed energy its noise has no width."""

    @property
    def smoothing(self) -> float:
        return 0.0


def hold_against_itself(dataset: Dataset, seed: int) -> Evaluation:
    """The truth as a surface, with points of that seed."""
    generator = torch.Generator().manual_seed(seed)
    validation, test = (dataset.sample(n, generator) for n in (VALIDATION, TEST))
    kind = EnergyKind.NORMALIZED
    return make_evaluation(
        Unblurred(dataset), dataset, cells=CELLS, kind=kind, seed=seed, validation=validation, test=test
    )


def built(name: str) -> Dataset:
    """The dataset of that name with its presets."""
    spec = next(spec for spec in ebmbench_datasets() if spec.name == name)
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
    truth = evaluation.truth
    if not isinstance(truth, TruthOnSupport):  # nothing is laid out for many dimensions
        return
    shared = (truth.log_p, truth.moments, evaluation.energy, evaluation.beta, evaluation.iso_log_density)
    given = isinstance(evaluation, ConditionalEvaluation)
    samples = (evaluation.native_samples, evaluation.energy if given else evaluation.common_samples)
    points = (evaluation.energy_test, evaluation.log_p_test, evaluation.score_test, evaluation.energy_gradient_test)
    assert all(part is not None for part in (*shared, *samples, *points))


def written(found: Iterable[Reading]) -> str:
    """The readings as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(Reading))
    for reading in found:
        metric, variant, dataset, mean, sd, seconds = astuple(reading)
        writer.writerow([metric, variant, dataset, f"{mean:.6g}", f"{sd:.2g}", f"{seconds:.2g}"])
    return out.getvalue()


if __name__ == "__main__":
    torch.set_num_threads(1)
    asked = sys.argv[1:] or DATASETS
    kept = [reading for reading in read_readings() if reading.dataset not in asked]
    PATH.write_text(written([*kept, *readings(asked)]), encoding="utf-8")
