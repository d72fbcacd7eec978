"""A store full of finished trials that nobody trained, and a benchmark that runs once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import Status
from ebmbench.planning.plan import Plan
from ebmbench.store.folders import Store
from ebmbench.store.records import MetricCell, Point, Value
from tests.factories import make_attempt, make_measurements, make_training
from tests.perf.large import Fill

SIDE = 400
"""Points of a side of the stored lattice, as those of a real trial."""


@pytest.fixture(scope="session")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Fill:
    """Fills a store with all trials of a plan: the large files are links to one, the small ones are their own."""
    template = tmp_path_factory.mktemp("template")
    write_template(template)
    sealed = {
        path.name: {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in template.iterdir()
        if path.name != "log.txt"
    }

    def fill(plan: Plan, store: Store) -> None:
        for number, planned in enumerate(plan.trials):
            spec, random = planned.spec, Random(number)
            folder = store.trial_folder(planned.view.key).path
            folder.mkdir(parents=True)
            code = {cell.name: cell.code for cell in spec.metrics}
            measured = make_measurements(measured_values(spec.metrics, random), code=code, eval_seconds=2.0)
            own = {
                "trial.json": spec.model_dump_json(indent=1).encode(),
                "metrics.json": measured.model_dump_json(indent=1).encode(),
                "curve.jsonl": "".join(f"{point.as_json()}\n" for point in curve(random)).encode(),
            }
            files = dict(sealed)
            for name, content in own.items():
                (folder / name).write_bytes(content)
                files[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path in template.iterdir():
                os.link(path, folder / path.name)
            (folder / "DONE").write_text(json.dumps({"status": Status.OK, "files": dict(sorted(files.items()))}))

    return fill


def write_template(folder: Path) -> None:
    """The files that all trials share, as large as those of a real trial."""
    training = make_training(
        prepare_seconds=0.01,
        train_seconds=2.0,
        steps=261,
        passes=1_002_240,
        energy_rows=334_080,
        gradient_rows=0,
        samples=66_816,
        peak_bytes=397_717_504,
    )
    attempt = make_attempt(total_seconds=4.0)
    (folder / "TRAINED").write_text(training.model_dump_json())
    (folder / "attempts.jsonl").write_text(attempt.model_dump_json() + "\n")
    (folder / "log.txt").write_bytes(b"")
    (folder / "model.pt").write_bytes(bytes(140_000))
    (folder / "milestones.pt").write_bytes(bytes(140_000))
    axis = np.linspace(-4, 4, SIDE)
    energy = 0.5 * np.add.outer(axis**2, axis**2).ravel()
    energy += np.random.default_rng(0).normal(0, 0.01, energy.shape)
    np.savez_compressed(
        folder / "surface.npz",
        energy=energy.astype(np.float32),
        iso_log_density=-energy.astype(np.float16),
        log_p=(-energy).astype(np.float16),
        lattice=np.array([SIDE, SIDE]),
        milestones=np.tile(energy[::4].astype(np.float32), (6, 1)),
    )
    np.savez_compressed(folder / "samples.npz", common=np.zeros((5000, 2), np.float32))


def measured_values(metrics: tuple[MetricCell, ...], random: Random) -> Iterator[Value]:
    """A number for each variant of each metric, and some that do not apply."""
    for cell in metrics:
        for variant in cell.variants:
            if cell.why_not:
                yield Value(cell.name, variant, note=f"n/a: {cell.why_not}")
            else:
                yield Value(cell.name, variant, random.random())


def curve(random: Random) -> Iterator[Point]:
    """Six milestones of four numbers."""
    for milestone in range(6):
        for metric, variant in (("kl", "raw"), ("kl", "beta"), ("nll", "iso"), ("auroc", "")):
            yield Point(
                step=5 * 2**milestone,
                passes=19_200 * 2**milestone,
                train_seconds=0.07 * 2**milestone,
                metric=metric,
                variant=variant,
                value=random.random() / 2**milestone,
            )


class Once:
    """In the place of pytest-benchmark's fixture: what is measured is done once, and nothing is measured."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.done = 0

    def __call__(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """As the fixture is called."""
        self.done += 1
        return action(*arguments, **options)

    def pedantic(self, action: Callable[..., Any], args: tuple[Any, ...] = (), **options: Any) -> Any:
        """As the fixture is told how often."""
        return self(action, *args)


@pytest.fixture
def once() -> Iterator[Once]:
    """A benchmark that must be run, once."""
    made = Once()
    yield made
    assert made.done == 1
