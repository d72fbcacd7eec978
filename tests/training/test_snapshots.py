"""Snapshots: a training that is cut goes on from one to the same files, and one that is damaged is not believed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Generator

from ebmbench.parts.gradient import GradientStepper
from ebmbench.store.folders import MILESTONES, SNAPSHOT, TrialFolder
from ebmbench.training import worker
from ebmbench.training.clocks import Clock
from ebmbench.training.counting import Costs
from ebmbench.training.loop import Progress
from ebmbench.training.snapshots import SNAPSHOT_INTERVAL, Snapshot, Snapshots
from ebmbench.training.worker import TrialWork
from tests.catalogued import batch_of, begun, meter_of
from tests.planned import Bomb, planned_trial


class Training:
    """NCE in training."""

    def __init__(self) -> None:
        surface, stepper = begun("nce")
        assert isinstance(stepper, GradientStepper)
        self.stepper, self.rng = stepper, Generator().manual_seed(5)
        self.progress, self.clock = Progress(meter_of("nce", surface)), Clock(torch.device("cpu"))

    def step(self) -> None:
        batch = batch_of("nce", self.stepper, self.progress.steps)
        with self.progress.meter.step(self.progress.steps, len(batch), lambda: 0.0):
            self.stepper.step(batch, self.rng, 0.5)
        self.progress.steps += 1
        self.progress.samples += len(batch)

    def snapshot(self, interrupted: int = 0) -> Snapshot:
        return Snapshot.take(self.stepper, self.rng, self.progress, self.clock, interrupted)

    def resume(self, held: Snapshot) -> int:
        return held.resume(self.stepper, self.rng, self.progress, self.clock)

    def numbers(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.stepper.surface.parameters()])


def taken() -> Snapshot:
    return Training().snapshot()


class Plug(Exception):
    """Pulled."""


@pytest.mark.long
def test_a_trial_that_is_cut_ends_with_the_files_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (planned_trial(tmp_path / name, budget={"steps": 100}) for name in ("whole", "cut"))
    TrialWork(whole, tmp_path / "whole").run()
    calls = 0
    real = Snapshots

    class Failing(Snapshots):
        def save(self, snapshot: Snapshot) -> None:
            nonlocal calls
            calls += 1
            if calls > 3:
                raise Plug
            super().save(snapshot)

    monkeypatch.setattr(worker, "Snapshots", lambda folder: Failing(folder, 0.0))
    with pytest.raises(Plug):
        TrialWork(cut, tmp_path / "cut").run()
    assert cut.file(SNAPSHOT).is_file()
    assert cut.training() is None
    monkeypatch.setattr(worker, "Snapshots", real)
    spec = cut.spec()
    assert spec is not None
    cut.begin(spec)
    TrialWork(cut, tmp_path / "cut").run()
    assert cut.file("model.pt").read_bytes() == whole.file("model.pt").read_bytes()
    assert not cut.file(SNAPSHOT).exists()
    ours, theirs = cut.training(), whole.training()
    assert ours is not None
    assert theirs is not None
    assert (ours.interrupted, theirs.interrupted) == (1, 0)
    assert (ours.passes, ours.steps, ours.samples) == (theirs.passes, theirs.steps, theirs.samples)
    assert (ours.flops, ours.operations, ours.energy_rows) == (theirs.flops, theirs.operations, theirs.energy_rows)
    assert [(p.step, p.metric, p.value) for p in cut.curve()] == [(p.step, p.metric, p.value) for p in whole.curve()]
    kept = [torch.load(folder.file(MILESTONES), weights_only=True) for folder in (cut, whole)]
    assert [m["step"] for m in kept[0]] == [m["step"] for m in kept[1]]
    for mine, theirs_ in zip(*kept, strict=True):
        assert all(torch.equal(mine["state"][name], value) for name, value in theirs_["state"].items())


def test_everything_is_put_back() -> None:
    """Steps, rows, costs to the last digit, the seconds of the clock, and one more interruption."""
    whole, again = Training(), Training()
    for _ in range(3):
        whole.step()
    whole.clock.seconds = 12.5
    assert again.resume(whole.snapshot(interrupted=2)) == 3
    assert (again.progress.steps, again.progress.samples) == (3, 3 * 256)
    assert again.progress.meter.state() == whole.progress.meter.state()
    assert again.progress.meter.total != Costs()
    assert again.clock.seconds == 12.5
    assert again.stepper.taken == 3


def test_a_training_that_goes_on_takes_the_steps_that_would_have_followed(tmp_path: Path) -> None:
    """Through the file; a generator that is not put back gives other numbers: the wrong twin."""
    whole, again, twin = Training(), Training(), Training()
    whole.step()
    snapshots = Snapshots(TrialFolder(tmp_path))
    snapshots.save(whole.snapshot())
    held = snapshots.load()
    assert held is not None
    for other in (again, twin):
        other.resume(held)
    twin.rng.manual_seed(5)
    for each in (whole, again, twin):
        each.step()
    assert torch.equal(again.numbers(), whole.numbers())
    assert not torch.equal(twin.numbers(), whole.numbers())
    assert again.progress.meter.state() == whole.progress.meter.state()


def test_the_last_one_counts_and_none_is_left_when_training_has_ended(tmp_path: Path) -> None:
    snapshots, training = Snapshots(TrialFolder(tmp_path)), Training()
    for _ in range(2):
        training.step()
        snapshots.save(training.snapshot())
    held = snapshots.load()
    assert held is not None
    assert held.steps == 2
    snapshots.drop()
    snapshots.drop()
    assert snapshots.load() is None
    assert list(tmp_path.iterdir()) == []


def test_one_is_due_when_the_last_is_old_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("ebmbench.training.snapshots.time", SimpleNamespace(monotonic=lambda: now))
    snapshots = Snapshots(TrialFolder(tmp_path))
    assert not snapshots.due()
    now += SNAPSHOT_INTERVAL - 0.1
    assert not snapshots.due()
    now += 0.2
    assert snapshots.due()
    snapshots.save(taken())
    assert not snapshots.due()


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


OTHERS: dict[str, Callable[[], object]] = {
    "an object": Bomb,
    "too little": lambda: {"steps": 3},
    "a list": lambda: [1, 2],
    "too much": lambda: {**vars(taken()), "more": 1},
}


@pytest.mark.parametrize("stored", OTHERS)
def test_what_torch_reads_but_is_no_snapshot_is_none(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(OTHERS[stored](), tmp_path / "other.pt")
    content = (tmp_path / "other.pt").read_bytes()
    (tmp_path / SNAPSHOT).write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)
    assert Snapshots(TrialFolder(tmp_path)).load() is None
    assert not (tmp_path / "exploded").exists()


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
