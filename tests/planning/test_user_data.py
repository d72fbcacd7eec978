"""Own data in a plan: errors at their line, rows kept by their content, and keys that know content alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ebmbench.catalog.loading import load_catalog
from ebmbench.datasets.files import Rows, RowsError
from ebmbench.errors import SuiteError, UsageError
from ebmbench.planning.plan import Plan, Planner
from ebmbench.planning.user_data import EntryError, keep_rows, user_suite, user_table
from ebmbench.store.folders import Store
from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import SuiteEntry

HEAD = """\
name: tiny
methods: [gmm]
budget: {steps: 5}
seeds: 1
metrics: [nll]
"""


def some_rows(seed: int = 0) -> Rows:
    return np.random.default_rng(seed).normal(size=(200, 2))


def plan(folder: Path, tail: str, head: str = HEAD) -> Plan:
    file = folder / "suite.yaml"
    file.write_text(head + tail)
    suite, source = read_suite(str(file))
    store = Store(folder / "results")
    store.prepare()
    return Planner(suite, source, load_catalog(), store).plan()


def test_a_file_is_read_beside_its_suite_and_kept_by_content(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    (planned,) = plan(tmp_path, "datasets: [{file: mine.npy}]").trials
    assert planned.view.name == "gmm/mine/0/cpu"
    assert planned.view.track == "user_data"
    (kept,) = (tmp_path / "results" / "data").iterdir()
    assert kept.stem == planned.spec.dataset.params["content"][:16]
    np.testing.assert_array_equal(np.load(kept), some_rows())
    assert planned.spec.dataset.name == "mine"
    assert planned.spec.dataset.target == "ebmbench.datasets.table:Table"


@pytest.mark.long
def test_the_key_depends_on_the_content_and_not_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "mine.npy", some_rows())
    np.savez(tmp_path / "other" / "copy.npz", y=some_rows())
    np.save(tmp_path / "edited.npy", some_rows(1))
    lines = ("{file: mine.npy}", "{file: other/copy.npz, label: b}", "{file: edited.npy}")
    mine, copy, edited = (plan(tmp_path, f"datasets: [{line}]").trials[0].view.key for line in lines)
    assert mine == copy
    assert mine != edited


@pytest.mark.long
def test_the_true_energy_is_skipped_with_the_reason(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    head = HEAD.replace("[gmm]", "[oracle, gmm, mle_grid]")
    oracle, gmm, grid = plan(tmp_path, "datasets: [{file: mine.npy}]", head).trials
    assert oracle.view.skipped == "the true density of these data is not known"
    assert not gmm.view.skipped
    assert not grid.view.skipped


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{file: nothing.npy}", "nothing.npy: No such file"),
        ("{file: mine.txt}", "ends in .npz, .npy, .csv, .parquet"),
        ("{file: mine.npy, array: y}", "only npz files have named arrays"),
        ("{file: mine.npy, columns: [a]}", "only csv and parquet files have named columns"),
        ("{file: two.npz}", "which array? say array: NAME; it holds first, second"),
        ("{file: two.npz, array: third}", "no array 'third'"),
        ("{file: two.npz, array: 3}", "array: expected a name, got 3"),
        ("{file: mine.npy, colums: [a]}", "own data have no field 'colums'; did you mean 'columns'"),
        ("{file: mine.npy, grid: {a: [1]}}", "own data have no grid"),
        ("{file: mine.npy, name: yours}", "call them 'label: yours'"),
        ("{file: [mine.npy]}", "datasets.0.file: input should be a valid string"),
        ("{file: mine.npy, label: ../up}", "a name has letters, digits"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(line: str, said: str, tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    np.savez(tmp_path / "two.npz", first=some_rows(), second=some_rows())
    with pytest.raises(SuiteError) as caught:
        plan(tmp_path, f"datasets:\n  - {line}")
    assert said in caught.value.message
    assert caught.value.line == 7


def test_a_method_is_not_read_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="'name' is missing: only datasets are read from a file"):
        plan(tmp_path, "datasets: [moons]", HEAD.replace("[gmm]", "[{file: mine.npy}]"))


def test_more_training_rows_than_there_are(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    with pytest.raises(SuiteError, match="'mine' has 200 rows, of which 120 are to train on") as caught:
        plan(tmp_path, "datasets: [{file: mine.npy}]\ndata: {train: 121}")
    assert caught.value.line == 7
    assert len(plan(tmp_path, "datasets: [{file: mine.npy}]\ndata: {train: 120}").trials) == 1


def test_a_file_that_the_command_line_names_is_looked_for_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "suites").mkdir()
    file = tmp_path / "suites" / "suite.yaml"
    file.write_text(HEAD + "datasets: [moons]")
    np.save(tmp_path / "mine.npy", some_rows())
    monkeypatch.chdir(tmp_path)
    suite, source = read_suite(str(file), ["datasets=[{file: mine.npy}]"])
    store = Store(tmp_path / "results")
    store.prepare()
    (planned,) = Planner(suite, source, load_catalog(), store).plan().trials
    assert planned.view.dataset == "mine"


# --- on the way into the store ---------------------------------------------------------------------------------------


def test_rows_are_kept_once_and_as_they_are(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, path = keep_rows(store, some_rows())
    again, same = keep_rows(store, some_rows().copy())
    other, elsewhere = keep_rows(store, some_rows(1))
    assert (first, path) == (again, same)
    assert first != other
    assert sorted(store.tables.iterdir()) == sorted([path, elsewhere])
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), some_rows())
    path.write_bytes(b"damaged")
    keep_rows(store, some_rows())
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), some_rows())


@pytest.mark.parametrize(
    ("entry", "key", "said"),
    [
        ({"colums": ["a"]}, "colums", "own data have no field 'colums'; did you mean 'columns'?"),
        ({"array": 3}, "array", "array: expected a name, got 3"),
        ({"columns": "a"}, "columns", "columns: expected a list of names, got 'a'"),
        ({"columns": []}, "columns", "columns: expected a list of names, got []"),
    ],
)
def test_an_error_knows_its_key(tmp_path: Path, entry: dict[str, Any], key: str, said: str) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    with pytest.raises(EntryError) as caught:
        user_table(Store(tmp_path / "results"), tmp_path, SuiteEntry.model_validate({"file": "mine.npy", **entry}))
    assert (caught.value.key, str(caught.value)) == (key, said)


def test_columns_of_a_file_are_chosen_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b,c\n" + "".join(f"{k},{2 * k},{3 * k}\n" for k in range(120)))
    entry = SuiteEntry.model_validate({"file": "mine.csv", "columns": ["c", "a"]})
    table, count = user_table(Store(tmp_path / "results"), tmp_path, entry)
    kept = np.load(tmp_path / "results" / "data" / table.file_name, allow_pickle=False)
    assert count == len(kept) == 120
    np.testing.assert_array_equal(kept, [[3 * k, k] for k in range(120)])


def test_methods_on_rows_in_memory_are_a_suite(tmp_path: Path) -> None:
    """The rows are in the store before it is read."""
    store = Store(tmp_path)
    made = user_suite(store, ["gmm", {"name": "nce", "noise_ratio": 2}], torch.from_numpy(some_rows()))
    assert made["methods"] == ["gmm", {"name": "nce", "noise_ratio": 2}]
    suite, source = read_suite(made)
    planned = Planner(suite, source, load_catalog(), store).plan().trials
    assert [trial.view.name for trial in planned] == [f"{m}/data/{s}/cpu" for s in range(3) for m in ("gmm", "nce")]
    np.testing.assert_array_equal(np.load(made["datasets"][0]["file"], allow_pickle=False), some_rows())


@pytest.mark.parametrize("methods", ["gmm", 3, None])
def test_methods_that_are_no_list_are_refused(tmp_path: Path, methods: Any) -> None:
    with pytest.raises(UsageError, match="methods: expected a list of names"):
        user_suite(Store(tmp_path), methods, some_rows())


def test_rows_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RowsError):
        user_suite(Store(tmp_path), ["gmm"], np.full((200, 2), np.nan))
