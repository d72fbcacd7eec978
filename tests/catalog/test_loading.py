"""The tolerant catalog: a plugin that breaks is one line, and everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.catalog import Catalog
from ebmbench.catalog.loading import DISABLE, load_catalog
from ebmbench.contracts.records import EnergyKind, Strategy
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import TRACKS

HEAD = """
from ebmbench.api import EnergyKind, Method, MethodSpec, Strategy, hookimpl

class Mine(Method):
    level: int = 3
"""
GOOD = (
    HEAD
    + """
@hookimpl
def ebmbench_methods():
    yield MethodSpec("NAME", Mine, Strategy.C2, EnergyKind.DENSITY, "made up", params={"level": 4})
"""
)


def write(single_files: Path, stem: str, text: str) -> Path:
    path = single_files / f"{stem}.py"
    path.write_text(text)
    return path


def good(single_files: Path, stem: str = "good", name: str = "mine") -> Path:
    return write(single_files, stem, GOOD.replace("NAME", name))


def errors(catalog: Catalog) -> dict[str, str]:
    """The error of each broken owner, which is a file's name here."""
    return {Path(broken.owner).stem: broken.error for broken in catalog.broken}


def check_rest(catalog: Catalog) -> None:
    """The built-in components, and the good file beside the broken one."""
    assert {"oracle", "nce", "gmm", "dsm", "mine"} <= set(catalog.methods)
    assert {"8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral"} <= set(catalog.datasets)
    assert {"skill", "kl", "mmd2"} <= set(catalog.metrics)
    assert {"plane", "binary", "user_data"} <= set(catalog.tracks)
    assert {"md", "csv"} <= set(catalog.reporters)


# --- what works -------------------------------------------------------------------------------------------------------


def test_the_built_in_components_load_and_their_targets_exist() -> None:
    catalog = load_catalog()
    assert not catalog.broken
    assert "ebmbench:c1_maximum_likelihood" in catalog.plugins
    for entries in (catalog.methods, catalog.datasets, catalog.metrics, catalog.reporters):
        for name, entry in entries.items():
            assert entry.spec.name == name
            assert entry.owner.startswith("ebmbench:")
            assert callable(entry.load())
    assert [entry.spec for entry in catalog.tracks.values()] == list(TRACKS)
    assert {entry.spec.strategy for entry in catalog.methods.values()} == set(Strategy)


def test_a_single_file_plugin_loads(single_files: Path) -> None:
    path = good(single_files)
    catalog = load_catalog([path])
    check_rest(catalog)
    assert not catalog.broken
    entry = catalog.find("methods", "mine")
    assert (entry.owner, entry.file) == (str(path), path)
    assert (entry.spec.strategy, entry.spec.kind) == (Strategy.C2, EnergyKind.DENSITY)
    assert entry.load()(**entry.spec.params).level == 4


def test_disabled_entry_points_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, "c2_chosen_points, metrics")
    catalog = load_catalog()
    assert "nce" not in catalog.methods
    assert not catalog.metrics
    assert "gmm" in catalog.methods
    assert not catalog.broken


# --- what breaks ------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise RuntimeError('no luck\\nmore')\n", "RuntimeError: no luck"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def broken(:\n", "SyntaxError: "),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("from ebmbench.api import Nothing\n", "ImportError: "),
        (
            HEAD + "\n@hookimpl\ndef ebmbench_method():\n    yield\n",
            "TypeError: there is no hook 'ebmbench_method'; did you mean 'ebmbench_methods'?",
        ),
        (
            HEAD + "\ndef ebmbench_trial_ended():\n    pass\n",
            "TypeError: there is no hook 'ebmbench_trial_ended'; did you mean 'ebmbench_trial_finished'?",
        ),
        (HEAD + "\n@hookimpl\ndef ebmbench_methods(catalog):\n    yield\n", "ebmbench_methods"),
        (
            HEAD + "\n@hookimpl\ndef ebmbench_methods():\n    raise KeyError('x')\n    yield\n",
            "ebmbench_methods: KeyError",
        ),
        (HEAD + "\n@hookimpl\ndef ebmbench_methods():\n    return None\n", "ebmbench_methods: TypeError"),
        (HEAD + "\n@hookimpl\ndef ebmbench_methods():\n    yield Mine\n", "expected a MethodSpec, got "),
        (HEAD + "\n@hookimpl\ndef ebmbench_datasets():\n    yield 'moons'\n", "expected a DatasetSpec, got str"),
        (
            HEAD + "\n@hookimpl\ndef ebmbench_metrics():\n"
            "    yield MethodSpec('m', Mine, Strategy.C1, EnergyKind.DENSITY, '')\n",
            "ebmbench_metrics: expected a MetricSpec, got MethodSpec",
        ),
    ],
    ids=[
        "raises",
        "missing import",
        "syntax",
        "exits",
        "missing name",
        "misspelt hook",
        "misspelt and not marked",
        "wrong arguments",
        "hook raises",
        "hook gives nothing",
        "yields a class",
        "yields a text",
        "yields from the wrong hook",
    ],
)
def test_a_broken_plugin_is_one_line_and_the_rest_works(single_files: Path, text: str, says: str) -> None:
    """Whether it stands before the good one or after it."""
    bad = write(single_files, "bad", text)
    for files in ([bad, good(single_files)], [good(single_files), bad]):
        catalog = load_catalog(files)
        assert list(errors(catalog)) == ["bad"]
        assert says in errors(catalog)["bad"]
        assert "\n" not in errors(catalog)["bad"]
        check_rest(catalog)


def test_a_hook_with_wrong_arguments_says_which(single_files: Path) -> None:
    text = HEAD + "\n@hookimpl\ndef ebmbench_methods(strategy):\n    yield\n"
    assert "strategy" in errors(load_catalog([write(single_files, "bad", text)]))["bad"]


def test_a_hook_that_exits_is_one_line(single_files: Path) -> None:
    text = HEAD + "\n@hookimpl\ndef ebmbench_methods():\n    raise SystemExit(3)\n    yield\n"
    catalog = load_catalog([write(single_files, "bad", text), good(single_files)])
    assert "SystemExit" in errors(catalog)["bad"]


def test_a_good_record_beside_a_bad_one_is_kept(single_files: Path) -> None:
    text = GOOD.replace("NAME", "kept") + "    yield 3\n"
    catalog = load_catalog([write(single_files, "half", text)])
    assert "kept" in catalog.methods
    assert errors(catalog) == {"half": "ebmbench_methods: expected a MethodSpec, got int"}


def test_a_missing_file_is_one_line(single_files: Path) -> None:
    catalog = load_catalog([single_files / "nowhere.py", good(single_files)])
    assert "cannot be read: No such file or directory" in errors(catalog)["nowhere"]
    check_rest(catalog)


def test_a_file_that_broke_can_be_repaired_in_the_same_process(single_files: Path) -> None:
    path = write(single_files, "good", "raise RuntimeError\n")
    assert load_catalog([path]).broken
    assert not load_catalog([good(single_files)]).broken


def test_an_error_cannot_drive_the_terminal(single_files: Path) -> None:
    catalog = load_catalog([write(single_files, "bad", "raise RuntimeError('\\x1b[31mred')\n")])
    assert "\x1b" not in errors(catalog)["bad"]


def test_a_target_that_cannot_be_imported_names_its_owner(single_files: Path) -> None:
    text = GOOD.replace("Mine, Strategy", "'nothing_of_that_name:Mine', Strategy").replace("NAME", "mine")
    catalog = load_catalog([write(single_files, "bad", text)])
    assert not catalog.broken  # nothing is imported before it is chosen
    with pytest.raises(UsageError, match=r"nothing_of_that_name:Mine of .*bad\.py cannot be imported: ModuleNotFound"):
        catalog.find("methods", "mine").load()


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_duplicate_name_is_refused_and_both_owners_are_named(single_files: Path) -> None:
    """It is not decided by who came first: the name cannot be used until one of them is renamed."""
    first, second = good(single_files, "first"), good(single_files, "second")
    catalog = load_catalog([first, second])
    (broken,) = catalog.broken
    assert broken.owner == str(second)
    assert broken.error == f"method 'mine' is already offered by {first}: the second is refused"
    with pytest.raises(UsageError) as caught:
        catalog.find("methods", "mine")
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_the_name_of_a_built_in_method_cannot_be_taken(single_files: Path) -> None:
    path = good(single_files, "thief", "nce")
    catalog = load_catalog([path])
    assert "already offered by ebmbench:c2_chosen_points" in errors(catalog)["thief"]
    with pytest.raises(UsageError, match=r"method 'nce' is claimed by ebmbench:c2_chosen_points and .*thief"):
        catalog.find("methods", "nce")
    assert catalog.find("methods", "pcd").owner == "ebmbench:c2_chosen_points"


def test_three_claims_name_three_owners(single_files: Path) -> None:
    files = [good(single_files, stem) for stem in ("one", "two", "three")]
    with pytest.raises(UsageError) as caught:
        load_catalog(files).find("methods", "mine")
    assert all(str(file) in str(caught.value) for file in files)


def test_a_name_of_another_type_is_free(single_files: Path) -> None:
    catalog = load_catalog([good(single_files, name="moons")])
    assert not catalog.broken
    assert catalog.find("datasets", "moons").owner == "ebmbench:datasets"
    assert catalog.find("methods", "moons").owner.endswith("good.py")
