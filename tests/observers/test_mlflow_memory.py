"""What has been mirrored, from one run to the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ebmbench.observers.mlflow_memory import LAYOUT, Mirrored, database, pages
from ebmbench.store.folders import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with a database and a suite."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "toy").mkdir()
    return Store(tmp_path)


@pytest.fixture
def mirrored(store: Store) -> Mirrored:
    found = Mirrored(store, "toy")
    found.experiment, found.parents, found.trials = "3", {"p": "r0"}, {"p/a": "r1", "p/b": "r2"}
    found.drawn = {"p/a", "p/gone"}
    found.save()
    return found


def test_all_of_it_is_remembered(store: Store, mirrored: Mirrored) -> None:
    found = Mirrored(store, "toy")
    assert (found.experiment, found.parents, found.trials) == ("3", {"p": "r0"}, {"p/a": "r1", "p/b": "r2"})
    assert found.drawn == {"p/a"}, "of what is there"


def test_another_database_has_none_of_it(store: Store, mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.root / "mlflow.db").unlink()
    assert Mirrored(store, "toy").parents == {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert Mirrored(store, "toy").parents == {}
    assert database(store) == "http://127.0.0.1:5000"


@pytest.mark.parametrize("change", [{"layout": LAYOUT - 1}, {"layout": None}, {"trials": 3}, {"drawn": None}])
def test_what_is_of_another_layout_or_damaged_is_forgotten(
    store: Store, mirrored: Mirrored, change: dict[str, object]
) -> None:
    stored = json.loads(mirrored.path.read_text())
    mirrored.path.write_text(json.dumps({**stored, **change}))
    found = Mirrored(store, "toy")
    assert (found.experiment, found.drawn) == ("", set())
    mirrored.path.write_text(json.dumps({name: value for name, value in stored.items() if name not in change}))
    assert Mirrored(store, "toy").drawn == set()


def test_the_pages_of_the_suites(store: Store, mirrored: Mirrored) -> None:
    (store.root / "never").mkdir()
    (store.root / "hostile").mkdir()
    stored = json.loads(mirrored.path.read_text())
    (store.root / "hostile" / "mlflow.json").write_text(json.dumps({**stored, "experiment": "1/../\x1b"}))
    assert pages(store) == {"toy": "#/experiments/3/runs?workflowType=machine_learning"}
