"""Own data from end to end: on the plane, in three and in five dimensions, by file and from Python."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from sklearn.mixture import GaussianMixture

import ebmbench
from ebmbench.cli import group
from ebmbench.datasets.files import Rows
from ebmbench.datasets.table import Table
from ebmbench.errors import UsageError
from ebmbench.report.pictures import read_picture
from ebmbench.results import Results
from ebmbench.store.runs import TrialResult
from ebmbench.suite.schema import DataRegime
from ebmbench.training.stream import held_out

pytestmark = pytest.mark.long

SUITE = """\
name: mine
datasets:
  - {file: plane.csv}
  - {file: solid.npz, array: y}
  - {file: far.parquet, label: five}
methods: [oracle, {name: gmm, components: 4}, nce, kmeans]
budget: {passes: 20_000}
seeds: 1
timeout: 90s
"""
UNKNOWN = "the true density of these data is not known"


def blobs(d: int, n: int = 600) -> Rows:
    rng = np.random.default_rng(d)
    return np.concatenate([rng.normal(-2, 1, size=(n // 2, d)), rng.normal(2, 0.5, size=(n - n // 2, d))])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    pd.DataFrame(blobs(2), columns=["a", "b"]).to_csv(folder / "plane.csv", index=False)
    np.savez(folder / "solid.npz", y=blobs(3), other=np.zeros(3))
    pd.DataFrame(blobs(5), columns=list("abcde")).to_parquet(folder / "far.parquet")
    (folder / "mine.yaml").write_text(SUITE)
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> Results:
    ebmbench.run(str(place / "mine.yaml"), results=place / "results", executor="inline")
    return ebmbench.load("mine", place / "results")


@pytest.fixture(scope="module")
def board(done: Results, place: Path) -> str:
    assert done.result.record.full
    return (place / "results" / "mine" / "leaderboard.md").read_text()


def trial(done: Results, name: str) -> TrialResult:
    (found,) = (t for t in done.result.trials if t.view.name.startswith(name))
    return found


def note(done: Results, name: str, metric: str, variant: str = "") -> str:
    measured = trial(done, name).measurements
    assert measured is not None
    (found,) = (v.note for v in measured.values if (v.metric, v.variant) == (metric, variant))
    return found


def test_all_methods_ran_and_the_oracle_says_why_not(done: Results) -> None:
    assert list(done.trials.status) == ["skipped", "ok", "ok", "ok"] * 3
    assert set(done.trials.error) == {"", UNKNOWN}


def mixture(done: Results, name: str) -> GaussianMixture:
    """The fitted mixture as scikit-learn's own."""
    surface: Any = done.model(name)
    found = GaussianMixture(len(surface.means))
    found.weights_, found.means_ = surface.log_weights.exp().numpy(), surface.means.numpy()
    found.precisions_cholesky_ = surface.precisions.numpy()
    return found


@pytest.mark.long
@pytest.mark.parametrize(("dataset", "d"), [("plane", 2), ("solid", 3), ("five", 5)])
def test_the_nll_is_that_of_scikit_learn_on_the_very_test_rows(dataset: str, d: int, done: Results) -> None:
    """Less the log Z that the lattice finds, or chains do: where there are five columns."""
    table = Table.of(blobs(d)).kept_in(done.result.store.tables)
    _, test = held_out(table, DataRegime(), 0)
    expected = -mixture(done, f"gmm/{dataset}/0/cpu").score_samples(test.y.numpy()).mean()
    values = trial(done, f"gmm/{dataset}/").values
    assert len(test) == 120
    assert values["nll"] - values.get("log_z_error", 0.0) == pytest.approx(expected, abs=1e-5)
    assert abs(values.get("log_z_error", 0.0)) < (0.02 if d < 4 else 0.3)


def test_the_training_rows_give_another_nll(done: Results) -> None:
    """The wrong twin of the test above."""
    rows = Table.of(blobs(5)).kept_in(done.result.store.tables).rows()
    assert rows is not None
    value = trial(done, "gmm/five/").values["nll"]
    assert abs(value + mixture(done, "gmm/five/0/cpu").score_samples(rows.y.numpy()).mean()) > 1e-3


def test_what_needs_the_truth_is_missing_with_the_reason(done: Results) -> None:
    for name in ("gmm/plane", "nce/solid", "kmeans/five"):
        assert note(done, name, "skill") == f"n/a: {UNKNOWN}"
        assert note(done, name, "kl", "beta") == f"n/a: {UNKNOWN}"
        assert "skill" not in trial(done, name).values
    assert note(done, "kmeans/plane", "fisher", "raw") == "n/a: the scale of a ranking energy means nothing"
    assert note(done, "kmeans/five", "auroc", "") == "n/a: no lattice covers 5 dimensions"
    measured = [trial(done, name).measurements for name in ("gmm/plane", "gmm/solid", "gmm/five")]
    assert not [v for found in measured if found for v in found.values if v.note.startswith("error")]


def test_the_mixture_is_good_and_all_kinds_have_a_number(done: Results) -> None:
    for dataset in ("plane", "solid"):
        for method in ("gmm", "nce", "kmeans"):
            values = trial(done, f"{method}/{dataset}/").values
            assert {"nll_beta", "nll_iso", "auroc", "beta", "mmd2_common"} <= values.keys()
        assert trial(done, f"gmm/{dataset}/").values["auroc"] > 0.9
    assert {"mmd2_native", "nll", "nll_beta"} <= trial(done, "gmm/five/").values.keys()
    assert "nll_beta" in trial(done, "kmeans/five/").values


def test_the_leaderboard_ranks_by_nll_and_says_what_is_missing(board: str) -> None:
    assert "| NLL (nats) ↓ |" in board
    assert "skill ↑" not in board
    assert "| \\* | gmm |" in board
    title = "## Held-out NLL (nats) at the temperature fitted on validation, median over seeds"
    assert f"{title}\n\n| method | plane | solid | five |" in board
    assert "not checked and not ranked" not in board
    assert f"- oracle: 3 x skipped: {UNKNOWN}" in board
    assert f"- n/a: {UNKNOWN}: skill, kl, " in board
    assert "(all rows; 9 trials)" in board
    assert "log Z lies between the bounds of annealing" in board


def test_the_csv_has_no_skill(done: Results) -> None:
    rows = list(csv.DictReader(io.StringIO((done.result.folder / "leaderboard.csv").read_text())))
    assert {row["metric"] for row in rows} >= {"nll", "nll_beta", "auroc"}
    assert "skill" not in {row["metric"] for row in rows}


def test_the_picture_shows_the_test_rows_in_the_place_of_the_truth(done: Results) -> None:
    picture = read_picture(trial(done, "gmm/plane/"))
    assert picture is not None
    assert picture.truth is None
    assert picture.data is not None
    assert picture.data.shape == (120, 2)
    assert picture.box is not None
    assert (picture.data > picture.box[0]).all()
    assert (picture.data < picture.box[1]).all()
    column, row = np.unravel_index(np.argmin(picture.energy.T), (400, 400))
    well = picture.box[0] + (np.array([column, row]) + 0.5) / 400 * (picture.box[1] - picture.box[0])
    assert (np.abs(picture.data - well) / (picture.box[1] - picture.box[0])).max(1).min() < 0.05, "where rows are"
    assert (done.result.folder / "surfaces.png").is_file()
    assert read_picture(trial(done, "gmm/solid/")) is None
    assert read_picture(trial(done, "gmm/five/")) is None


def test_the_milestones_have_an_nll(done: Results) -> None:
    assert {(p.metric, p.variant) for p in trial(done, "nce/plane/").curve} == {
        ("nll", "iso"),
        ("nll", "beta"),
        ("auroc", ""),
    }
    (end,) = trial(done, "nce/five/").curve  # chains are annealed at the end alone
    assert (end.metric, end.variant) == ("nll", "beta")


def test_a_stored_model_needs_no_rows(done: Results) -> None:
    for file in done.result.store.tables.iterdir():
        file.rename(file.with_suffix(".away"))
    try:
        assert done.model("gmm/five/0/cpu")(torch.zeros(2, 5)).shape == (2,)
    finally:
        for file in done.result.store.tables.iterdir():
            file.rename(file.with_suffix(".npy"))


def test_a_second_run_does_nothing_and_a_moved_file_changes_nothing(done: Results, place: Path) -> None:
    (place / "moved").mkdir()
    (place / "plane.csv").rename(place / "moved" / "plane.csv")
    (place / "moved.yaml").write_text(SUITE.replace("plane.csv", "moved/plane.csv"))
    called = CliRunner().invoke(group, ["plan", str(place / "moved.yaml"), "--results", str(place / "results")])
    assert called.output.splitlines()[-1] == "12 trials: 3 skipped, 9 cached"


# --- from Python -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def options(place: Path) -> dict[str, Any]:
    return {"seeds": 1, "overrides": ("budget.passes=5000",), "results": place / "results", "executor": "inline"}


def test_an_array_is_a_suite_called_own(options: dict[str, Any]) -> None:
    methods: list[str | dict[str, Any]] = ["oracle", {"name": "gmm", "components": 4}, "kmeans"]
    found = ebmbench.run(methods=methods, data=torch.from_numpy(blobs(3)), **options)
    assert list(found.trials.name) == ["oracle/data/0/cpu", "gmm/data/0/cpu", "kmeans/data/0/cpu"]
    assert list(found.trials.status) == ["skipped", "ok", "ok"]
    assert set(found.metrics.query("metric == 'skill'").note) == {f"n/a: {UNKNOWN}"}
    assert ebmbench.load("own", options["results"]).result.record.run_id == found.result.record.run_id
    assert found.model("gmm/data/0/cpu")(torch.zeros(2, 3)).shape == (2,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected a suite, or both methods and data"),
        ({"methods": ["gmm"]}, "expected a suite, or both methods and data"),
        ({"data": blobs(2)}, "expected a suite, or both methods and data"),
        ({"suite": "smoke", "data": blobs(2)}, "either a suite, or methods and data"),
        ({"methods": "gmm", "data": blobs(2)}, "methods: expected a list of names"),
        ({"methods": 3, "data": blobs(2)}, "methods: expected a list of names"),
        ({"methods": [], "data": blobs(2)}, "methods: "),
        ({"methods": ["gm"], "data": blobs(2)}, "unknown method 'gm'; did you mean 'gmm'"),
        ({"methods": [{"name": "gmm", "components": object()}], "data": blobs(2)}, "of the type object means nothing"),
        ({"methods": ["gmm"], "data": blobs(2)[:50]}, "data: 50 rows; expected at least 100"),
        ({"methods": ["gmm"], "data": np.zeros((200, 2, 2))}, "got the shape"),
    ],
)
def test_what_cannot_be_run_is_said_kindly(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        ebmbench.run(**given, results=tmp_path)
