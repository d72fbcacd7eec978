"""A trained surface, written and read again: its numbers alone, and nothing is unpickled."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.store.folders import TrialFolder
from ebmbench.training.components import TrialComponents
from ebmbench.training.models import load_model, save_model
from tests.catalogued import equal_states
from tests.planned import Bomb, planned_trial


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    return planned_trial(tmp_path_factory.mktemp("models"))


def root_of(folder: TrialFolder) -> Path:
    return folder.path.parents[2]


def surface_of(folder: TrialFolder) -> Surface:
    """The surface of the trial, with moments of its data and numbers of its seed."""
    spec = folder.spec()
    assert spec is not None
    components = TrialComponents.load(spec, root_of(folder))
    return components.surface(components.problem(components.stream.training_set()))


def points() -> Tensor:
    return torch.randn(20, 2, generator=Generator().manual_seed(0))


def test_what_is_written_is_read_again_without_the_data(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    surface = surface_of(planned)
    save_model(planned, surface)

    def drawn(*_: object) -> None:
        raise AssertionError("nobody may draw data")

    monkeypatch.setattr(EightGaussians, "sample", drawn)
    found = load_model(planned, root_of(planned))
    assert equal_states(found, surface)
    assert torch.equal(found(points()), surface(points()))


def test_the_same_numbers_are_the_same_file(planned: TrialFolder) -> None:
    save_model(planned, surface_of(planned))
    before = planned.file("model.pt").read_bytes()
    save_model(planned, surface_of(planned))
    assert planned.file("model.pt").read_bytes() == before


def test_a_model_in_double_precision_stays_in_it(tmp_path: Path) -> None:
    folder = planned_trial(tmp_path, devices=[{"device": "cpu", "dtype": "float64"}])
    surface = surface_of(folder)
    save_model(folder, surface)
    found = load_model(folder, tmp_path)
    assert {value.dtype for value in found.state_dict().values()} == {torch.float64}
    torch.testing.assert_close(found(points().double()), surface(points().double()), rtol=0, atol=0)


def test_a_folder_without_a_trial_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no trial"):
        load_model(TrialFolder(tmp_path), tmp_path)


def torch_bytes(stored: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    return buffer.getvalue()


NOT_THE_MODEL: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half of it": lambda content: content[: len(content) // 2],
    "a text": lambda content: b"a model",
    "a hostile pickle": lambda content: pickle.dumps(Bomb(), protocol=2),
    "a hostile state": lambda content: torch_bytes({"log_z": Bomb()}),
    "another model's numbers": lambda content: torch_bytes(torch.nn.Linear(2, 2).state_dict()),
    "no numbers": lambda content: torch_bytes({}),
    "a list": lambda content: torch_bytes([torch.zeros(3)]),
    "a number": lambda content: torch_bytes(3),
    "numbers of another shape": lambda content: torch_bytes(
        {name: torch.zeros(7) for name in torch.load(io.BytesIO(content), weights_only=True)}
    ),
}


@pytest.mark.parametrize("name", NOT_THE_MODEL)
def test_a_file_that_is_not_the_model_is_one_sentence_and_is_not_run(
    name: str, planned: TrialFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(planned, surface_of(planned))
    path = planned.file("model.pt")
    path.write_bytes(NOT_THE_MODEL[name](path.read_bytes()))
    with pytest.raises(UsageError, match=r"model\.pt: does not hold the numbers of this model; nothing in it was run"):
        load_model(planned, root_of(planned))
    assert not Path("exploded").exists()


def test_too_little_memory_is_not_a_damaged_file(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a RuntimeError too, and must reach the one who counts such ends."""
    save_model(planned, surface_of(planned))

    def exhausted(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "load", exhausted)
    with pytest.raises(torch.OutOfMemoryError):
        load_model(planned, root_of(planned))
