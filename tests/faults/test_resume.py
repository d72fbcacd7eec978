"""A training that is killed goes on from its last snapshot, to the bytes of one that was not."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs import Place, alive, soon

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


@pytest.mark.parametrize("target", ["run", "worker"])
def test_a_killed_training_goes_on_from_its_snapshot(tmp_path: Path, target: str) -> None:
    whole = put(tmp_path / "whole")
    (whole.folder / "calm").touch()
    expected = whole.run()
    assert expected.code == 0, expected.err
    key = expected.trials["slow"]["key"]

    cut = put(tmp_path / "cut")
    process = cut.start()
    folder = cut.folder / "results" / "trials" / key[:2] / key
    assert soon(lambda: (folder / "snapshot.pt").exists(), 120), "there is a snapshot after half a minute"
    if target == "run":
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert soon(lambda: not alive(cut.token), 5)
        assert not (folder / "TRAINED").exists()
        (cut.folder / "steps").unlink()
        result = cut.run()
        assert (cut.folder / "steps").stat().st_size < 200, "what was done before the snapshot is not done again"
    else:
        worker = cut.worker_at("slow")
        assert worker is not None
        worker.kill()
        result = cut.end(process)
        assert "slow/rings/0/cpu: its worker was killed; it is started once more" in result.err
    assert result.code == 0, result.err
    assert result.trials["slow"]["key"] == key
    assert result.trials["slow"]["metrics"] == expected.trials["slow"]["metrics"]
    ours, theirs = trained(cut, key), trained(whole, key)
    assert ours[:3] == theirs[:3], "to the byte"
    assert (ours[3]["interrupted"], theirs[3]["interrupted"]) == (1, 0)
    assert not (folder / "snapshot.pt").exists()
