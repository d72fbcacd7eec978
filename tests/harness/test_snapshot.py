"""A training that is cut goes on from its last snapshot; one that is damaged or hostile is not gone on from."""

from __future__ import annotations

import os
import pickle
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import Generator

from ebmbench.contracts import Batch
from ebmbench.harness import worker
from ebmbench.harness.clocks import Clock
from ebmbench.harness.loop import Progress
from ebmbench.harness.plan import Planner
from ebmbench.harness.snapshot import Snapshot, Snapshots, Trace
from ebmbench.harness.worker import TrialWork
from ebmbench.store.folders import SNAPSHOT, Store, TrialFolder
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.loading import read_suite
from ebmbench_plugins.c2_chosen_points.nce import NCE
from tests.plugins.test_contract import problem_of

SUITE = """
name: cut
datasets: [8gaussians]
data: {set: 500, validation: 200, test: 400}
methods: [nce]
budget: {steps: 200}
seeds: 1
metrics: [kl]
"""


def trial(folder: Path) -> tuple[Store, TrialFolder]:
    """The one trial of the suite, ready for a worker."""
    (folder / "cut.yaml").write_text(SUITE)
    store = Store(folder / "results")
    store.prepare()
    suite, source = read_suite(str(folder / "cut.yaml"))
    (planned,) = Planner(suite, source, load_catalog(), store).plan().trials
    ready = store.trial(planned.view.key)
    ready.begin(planned.spec)
    return store, ready


def taken() -> Snapshot:
    stepper = NCE().stepper(NCE().build(problem_of("nce")))
    clock = Clock(torch.device("cpu"))
    return Snapshot.take(stepper, Generator().manual_seed(0), Progress(), clock, Trace(["{}"], [torch.ones(3)]))


class Plug(Exception):
    """Pulled."""


def test_a_trial_that_is_cut_ends_with_the_files_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole_store, whole = trial(tmp_path / "whole")
    TrialWork(whole, whole_store.root).run()
    store, cut = trial(tmp_path / "cut")
    calls = 0
    real = Snapshots

    class Failing(Snapshots):
        def save(self, found: Snapshot) -> None:
            nonlocal calls
            calls += 1
            if calls > 3:
                raise Plug
            super().save(found)

    monkeypatch.setattr(worker, "Snapshots", lambda folder: Failing(folder, 0.0))
    with pytest.raises(Plug):
        TrialWork(cut, store.root).run()
    assert cut.file(SNAPSHOT).is_file()
    assert cut.training() is None
    monkeypatch.setattr(worker, "Snapshots", real)
    spec = cut.spec()
    assert spec is not None
    cut.begin(spec)
    TrialWork(cut, store.root).run()
    assert cut.file("model.pt").read_bytes() == whole.file("model.pt").read_bytes()
    assert not cut.file(SNAPSHOT).exists()
    ours, theirs = cut.training(), whole.training()
    assert ours is not None
    assert theirs is not None
    assert (ours.interrupted, theirs.interrupted) == (1, 0)
    assert (ours.passes, ours.steps, ours.samples) == (theirs.passes, theirs.steps, theirs.samples)
    assert [(p.step, p.metric, p.value) for p in cut.curve()] == [(p.step, p.metric, p.value) for p in whole.curve()]


def test_a_generator_that_is_not_put_back_gives_other_numbers() -> None:
    """The wrong twin: the same state with fresh noise."""
    method, y = NCE(), torch.randn(256, 2, generator=Generator().manual_seed(1))
    held = taken()
    found = []
    for restored in (True, True, False):
        stepper = method.stepper(method.build(problem_of("nce")))
        rng = Generator().manual_seed(5)
        held.resume(stepper, rng if restored else Generator(), Clock(torch.device("cpu")))
        stepper.step(Batch(y), rng, 0.5)
        found.append(torch.cat([p.flatten() for p in stepper.surface.parameters()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_damaged_snapshot_is_none(tmp_path: Path) -> None:
    snapshots = Snapshots(TrialFolder(tmp_path))
    assert snapshots.load() is None
    snapshots.save(taken())
    assert snapshots.load() is not None
    content = bytearray((tmp_path / SNAPSHOT).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / SNAPSHOT).write_bytes(content)
    assert snapshots.load() is None
    (tmp_path / SNAPSHOT).write_bytes(bytes(content[: len(content) // 3]))
    assert snapshots.load() is None


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_a_hostile_snapshot_is_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(Bomb(), protocol=2)
    (tmp_path / SNAPSHOT).write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)
    assert Snapshots(TrialFolder(tmp_path)).load() is None
    assert not (tmp_path / "exploded").exists()


def test_what_is_forgotten_has_no_snapshot(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    Snapshots(folder).save(taken())
    folder.forget()
    assert Snapshots(folder).load() is None
