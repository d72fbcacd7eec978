"""What a side does, in this very process: its steps against the harness's own loop, its memory against a sum."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from rich.console import Console

from ebmbench import session
from ebmbench.gate import probe
from ebmbench.gate.probe import COUNTED, Steps, held, orders
from ebmbench.store.records import TrialSpec
from ebmbench.training.components import TrialComponents

SUITE = {
    "name": "probed",
    "datasets": ["moons"],
    "data": {"set": 400, "validation": 100, "test": 100},
    "net": {"features": 16, "scales": [1, 2], "width": 16, "depth": 2},
    "budget": {"steps": 20},
}


def planned(method: str, results: Path) -> TrialSpec:
    """The trial of a method."""
    options = session.Options(results=results)
    asked = session.Asked({**SUITE, "methods": [method]}, options, Console(quiet=True))
    return session.plan(session.resolve(session.load(asked))).plan.trials[0].spec


@pytest.fixture
def spec(tmp_path: Path) -> TrialSpec:
    return planned("nce", tmp_path)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not let a process choose its core")
def test_it_stays_on_one_core() -> None:
    before = os.sched_getaffinity(0)
    side = object.__new__(probe.Probe)
    try:
        side.stay(len(before) - 1)
        assert os.sched_getaffinity(0) == {max(before)}
    finally:
        os.sched_setaffinity(0, before)


def test_its_steps_are_those_of_a_training(spec: TrialSpec, tmp_path: Path) -> None:
    """The same data in the same order from the same noise: the losses of the loop, step by step."""
    steps = Steps(spec, tmp_path)
    seen: list[float] = []
    stepper = steps.stepper
    original = stepper.step

    def step(*given: Any) -> Any:
        logs = original(*given)
        seen.append(float(logs["loss"]))
        return logs

    stepper.step = step  # type: ignore[method-assign,assignment]
    took = steps.time(3)
    steps.time(2)
    parts = TrialComponents.load(spec, tmp_path)
    surface = parts.surface(parts.problem(parts.stream.training_set()))
    twin, rng = parts.stepper(surface), parts.noise()
    expected = [float(twin.step(parts.stream.batch(k, twin.batch_rows or 0), rng, 0.5)["loss"]) for k in range(5)]
    assert seen == expected
    assert len(took["wall"]) == len(took["processor"]) == 3


def test_its_counters_are_those_of_the_meter(spec: TrialSpec, tmp_path: Path) -> None:
    steps = Steps(spec, tmp_path)
    found = steps.count()
    assert all(steps.count() == found for _ in range(8)), "without noise"
    parts = TrialComponents.load(spec, tmp_path)
    surface = parts.surface(parts.problem(parts.stream.training_set()))
    stepper, progress, rng = parts.stepper(surface), parts.progress(surface), parts.noise()
    for index in range(COUNTED):
        batch = parts.stream.batch(index, stepper.batch_rows or 0)
        with progress.meter.step(index, len(batch), lambda: 0.0):
            stepper.step(batch, rng, 0.5)
    assert {name: found[name] for name in vars(progress.meter.total)} == vars(progress.meter.total)


def test_the_most_bytes_of_a_step(spec: TrialSpec, tmp_path: Path) -> None:
    """Two tensors of a megabyte at a time, then one of half: what is let go does not count."""
    steps = Steps(spec, tmp_path)

    class Eats:
        def step(self, *given: Any) -> dict[str, Any]:
            first, second = torch.ones(250_000), torch.ones(250_000)
            del first, second
            torch.ones(125_000)
            return {}

    steps.stepper = Eats()  # type: ignore[assignment]
    assert steps._peak(None) == 2_000_000


def test_what_was_there_before_does_not_count() -> None:
    before = torch.ones(1000)
    with held() as bytes_:
        before.mul_(2)
        before.view(10, 100)[3].neg_()
    assert max(bytes_) == 0
    with held() as bytes_:
        (before + 1).view(10, 100)
    assert max(bytes_) == 4000


def test_a_method_that_has_finished_begins_anew(tmp_path: Path) -> None:
    steps = Steps(planned("kmeans", tmp_path), tmp_path)
    assert len(steps.time(200)["processor"]) == 200


def test_orders_are_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [{"do": "plan", "of": {}}, {"do": "count", "of": {"trial": "a/b/0/cpu"}}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(one) + "\n" for one in asked)))
    ended: SimpleQueue[int] = SimpleQueue()
    monkeypatch.setattr(probe, "end", ended.put)
    assert list(islice(orders(), 2)) == asked
    assert ended.get(timeout=5) == threading.get_ident(), "what works on them is interrupted when there are no more"
