"""A store full of finished trials that nobody trained."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ebmbench.contracts import Status
from ebmbench.harness.plan import Plan
from ebmbench.store.folders import Store
from ebmbench.store.records import Attempt, Measurements, MetricCell, Point, Training, Value

Fill = Callable[[Plan, Store], None]
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
            folder = store.trial(planned.view.key).path
            folder.mkdir(parents=True)
            measured = Measurements(
                values=tuple(measured_values(spec.metrics, random)),
                code={cell.name: cell.code for cell in spec.metrics},
                eval_seconds=2.0,
            )
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
    training = Training(
        prepare_seconds=0.01,
        train_seconds=2.0,
        steps=261,
        passes=1_002_240,
        energy_rows=334_080,
        gradient_rows=0,
        samples=66_816,
        peak_bytes=397_717_504,
    )
    attempt = Attempt(status=Status.OK, started="2026-01-01T00:00:00+00:00", total_seconds=4.0)
    (folder / "TRAINED").write_text(training.model_dump_json())
    (folder / "attempts.jsonl").write_text(attempt.model_dump_json() + "\n")
    (folder / "log.txt").write_bytes(b"")
    (folder / "model.pt").write_bytes(bytes(140_000))
    axis = np.linspace(-4, 4, SIDE)
    energy = 0.5 * np.add.outer(axis**2, axis**2).ravel()
    energy += np.random.default_rng(0).normal(0, 0.01, energy.shape)
    np.savez_compressed(
        folder / "surface.npz",
        energy=energy.astype(np.float32),
        iso_log_density=-energy.astype(np.float16),
        log_p=(-energy).astype(np.float16),
        lattice=np.array([SIDE, SIDE]),
    )
    np.savez_compressed(folder / "milestones.npz", energy=np.tile(energy[::4].astype(np.float32), (6, 1)))
    np.savez_compressed(folder / "samples.npz", common=np.zeros((5000, 2), np.float32))


def measured_values(metrics: tuple[MetricCell, ...], random: Random) -> Iterator[Value]:
    """A number for each variant of each metric, and some that do not apply."""
    for cell in metrics:
        for variant in cell.variants:
            if cell.why_not:
                yield Value(metric=cell.name, variant=variant, note=f"n/a: {cell.why_not}")
            else:
                yield Value(metric=cell.name, variant=variant, value=random.random())


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
