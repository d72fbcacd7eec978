"""A trial's objects, made of what its folder says: only what it names is imported, and only what a trial needs made."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Generator

from ebmbench.datasets.plane import EightGaussians
from ebmbench.datasets.table import Table
from ebmbench.errors import UsageError
from ebmbench.identity.closure import LOCAL
from ebmbench.parts.gradient import GradientStepper
from ebmbench.store.folders import Store
from ebmbench.store.records import TrialSpec
from ebmbench.suite.schema import DataRegime, DeviceProfile
from ebmbench.training.components import TrialComponents
from ebmbench.training.counting import pass_flops
from ebmbench.training.seeding import generator
from ebmbench.training.stream import Stream, held_out
from ebmbench_plugins.c2_chosen_points.nce import NCE
from tests.catalogued import CATALOG, equal_states
from tests.factories import make_spec

DATA = DataRegime(set=300, validation=20, test=30)
METHOD = {"target": "ebmbench_plugins.c2_chosen_points.nce:NCE", "params": {"noise_ratio": 2}}
DATASET = {"target": "ebmbench.datasets.plane:EightGaussians", "params": {}}


def spec_of(method: dict[str, Any] = METHOD, dataset: dict[str, Any] = DATASET, **facts: Any) -> TrialSpec:
    spec = make_spec(**{"data": DATA, **facts})
    cells = {"method": spec.method.model_copy(update=method), "dataset": spec.dataset.model_copy(update=dataset)}
    return spec.model_copy(update=cells)


def loaded(tmp_path: Path, **facts: Any) -> TrialComponents:
    return TrialComponents.load(spec_of(**facts), tmp_path)


def test_method_and_dataset_are_made_with_their_parameters(tmp_path: Path) -> None:
    found = loaded(tmp_path, dataset={**DATASET, "params": {"sigma": 0.7}})
    assert found.method == NCE(noise_ratio=2)
    assert found.dataset == EightGaussians(sigma=0.7)
    assert (found.like.dtype, found.like.device.type) == (torch.float32, "cpu")
    assert loaded(tmp_path, device=DeviceProfile(dtype="float64")).like.dtype == torch.float64


def test_a_parameter_that_the_class_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        loaded(tmp_path, method={**METHOD, "params": {"noise": 2}})


# --- a results folder may be a stranger's ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["os:system", "pathlib:Path", "ebmbench.datasets.plane:EightGaussians", "os:sep"])
def test_what_is_no_method_is_not_called(target: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{target} of o is no Method"):
        loaded(tmp_path, method={"target": target, "params": {}})


def test_what_is_no_dataset_is_not_called(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NCE of o is no Dataset"):
        loaded(tmp_path, dataset=METHOD)


PLUGIN = """
from ebmbench.api import GradientMethod
from pathlib import Path

Path(__file__).with_name("ran").touch()

class Mine(GradientMethod):
    twist: int = 1
"""


def test_a_single_file_plugin_is_imported_from_the_results_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    root = tmp_path / "results"
    kept = Store(root).keep_plugin(tmp_path / "mine.py")
    for file in ("../mine.py", str(tmp_path / "mine.py"), "plugins/../../mine.py", "mine.py"):
        with pytest.raises(UsageError, match=r"mine\.py: is not among those of"):
            TrialComponents.load(spec_of({"target": "mine:Mine", "params": {}, "file": file}), root)
        assert not (tmp_path / "ran").exists()
    name = f"{LOCAL}mine_{sha256(PLUGIN.encode()).hexdigest()[:16]}"
    found = TrialComponents.load(spec_of({"target": f"{name}:Mine", "params": {"twist": 3}, "file": kept}), root)
    assert found.method.model_dump()["twist"] == 3
    assert (root / kept).with_name("ran").exists()


# --- what a method may know ------------------------------------------------------------------------------------------


def test_the_moments_are_those_of_the_training_set_in_double_precision(tmp_path: Path) -> None:
    """Rows far from the origin: moments taken in single precision would be off in the third digit."""
    found = loaded(tmp_path)
    training_set = found.stream.training_set()
    far = training_set.map(lambda y: y + 4096)
    problem = found.problem(far)
    rows = far.y.double()
    assert problem.mean.dtype == problem.cov.dtype == torch.float32
    assert torch.equal(problem.mean, rows.mean(0).float())
    assert torch.equal(problem.cov, torch.cov(rows.T).float())
    assert (problem.domain, problem.net) == (found.dataset.domain, found.spec.net)


def test_the_truth_is_given_to_reference_rows_alone(tmp_path: Path) -> None:
    oracle = loaded(tmp_path, method={"target": CATALOG.methods["oracle"].target, "params": {}})
    for found, truth in ((loaded(tmp_path), None), (oracle, oracle.dataset)):
        assert found.truth == truth
        assert found.problem(found.stream.training_set()).truth == truth
    y = torch.randn(5, 2, generator=Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(oracle.blank()(y), -oracle.dataset.log_prob(y))


# --- what is made ----------------------------------------------------------------------------------------------------


def test_the_data_are_those_of_the_seed_in_the_dtype_of_training(tmp_path: Path) -> None:
    found = loaded(tmp_path, seed=7)
    expected = Stream(EightGaussians(), DATA, 7, torch.zeros(()))
    assert torch.equal(found.stream.batch(3, 16).y, expected.batch(3, 16).y)
    for mine, theirs in zip(found.held_out, held_out(EightGaussians(), DATA, 7), strict=True):
        assert torch.equal(mine.y, theirs.y)
        assert mine.y.dtype == torch.float64


def test_the_surface_is_the_seeds_and_of_the_dtype_of_training(tmp_path: Path) -> None:
    here = loaded(tmp_path)
    problem = here.problem(here.stream.training_set())
    first, again = here.surface(problem), here.surface(problem)
    other = loaded(tmp_path, seed=1).surface(problem)
    assert equal_states(first, again)
    assert not equal_states(first, other)
    double = loaded(tmp_path, device=DeviceProfile(dtype="float64")).surface(problem)
    assert {value.dtype for value in double.state_dict().values()} == {torch.float64}


def test_a_blank_surface_needs_no_data_and_is_filled_by_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = loaded(tmp_path)
    surface = here.surface(here.problem(here.stream.training_set()))

    def drawn(*_: object) -> None:
        raise AssertionError("nobody may draw data")

    monkeypatch.setattr(EightGaussians, "sample", drawn)
    blank = loaded(tmp_path).blank()
    blank.load_state_dict(surface.state_dict())
    y = torch.randn(5, 2, generator=Generator().manual_seed(0))
    assert torch.equal(blank(y), surface(y))


def test_a_training_begins_with_a_stepper_no_progress_and_the_noise_of_the_seed(tmp_path: Path) -> None:
    here = loaded(tmp_path, seed=3)
    surface = here.surface(here.problem(here.stream.training_set()))
    assert isinstance(here.stepper(surface), GradientStepper)
    progress = here.progress(surface)
    assert (progress.steps, progress.samples, progress.meter.total.passes) == (0, 0, 0)
    assert progress.meter.unit == here.unit == pass_flops(here.dataset.domain, here.spec.net)
    assert progress.meter.surface is surface
    assert torch.equal(torch.rand(3, generator=here.noise()), torch.rand(3, generator=generator("noise", 3)))


def test_a_table_of_the_users_is_found_in_the_results_folder(tmp_path: Path) -> None:
    """The spec says by what content; where the rows stand is the folder's business."""
    rows = np.random.default_rng(0).normal(size=(40, 2))
    table, content = Table.of(rows), io.BytesIO()
    np.save(content, rows)
    Store(tmp_path / "here").keep_table(table.file_name, content.getvalue())
    cell = {"target": "ebmbench.datasets.table:Table", "params": table.model_dump(mode="json")}
    found = loaded(tmp_path / "here", dataset=cell).dataset.rows()
    assert found is not None
    assert torch.equal(found.y, torch.from_numpy(rows))
    with pytest.raises(UsageError, match="missing, or not the rows that were planned"):
        loaded(tmp_path / "elsewhere", dataset=cell).dataset.rows()
