"""A suite with bits and a plane: who cannot work on what is skipped with the reason, and the figure shows the plane."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

import ebmbench
from ebmbench.cli import group
from ebmbench.errors import UsageError
from ebmbench.report.pictures import read_picture
from ebmbench.results import Results

pytestmark = pytest.mark.long

SUITE = """
name: mixed
datasets: [moons, {name: boltzmann, units: 6}, {name: ising, side: 3}]
data: {train: stream, set: 1000, validation: 500, test: 500}
methods: [oracle, untrained, gaussian, independent, mle_enum, mpf, mle_grid]
budget: {steps: 5}
seeds: 1
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Results:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "mixed.yaml").write_text(SUITE)
    return ebmbench.run(str(folder / "mixed.yaml"), results=folder / "results", executor="inline")


def test_a_method_runs_where_it_can_and_says_where_it_cannot(results: Results) -> None:
    trials = results.trials.set_index(["method", "dataset"])
    for dataset, skipped, reason in (
        ("moons", ["independent", "mle_enum", "mpf"], "works on binary data only"),
        ("boltzmann", ["gaussian", "mle_grid"], "works on continuous data only"),
        ("ising", ["gaussian", "mle_grid"], "works on continuous data only"),
    ):
        here = trials.xs(dataset, level="dataset")
        assert sorted(here.index[here["status"] == "skipped"]) == skipped
        assert set(here.loc[skipped, "error"]) == {reason}
        assert set(here.drop(skipped)["status"]) == {"ok"}


@pytest.mark.long
def test_each_dataset_is_judged_by_its_track(results: Results) -> None:
    tracks = dict(zip(results.trials["dataset"], results.trials["track"], strict=True))
    assert tracks == {"moons": "plane", "boltzmann": "binary", "ising": "binary"}
    ok = results.trials.set_index("trial").query("status == 'ok'")
    skills = results.metrics.query("metric == 'skill'").set_index("trial")["value"]
    assert set(skills.index) == set(ok.index), "bits and the plane are ranked together, by skill"
    oracles = skills[ok.index[ok["method"] == "oracle"]]
    assert (oracles > 0.99).all()


def test_only_the_plane_has_pictures(results: Results) -> None:
    ok = [trial for trial in results.result.trials if trial.status == "ok"]
    assert {trial.view.dataset for trial in ok if read_picture(trial) is not None} == {"moons"}
    (figure,) = results.result.folder.glob("surfaces.png")
    width, height = struct.unpack(">II", figure.read_bytes()[16:24])
    assert 2 * height < 3 * width, "the plane alone, not three datasets"


def test_bits_are_not_drawn(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["info", "ising", "--plot", str(tmp_path / "x.png")], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "the plane only" in str(done.exception)
