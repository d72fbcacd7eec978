"""Own data in a plan: errors at their line, the file's name made safe, and keys that know content alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.datasets.files import Rows
from ebmbench.harness.plan import Plan, Planner
from ebmbench.store.folders import Store
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.errors import SuiteError, UsageError
from ebmbench.suite.loading import read_suite
from ebmbench.suite.schema import Entry, safe_stem

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
    assert not planned.view.density_known
    (kept,) = (tmp_path / "results" / "data").iterdir()
    assert kept.stem == planned.spec.dataset.params["content"][:16]
    np.testing.assert_array_equal(np.load(kept), some_rows())
    assert planned.spec.dataset.name == "mine"
    assert planned.spec.dataset.target == "ebmbench.datasets.table:Table"


def test_the_key_depends_on_the_content_and_not_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "mine.npy", some_rows())
    np.savez(tmp_path / "other" / "copy.npz", y=some_rows())
    np.save(tmp_path / "edited.npy", some_rows(1))
    lines = ("{file: mine.npy}", "{file: other/copy.npz, label: b}", "{file: edited.npy}")
    mine, copy, edited = (plan(tmp_path, f"datasets: [{line}]").trials[0].view.key for line in lines)
    assert mine == copy
    assert mine != edited


def test_the_true_energy_is_skipped_with_the_reason(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", some_rows())
    head = HEAD.replace("[gmm]", "[oracle, gmm, mle_grid]")
    oracle, gmm, grid = plan(tmp_path, "datasets: [{file: mine.npy}]", head).trials
    assert oracle.view.skipped == "the true density of these data is not known"
    assert not gmm.view.skipped
    assert not grid.view.skipped


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


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mine.npy", "mine"),
        ("/a/b/c.d.csv", "c.d"),
        ("..\\..\\x y.csv", "x_y"),
        ("../../.hidden", "hidden"),
        ("\x1b[31mred.csv", "31mred"),
        ("été.csv", "t_"),
        ("x" * 200 + ".csv", "x" * 80),
        ("...", "data"),
        ("", "data"),
    ],
)
def test_a_name_made_of_a_file_is_no_path_and_no_terminal_code(file: str, name: str) -> None:
    assert safe_stem(file) == name
    assert Entry.model_validate({"file": file}).row == name


# --- a suite in memory -----------------------------------------------------------------------------------------------


def document(**changes: Any) -> dict[str, Any]:
    return {"name": "own", "datasets": ["moons"], "methods": ["nce"], "budget": {"steps": 5}, **changes}


def test_a_mapping_is_a_suite() -> None:
    suite, _ = read_suite(document(), ["budget.steps=7"], 2)
    assert suite.budget.steps == 7
    assert suite.seeds == (0, 1)


def test_an_error_in_it_has_a_place_too() -> None:
    with pytest.raises(SuiteError, match="unknown key 'budgets'; did you mean 'budget'") as caught:
        read_suite(document(budgets=3))
    assert "suite in memory" in str(caught.value)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan")])
def test_what_no_file_could_say_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        read_suite(document(methods=[{"name": "nce", "noise_ratio": value}], seeds=value))


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
