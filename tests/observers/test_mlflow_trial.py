"""What the mirror says of a trial: against values written out by hand, and against what MLflow itself reads."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.observers.mlflow_trial import (
    Reading,
    dataset_facts,
    metrics,
    model_facts,
    model_file,
    params,
    source_tags,
    tags,
    width,
)
from ebmbench.store.records import Point, Revision
from ebmbench.store.runs import TrialResult
from tests.factories import Lab, make_spec, make_training, make_view


def trial(tmp_path: Path, numbers: dict[str, float] | None = None, points: list[Point] | None = None) -> TrialResult:
    """One that took ten steps, a thousand passes and a second."""
    made = Lab(tmp_path).trial("nce", numbers or {})
    made.folder.file("curve.jsonl").write_text("".join(point.as_json() + "\n" for point in points or []))
    return made


def curve(name: str, variant: str = "", **values: float | None) -> list[Point]:
    """A point a step: ``s5=0.25`` is 0.25 at step five; a hundred passes and 0.1 s a step."""
    steps = {int(step[1:]): value for step, value in values.items()}
    return [Point(n, 100 * n, n / 10, name, variant, value) for n, value in steps.items()]


def series(readings: list[Reading], name: str) -> list[tuple[int, float]]:
    return [(r.step, r.value) for r in readings if r.name == name]


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_a_curve_ends_with_the_number_of_the_tables(tmp_path: Path) -> None:
    """The last milestone was measured on a coarser lattice, and gives way."""
    numbers = {"kl": 0.125, "skill": 0.5}
    found = list(metrics(trial(tmp_path, numbers, curve("kl", "raw", s1=4.0, s5=0.25, s10=0.1)), numbers))
    assert series(found, "eval/kl") == [(1, 4.0), (5, 0.25), (10, 0.125)]
    assert series(found, "eval/skill") == [(0, 0.5)], "a bar"


def test_where_nothing_was_asked_for_at_the_end_the_last_milestone_stays(tmp_path: Path) -> None:
    found = list(metrics(trial(tmp_path, {}, curve("kl", "beta", s5=0.25, s10=0.1)), {}))
    assert series(found, "eval/kl_beta") == [(5, 0.25), (10, 0.1)]


def test_passes_and_seconds_are_axes(tmp_path: Path) -> None:
    """The same steps as the curves, each once, whatever the number of curves."""
    points = curve("kl", "raw", s1=4.0, s10=0.1) + curve("auroc", s1=0.5, s10=0.9)
    found = list(metrics(trial(tmp_path, {"kl": 0.125}, points), {"kl": 0.125}))
    assert series(found, "training/passes") == [(1, 100), (10, 1000)]
    assert series(found, "training/train_seconds") == [(1, pytest.approx(0.1)), (10, 1.0)]
    assert {(r.seconds, r.step) for r in found if r.name == "eval/kl"} == {(0.1, 1), (1.0, 10)}
    assert series(found, "training/peak_bytes") == [(0, 1)]
    assert series(found, "training/n_concurrent") == [(0, 0)]
    assert not series(found, "training/sha256")


@pytest.mark.parametrize("end", [math.inf, -math.inf, math.nan])
def test_a_curve_that_ends_in_the_infinite_does_not_end_before_it(tmp_path: Path, end: float) -> None:
    """Else the pages would show what it was on the way."""
    found = list(metrics(trial(tmp_path, {}, curve("kl", "raw", s1=4.0, s5=0.25)), {"kl": end, "skill": end}))
    assert series(found, "eval/kl")[:2] == [(1, 4.0), (5, 0.25)]
    assert series(found, "eval/kl")[2][0] == 10
    assert math.isnan(series(found, "eval/kl")[2][1])
    assert not series(found, "eval/skill")


def test_what_is_missing_or_infinite_on_the_way_is_left_out(tmp_path: Path) -> None:
    found = list(metrics(trial(tmp_path, {}, curve("kl", "raw", s1=None, s2=math.inf, s5=0.25)), {}))
    assert series(found, "eval/kl") == [(5, 0.25)]


def test_a_trial_that_broke_off_has_its_curve_alone(tmp_path: Path) -> None:
    made = Lab(tmp_path).trial("nce", status=Status.DIVERGED)
    made.folder.file("curve.jsonl").write_text(curve("kl", "raw", s1=4.0)[0].as_json() + "\n")
    assert list(metrics(made, {})) == [Reading("eval/kl", 4.0, 0.1, 1)]


def test_without_milestones_costs_have_one_value(tmp_path: Path) -> None:
    assert series(list(metrics(trial(tmp_path), {})), "training/passes") == [(0, 1000)]


# --- params and tags -------------------------------------------------------------------------------------------------


def test_params_are_the_cell_and_every_field(tmp_path: Path) -> None:
    spec = make_spec(3, params={"lr": 0.1, "text": "x" * 9000, "nothing": None, "scales": [1, 2]})
    made = TrialResult(make_view("mix", method="gmm", seed=3, grid_point="lr=0.1"), Lab(tmp_path).trial().folder)
    found = params(made, spec)
    cell = {"method": "gmm", "label": "mix[lr=0.1]", "dataset": "moons", "seed": "3", "device": "cpu"}
    assert {name: found[name] for name in cell} == cell
    assert (found["strategy"], found["kind"]) == ("C2", "density")
    assert found["method.lr"] == "0.1"
    assert found["method.nothing"] == "None"
    assert found["method.scales"] == "[1, 2]"
    assert len(found["method.text"]) == 6000
    assert (found["data.train"], found["net.width"], found["budget.steps"]) == ("stream", "128", "5")


def test_a_trial_that_cannot_be_read_still_has_its_cell(tmp_path: Path) -> None:
    found = params(Lab(tmp_path).trial("nce"), None)
    assert found["method"] == found["label"] == "nce"
    assert not [name for name in found if "." in name]


def test_a_failure_is_said(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    found = tags(lab.trial("bad", status=Status.FAILED, strategy=Strategy.A1))
    assert found["ebmbench.status"] == "failed"
    assert found["ebmbench.error"] == "Boom: it went wrong"
    assert found["ebmbench.family"] == "architectural"
    assert "ebmbench.error" not in tags(lab.trial("good"))


def test_the_commit_is_said_where_there_is_one() -> None:
    found = source_tags(Revision(commit="abc", dirty=True), "ebmbench run toy")
    assert (found["mlflow.source.git.commit"], found["mlflow.source.git.dirty"]) == ("abc", "true")
    assert found["mlflow.source.name"] == "ebmbench run toy"
    assert "mlflow.source.git.commit" not in source_tags(None, "ebmbench run toy")


# --- dataset and model -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 784])
def test_the_width_stands_in_the_head_of_the_samples(tmp_path: Path, d: int) -> None:
    made = trial(tmp_path)
    np.savez_compressed(made.folder.file("samples.npz"), common=np.zeros((7, d), np.float32))
    assert width(made) == d


def test_no_samples_no_width(tmp_path: Path) -> None:
    """Samples of y given x are the method's own, never common: a signature of y alone would be wrong."""
    made = trial(tmp_path)
    assert width(made) is None
    np.savez_compressed(made.folder.file("samples.npz"), native=np.zeros((7, 2), np.float32))
    assert width(made) is None
    np.savez_compressed(made.folder.file("samples.npz"), common=np.zeros(7, np.float32))
    assert width(made) is None
    made.folder.file("samples.npz").write_bytes(b"PK no archive")
    assert width(made) is None


def test_the_digest_is_of_what_defines_the_data(tmp_path: Path) -> None:
    """Not of the seed or the method: MLflow is to know the dataset again."""
    made = trial(tmp_path)

    def digest(seed: int, **params: Any) -> str:
        spec = make_spec(seed, identity={"seed": seed, "dataset": {"target": "a:B", "params": params}})
        return dataset_facts(made, spec, 2)["digest"]

    assert digest(0, sigma=0.1) == digest(1, sigma=0.1)
    assert digest(0, sigma=0.1) != digest(0, sigma=0.2)
    assert len(digest(0)) == 8


def test_mlflow_reads_the_dataset(tmp_path: Path) -> None:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.types.schema import Schema

    facts = dataset_facts(trial(tmp_path), make_spec(), 2)
    source = CodeDatasetSource.from_dict(json.loads(facts["source"]))
    assert source.to_dict()["tags"]["target"] == "c:D"
    schema = Schema.from_json(json.loads(facts["schema"])["mlflow_tensorspec"]["features"])
    assert schema.inputs[0].shape == (-1, 2)
    assert json.loads(facts["profile"])["train"] == "stream"
    assert "schema" not in dataset_facts(trial(tmp_path), make_spec(), None)


def test_mlflow_reads_the_model_file(tmp_path: Path) -> None:
    """The signature is y (B, d) -> F(y) (B,); there is nothing to be unpickled, and no flavor that would load it."""
    from mlflow.models import Model

    made, spec = trial(tmp_path), make_spec(kind=EnergyKind.RANKING)
    facts = model_facts(made, spec, make_training(sha256={"model.pt": "feed"}), "toy")
    own = {"model_id": "m-1", "model_uuid": "m-1", "run_id": "r", "artifact_path": "models/m-1"}
    (tmp_path / "MLmodel").write_text(model_file(own, spec, facts, 3))
    found: Any = Model.load(str(tmp_path / "MLmodel"))
    assert found.flavors == {}
    assert found.model_id == "m-1"
    assert [(y.name, y.shape, y.type) for y in found.signature.inputs.inputs] == [("y", (-1, 3), np.dtype("float32"))]
    assert [(e.shape, e.type) for e in found.signature.outputs.inputs] == [((-1,), np.dtype("float32"))]
    assert found.metadata["sha256"] == "feed"
    assert (tmp_path / found.metadata["file"]).parent == made.folder.path
    assert found.metadata["load"] == f"ebmbench.load('toy').model('{made.view.key}')"
    assert "signature" not in json.loads(model_file(own, spec, facts, None))
