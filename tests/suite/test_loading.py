"""Suite files: what is read, and the one sentence that says what is wrong and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.errors import SuiteError, UsageError
from ebmbench.suite.loading import plugin_files, read_suite
from tests.suites import VALID, Read, changed, refusal

# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_valid_suite(read: Read) -> None:
    suite = read(VALID)
    assert suite.name == "trial"
    assert [entry.row for entry in suite.methods] == ["oracle", "nce", "few"]
    assert suite.datasets[1].params == {"sigma": 0.1}
    assert suite.budget.passes == 1000
    assert suite.budget.steps is None
    assert suite.seeds == (0, 1)
    assert [profile.name for profile in suite.devices] == ["cpu", "cpu-float64"]
    assert (suite.timeout, suite.memory) == (300.0, 4_000_000_000)


def test_labels_and_grids(read: Read) -> None:
    entry = read(VALID).methods[2]
    assert (entry.name, entry.label, entry.row) == ("gmm", "few", "few")
    assert entry.grid == {"components": [8, 32]}
    assert entry.params == {}
    assert entry.select == "nll_validation"


def test_defaults(read: Read) -> None:
    suite = read("name: a\ndatasets: [moons]\nmethods: [nce]\nbudget: {steps: 10}\n")
    assert (suite.seeds, suite.metrics, suite.data.train) == ((0, 1, 2), "core", "stream")
    assert [profile.name for profile in suite.devices] == ["cpu"]


def test_seeds_may_be_listed_and_given_from_outside(read: Read, tmp_path: Path) -> None:
    assert read(changed("seeds: 2", "seeds: [7, 3]")).seeds == (7, 3)
    assert read_suite(str(tmp_path / "suite.yaml"), (), 4)[0].seeds == (0, 1, 2, 3)


@pytest.mark.parametrize("name", ["smoke", "toy2d"])
def test_shipped_suites_are_found_by_name(name: str) -> None:
    suite, source = read_suite(name)
    assert suite.name == name
    assert source.path is not None
    assert source.path.name == f"{name}.yaml"


# --- what is wrong, and where -----------------------------------------------------------------------------------------


def test_an_unknown_key_names_the_place_and_the_nearest(read: Read) -> None:
    text = refusal(read, changed("{passes: 1_000}", "{pases: 1_000}"))
    first, line, caret = text.splitlines()
    assert first == "suite.yaml:7:10: unknown key 'pases'; did you mean 'passes'?"
    assert line == "    budget: {pases: 1_000}"
    assert caret == " " * (4 + 9) + "^"


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [("seeds: 2", "seedz: 2", "seeds"), ("seeds: 2", "net: {widht: 3}", "width"), ("timeout", "time_out", "timeout")],
)
def test_unknown_keys_suggest_the_nearest(read: Read, old: str, new: str, nearest: str) -> None:
    assert f"did you mean '{nearest}'?" in refusal(read, changed(old, new))


def test_an_unknown_key_with_a_block_below_shows_its_own_line(read: Read) -> None:
    text = refusal(read, VALID + "nett:\n  width: 3\n")
    assert text.splitlines()[0].startswith("suite.yaml:12:1: unknown key 'nett'")
    assert "nett:" in text.splitlines()[1]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("passes: 1_000", "passes: -5", 7, 18, "budget.passes: input should be greater than 0, got -5"),
        ("passes: 1_000", "passes: many", 7, 18, "budget.passes: input should be a valid integer"),
        ("{passes: 1_000}", "{}", 7, 9, "a budget names either passes or steps"),
        ("passes: 1_000", "passes: 1, steps: 2", 7, 9, "a budget names either passes or steps"),
        ("seeds: 2", "seeds: some", 8, 8, "seeds: expected how many, or a list of them, got 'some'"),
        ("seeds: 2", "seeds: 0", 8, 8, "seeds: "),
        ("seeds: 2", "seeds: [0, -1]", 8, 12, "seeds.1: input should be greater than or equal to 0, got -1"),
        ("seeds: 2", "seeds: true", 8, 8, "seeds: "),
        ("  - oracle", "  - 3", 4, 5, "methods.0: expected a name, or a mapping with a name, got 3"),
        ("{name: nce, lr: 1e-3}", "{lr: 1e-3}", 5, 5, "'methods.1.name' is missing"),
        ("[8, 32]", "[]", 6, 35, "the grid of components is empty"),
        ("[8, 32]", "8", 6, 48, "methods.2.grid.components: input should be a valid list, got 8"),
        ("cpu, {", "tpu, {", 9, 11, "devices.0.device: string should match pattern"),
        ("timeout: 5m", "timeout: 5 parsecs", 10, 10, "timeout: expected a positive duration such as 90s, 5m or 2h"),
        ("memory: 4GB", "memory: -4GB", 11, 9, "memory: expected a size such as 500MB or 4GB"),
        ("memory: 4GB", "net: {features: 63}", 11, 6, "features (63) must be a multiple of the number of scales"),
    ],
)
def test_a_wrong_value_names_its_place(read: Read, old: str, new: str, line: int, column: int, says: str) -> None:
    text = refusal(read, changed(old, new))
    first, shown, caret = text.splitlines()
    assert first.startswith(f"suite.yaml:{line}:{column}: ")
    assert says in first
    assert shown[4:] == changed(old, new).splitlines()[line - 1]
    assert caret == " " * (column + 3) + "^"


def test_a_missing_key_is_named(read: Read) -> None:
    assert "'budget' is missing" in refusal(read, changed("budget: {passes: 1_000}\n", ""))


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a\\b", ".hidden", "", "a" * 81, "a b", '"\\e[31m"', "-x", "ä"])
def test_a_name_with_a_path_in_it_is_refused(read: Read, name: str) -> None:
    text = refusal(read, changed("name: trial", f"name: {name or repr('')}"))
    assert text.startswith("suite.yaml:1:7: name: ")
    assert "\x1b" not in text


def test_a_label_with_a_path_in_it_is_refused(read: Read) -> None:
    text = refusal(read, changed("label: few", "label: ../few"))
    assert "methods.2.label: a name has letters, digits, '_', '-' and '.', at most 80, and no path" in text


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        read_suite(str(tmp_path))


NAMES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "suites").glob("*.yaml"))
SHIPPED = ", ".join(NAMES[:12]) + (", ..." if len(NAMES) > 12 else "")


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("toy2", "no suite is called 'toy2'; did you mean 'toy2d'?"),
        ("suites/toy2dd.yaml", "there is no such file; did you mean 'toy2d'?"),
        ("nothing/like/it.yml", f"there is no such file; known: {SHIPPED}"),
        ("x\0y", "there is no such file"),
        ("", ""),
        ("../toy2d", "there is no such file"),
    ],
)
def test_a_missing_file_suggests(reference: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_suite(reference)
    assert says in str(caught.value)


def test_a_reference_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError):
        read_suite("a" * 300)


# --- a suite in memory ------------------------------------------------------------------------------------------------


def document(**changes: Any) -> dict[str, Any]:
    """A suite as Python would say it."""
    return {"name": "own", "datasets": ["moons"], "methods": ["nce"], "budget": {"steps": 5}, **changes}


def test_a_mapping_is_a_suite() -> None:
    suite, _ = read_suite(document(), ["budget.steps=7"], 2)
    assert suite.budget.steps == 7
    assert suite.seeds == (0, 1)


def test_what_is_set_on_a_mapping_does_not_change_the_users_own() -> None:
    mine = document(methods=[{"name": "nce", "lr": 1e-3}])
    suite, _ = read_suite(mine, ["budget.steps=7", "methods.nce.lr=2", "net.width=32", "methods.0.label=x"])
    assert (suite.methods[0].params, suite.methods[0].label, suite.net.width) == ({"lr": 2}, "x", 32)
    assert mine == document(methods=[{"name": "nce", "lr": 1e-3}])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budgets": 3}, "budgets: unknown key 'budgets'; did you mean 'budget'?"),
        ({"net": {"widht": 3}}, "net.widht: unknown key 'widht'; did you mean 'width'?"),
        ({"budget": {}}, "budget: a budget names either passes or steps"),
        ({"budget": {"steps": -5}}, "budget.steps: input should be greater than 0, got -5"),
        ({"methods": [{"lr": 1}]}, "methods.0: 'methods.0.name' is missing"),
        ({"seeds": -1}, "seeds: expected how many, or a list of them, got -1"),
        ({"methods": [{"name": "nce", "grid": {"lr": []}}]}, "methods.0.grid: the grid of lr is empty"),
    ],
)
def test_an_error_in_it_has_a_place_too(changes: dict[str, Any], said: str) -> None:
    """A dotted path: there are no lines."""
    with pytest.raises(SuiteError) as caught:
        read_suite(document(**changes))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan")])
def test_what_no_file_could_say_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        read_suite(document(methods=[{"name": "nce", "noise_ratio": value}], seeds=value))


@pytest.mark.parametrize("value", [3, None, ["name"], b"name"])
def test_what_is_neither_a_name_nor_a_mapping_is_no_suite(value: Any) -> None:
    with pytest.raises(UsageError, match="a suite is a path, a name, or a mapping; got a "):
        read_suite(value)


# --- plugins ----------------------------------------------------------------------------------------------------------


def test_plugins_of_a_suite_stand_beside_it_and_those_of_the_command_line_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "suites").mkdir()
    for name in ("suites/mine.py", "mine.py", "yours.py"):
        (tmp_path / name).touch()
    path = tmp_path / "suites" / "suite.yaml"
    path.write_text(VALID + "plugins: [./mine.py]\n")
    monkeypatch.chdir(tmp_path)
    assert plugin_files(*read_suite(str(path)), ["yours.py"]) == [path.parent / "mine.py", Path("yours.py")]
    set_here = read_suite(str(path), ["plugins=[mine.py]"])
    assert plugin_files(*set_here) == [Path("mine.py")]
    (tmp_path / "suites" / "mine.py").unlink()
    with pytest.raises(SuiteError, match=r"suite\.yaml:12:11: plugin \./mine\.py: there is no such file"):
        plugin_files(*read_suite(str(path)))
    with pytest.raises(UsageError, match=r"plugin none\.py: there is no such file"):
        plugin_files(*set_here, ["none.py"])


# --- what would be too many -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "seeds", "refused"),
    [
        ({"grid": {"a": list(range(100)), "b": list(range(100))}}, 100, ""),
        ({"grid": {"a": list(range(100)), "b": list(range(101))}}, 1, "the grid has more than 10000 points"),
        ({"grid": {"a": list(range(100)), "b": list(range(100))}}, 101, "the suite stands for more than 1000000"),
    ],
)
def test_a_suite_stands_for_no_more_trials_than_anybody_can_run(
    entry: dict[str, Any], seeds: int, refused: str
) -> None:
    changes: dict[str, Any] = {"methods": [{"name": "nce", **entry}], "seeds": seeds}
    if not refused:
        assert len(read_suite(document(**changes))[0].seeds) == seeds
        return
    with pytest.raises(SuiteError, match=refused):
        read_suite(document(**changes))
