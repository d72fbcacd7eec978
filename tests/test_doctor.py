"""Each thing that a doctor looks at, well and ill."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ebmbench import doctor
from ebmbench.catalog.catalog import Broken, Catalog
from ebmbench.doctor import Sign, State, examined

Patch = Callable[[pytest.MonkeyPatch, Path], None]


def seen(results: Path, catalog: Catalog | None = None) -> dict[str, Sign]:
    return {sign.title: sign for sign in examined(results, catalog or Catalog(plugins=["mine"]))}


def test_a_machine_that_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 0.0, 0.0))
    monkeypatch.setattr(doctor, "NOISY", 100.0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(doctor, "LITTLE", 0)
    found = seen(tmp_path / "results")
    assert {sign.state for sign in found.values()} == {State.OK}
    assert list(tmp_path.joinpath("results").iterdir()) == []
    assert found["plugins"].said == "1 work, and no name is claimed twice"


def lock_that_holds_nothing(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    class Nothing:
        def __init__(self, *given: Any, **more: Any) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *given: object) -> None: ...

    monkeypatch.setattr(doctor, "FileLock", Nothing)


def broken_mirror(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    (results / "mlflow.db").write_bytes(b"no database at all" * 100)


@pytest.mark.parametrize(
    ("title", "ill", "state", "said"),
    [
        ("load", lambda m, r: m.setattr(os, "getloadavg", lambda: (1.7, 0, 0)), State.DOUBTFUL, "1.7 cores"),
        ("threads", lambda m, r: m.setenv("OMP_NUM_THREADS", "8"), State.DOUBTFUL, "OMP_NUM_THREADS=8"),
        ("timer", lambda m, r: m.setattr(doctor, "NOISY", 0.0), State.DOUBTFUL, "the same work takes"),
        ("disk", lambda m, r: m.setattr(doctor, "LITTLE", 1e18), State.DOUBTFUL, "GB are free"),
        (
            "packages",
            lambda m, r: m.setattr(doctor, "requires", lambda n: ["nosuch>=1"]),
            State.BAD,
            "nosuch is missing",
        ),
        ("packages", lambda m, r: m.setattr(doctor, "requires", lambda n: ["numpy<1"]), State.BAD, "is not <1"),
        ("locks and renames", lock_that_holds_nothing, State.BAD, "a lock does not hold"),
        ("mlflow", broken_mirror, State.BAD, "not a database"),
    ],
)
def test_what_is_ill_is_said_with_what_to_do(
    title: str, ill: Patch, state: State, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill(monkeypatch, tmp_path)
    sign = seen(tmp_path)[title]
    assert (sign.state, said in sign.said, bool(sign.advice)) == (state, True, True), sign


def test_a_plugin_that_breaks(tmp_path: Path) -> None:
    sign = seen(tmp_path, Catalog(broken=[Broken("mine.py", "no luck")]))["plugins"]
    assert (sign.state, sign.said) == (State.BAD, "mine.py: no luck")


def test_a_mirror_that_is_well_is_counted(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as store:
        store.execute("CREATE TABLE runs (run_uuid TEXT)")
        store.execute("INSERT INTO runs VALUES ('a')")
    assert seen(tmp_path)["mlflow"].said.startswith("1 runs in ")


def test_a_folder_that_cannot_be_made_is_a_sign(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sign = seen(tmp_path / "file" / "results")["locks and renames"]
    assert sign.state is State.BAD
    assert "could not be looked at" in sign.advice
