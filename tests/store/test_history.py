"""Which keys a name has had: from the records of the runs, the one that was last begun or reopened first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ebmbench.store.folders import Store
from ebmbench.store.history import History, Sighting
from ebmbench.store.records import RunRecord, TrialView
from ebmbench.store.runs import RunResult, save_run
from tests.factories import Lab, make_run, make_spec, make_view

NAME = "nce/moons/0/cpu"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def seen(store: Store, when: int, *views: TrialView, suite: str = "tiny") -> RunRecord:
    """A run that was begun or reopened at a time."""
    record = make_run(views, suite=suite, run_id=f"20260101-00000{when}-12345678")
    save_run(RunResult(record, store))
    path = store.run_dir(suite, record.run_id) / "run.json"
    os.utime(path, ns=(when, when))
    return record


def keys(sightings: list[Sighting]) -> list[str]:
    return [sighting.view.key for sighting in sightings]


def test_the_run_that_was_last_begun_or_reopened_comes_first(store: Store) -> None:
    runs = [seen(store, when, make_view(key=str(when) * 16)) for when in (1, 2, 3)]
    assert History(store).runs == runs[::-1]
    path = store.run_dir("tiny", runs[0].run_id) / "run.json"
    os.utime(path, ns=(9, 9))
    assert History(store).runs == [runs[0], runs[2], runs[1]], "reopened"


def test_the_trials_of_a_name_newest_first(store: Store) -> None:
    for when, key in ((1, "a"), (2, "b"), (3, "a")):
        seen(store, when, make_view(key=key * 16), make_view("gmm", key="c" * 16))
    found = History(store).of_name(NAME)
    assert keys(found) == ["a" * 16, "b" * 16, "a" * 16]
    assert [sighting.run for sighting in found] == [f"tiny/20260101-00000{when}-12345678" for when in (3, 2, 1)]
    assert History(store).of_name("nce/moons/1/cpu") == []


def test_the_names_of_a_key(store: Store) -> None:
    """A label is no part of it."""
    seen(store, 1, make_view(key="a" * 16), make_view("mine", key="a" * 16), make_view("gmm"))
    assert [s.view.row for s in History(store).of_key("a" * 16)] == ["nce", "mine"]
    assert History(store).names() == [NAME, "mine/moons/0/cpu", "gmm/moons/0/cpu"]


def test_what_had_the_name_before(store: Store) -> None:
    """The last other key in the same suite, however often either was seen."""
    for when, key in enumerate("abbcc", start=1):
        seen(store, when, make_view(key=key * 16))
    seen(store, 6, make_view(key="x" * 16), suite="other")
    history = History(store)
    newest, *_, oldest = [s for s in history.of_name(NAME) if s.suite == "tiny"]
    before = history.before(newest)
    assert before is not None
    assert before.view.key == "b" * 16
    first = history.before(before)
    assert first is not None
    assert first.view.key == "a" * 16
    assert history.before(oldest) is None
    (elsewhere,) = (s for s in history.of_name(NAME) if s.suite == "other")
    assert history.before(elsewhere) is None


def test_a_key_that_came_back_is_held_against_what_was_between(store: Store) -> None:
    for when, key in enumerate("aba", start=1):
        seen(store, when, make_view(key=key * 16))
    history = History(store)
    before = history.before(history.of_name(NAME)[0])
    assert before is not None
    assert before.view.key == "b" * 16


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_damaged_record_is_left_out(store: Store, content: bytes) -> None:
    whole = seen(store, 1, make_view())
    broken = seen(store, 2, make_view("lost"))
    (store.run_dir("tiny", broken.run_id) / "run.json").write_bytes(content)
    assert History(store).runs == [whole]


def test_an_empty_store_has_no_history(store: Store) -> None:
    assert History(store).runs == []
    assert History(store).names() == []


def test_who_offered_a_component_is_what_the_newest_run_of_it_knows(tmp_path: Path) -> None:
    """Of a dataset by its own name, and not by what a suite calls it."""
    lab = Lab(tmp_path)
    lab.trial("label", method="mine", dataset="renamed")
    spec = make_spec(method="mine", dataset="data")
    lab.trials[0].folder.begin(spec)
    save_run(lab.result())
    save_run(Lab(tmp_path).result(run_id="20270101-000000-00000000"))
    history = History(lab.store)
    assert history.offered("methods", "mine") == spec.method
    assert history.offered("datasets", "data") == spec.dataset
    metric = lab.result().record.metrics[0]
    assert history.offered("metrics", metric.name) == metric
    for component_type, name in (("methods", "label"), ("datasets", "renamed"), ("datasets", "mine"), ("metrics", "x")):
        assert history.offered(component_type, name) is None
    lab.trials[0].folder.file("trial.json").write_text("{}")
    assert History(lab.store).offered("methods", "mine") is None, "damaged"
