"""A training that is killed goes on from its last snapshot, to the bytes of one that was not."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs import Outcome, Place, alive, soon

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone"),
]

PLUGIN = '''
import os
import time

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl
from ebmbench_plugins.c2_chosen_points.nce import NCE


class Slow(NCE):
    """NCE that dozes at each step, unless all is calm."""

    def loss(self, surface, batch, rng):
        if not os.path.exists("calm"):
            time.sleep(0.2)
        with open("steps", "ab") as file:
            file.write(b".")
        return super().loss(surface, batch, rng)


@hookimpl
def ebmbench_methods():
    yield MethodSpec("slow", Slow, Strategy.C2, EnergyKind.NORMALIZED, "dozes")
'''

SUITE = """\
name: faults
datasets: [rings]
data: {set: 500, validation: 500, test: 500}
methods: [slow]
net: {features: 16, scales: [1, 2], width: 16, depth: 2}
budget: {steps: 200}
seeds: 1
metrics: [skill, kl]
timeout: 5m
memory: 1GB
plugins: [./slow.py]
"""


def put(folder: Path) -> Place:
    """The plugin and the suite."""
    folder.mkdir()
    (folder / "slow.py").write_text(PLUGIN)
    (folder / "faults.yaml").write_text(SUITE)
    return Place(folder)


def trained(place: Place, key: str) -> tuple[bytes, list[Any], dict[str, Any], Any]:
    """The model, the curve without its clock, what training cost without seconds, the metrics."""
    folder = place.folder / "results" / "trials" / key[:2] / key
    curve = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    cost = json.loads((folder / "TRAINED").read_text())
    points = [(point["step"], point["metric"], point["variant"], point["value"]) for point in curve]
    counted = {name: cost[name] for name in ("steps", "passes", "samples", "energy_rows", "gradient_rows")}
    return (folder / "model.pt").read_bytes(), points, counted, cost


def snapshot_of(place: Place, key: str) -> Path:
    """Where the snapshot of that trial stands, while it is at work."""
    return place.folder / "results" / "trials" / key[:2] / key / "snapshot.pt"


def gone_on_with(cut: Place, whole: Place, result: Outcome, key: str) -> None:
    """The trial is what it would have been."""
    assert result.code == 0, result.err
    assert result.trials["slow"]["key"] == key
    ours, theirs = trained(cut, key), trained(whole, key)
    assert ours[:3] == theirs[:3], "to the byte"
    assert (ours[3]["interrupted"], theirs[3]["interrupted"]) == (1, 0)
    assert not snapshot_of(cut, key).exists()


def test_a_killed_training_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    """Whether its run was killed or its worker; both doze side by side."""
    whole = put(tmp_path / "whole")
    (whole.folder / "calm").touch()
    expected = whole.run()
    assert expected.code == 0, expected.err
    key = expected.trials["slow"]["key"]
    killed, lamed = put(tmp_path / "killed"), put(tmp_path / "lamed")
    run, other = killed.start(), lamed.start()
    for place in (killed, lamed):
        assert soon(snapshot_of(place, key).exists, 180), "there is a snapshot after half a minute"

    worker = lamed.worker_at("slow")
    assert worker is not None
    worker.kill()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert soon(lambda: not alive(killed.token), 5)
    assert not snapshot_of(killed, key).with_name("TRAINED").exists()

    result = lamed.end(other)
    assert "slow/rings/0/cpu: its worker was killed; it is started once more" in result.err
    (killed.folder / "steps").unlink()
    again = killed.run()
    assert (killed.folder / "steps").stat().st_size < 200, "what was done before the snapshot is not done again"
    for place, found in ((lamed, result), (killed, again)):
        gone_on_with(place, whole, found, key)
        assert found.trials["slow"]["metrics"] == expected.trials["slow"]["metrics"]
