"""What a suite's records take: durations and sizes in words, names of devices, seeds by number."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ebmbench.suite.schema import MAX_SEEDS, Budget, DeviceProfile, Suite, SuiteEntry, parse_duration, safe_stem

# --- durations and sizes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("2min", 120),
        ("1.5h", 5400),
        ("1d", 86400),
        ("250ms", 0.25),
        (" 3 s ", 3),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "-5m", "", "5 parsecs", "m", "5mm", True, None, [5], "1e3", float("inf")]
)
def test_durations_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a positive duration"):
        parse_duration(value)


SUITE: dict[str, Any] = {"name": "a", "datasets": ["moons"], "methods": ["nce"], "budget": {"steps": 1}}


def made(**changes: Any) -> Suite:
    """The shortest suite, with something else in it."""
    return Suite.model_validate({**SUITE, **changes})


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (12, 12),
        ("12", 12),
        ("12B", 12),
        ("4GB", 4_000_000_000),
        ("4G", 4_000_000_000),
        ("500MB", 500_000_000),
        ("2GiB", 2 << 30),
        ("1.5 kb", 1500),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes(value: object, size: int) -> None:
    assert made(memory=value).memory == size


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0GB",
        "-4GB",
        "",
        "4GBs",
        "GB",
        True,
        None,
        [4],
        "1e9",
        "4iB",
        0.1,
        2**62,
        "9" * 400,
    ],
)
def test_sizes_that_are_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="memory"):
        made(memory=value)


# --- seeds, devices, budgets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "seeds"), [(1, (0,)), (3, (0, 1, 2)), ([7, 3], (7, 3)), ([0], (0,))])
def test_seeds_are_how_many_or_which(value: object, seeds: tuple[int, ...]) -> None:
    assert made(seeds=value).seeds == seeds
    assert made(seeds=MAX_SEEDS).seeds[-1] == MAX_SEEDS - 1


@pytest.mark.parametrize("value", [0, -1, True, [], [-1], "3x", 1.5, None, MAX_SEEDS + 1, [0.5]])
def test_seeds_that_are_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="seeds"):
        made(seeds=value)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("cpu", ["cpu"]),
        (["cpu", "cuda:1"], ["cpu", "cuda:1"]),
        ({"device": "mps"}, ["mps"]),
        ([{"device": "cpu", "threads": 4, "compile": True, "dtype": "float64"}], ["cpu-compile-float64-4t"]),
        ([{"device": "cpu", "threads": 1, "compile": False, "dtype": "float32"}], ["cpu"]),
    ],
)
def test_a_device_is_named_by_what_is_not_its_default(value: object, names: list[str]) -> None:
    assert [profile.name for profile in made(devices=value).devices] == names


def test_no_two_profiles_have_one_name() -> None:
    """They are told apart by it in the names of trials."""
    profiles = [
        DeviceProfile(device=device, compile=compiled, dtype=dtype, threads=threads)
        for device in ("cpu", "cuda", "cuda:1")
        for compiled in (False, True)
        for dtype in ("float32", "float64")
        for threads in (1, 2, 12)
    ]
    assert len({profile.name for profile in profiles}) == len(profiles)


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "cuda:1234", "CPU", "cpu ", ""])
def test_devices_that_are_refused(device: str) -> None:
    with pytest.raises(ValidationError, match="device"):
        DeviceProfile(device=device)


def test_a_budget_is_one_of_two() -> None:
    assert (Budget(passes=3).passes, Budget(steps=3).steps) == (3, 3)
    nothing: dict[str, Any] = {}
    for fields in (nothing, {"passes": 1, "steps": 1}):
        with pytest.raises(ValidationError, match="a budget names either passes or steps"):
            Budget.model_validate(fields)
    for fields in ({"passes": 0}, {"steps": -1}, {"passes": 1.5}, {"seconds": 3}):
        with pytest.raises(ValidationError):
            Budget.model_validate(fields)


# --- entries ----------------------------------------------------------------------------------------------------------


def test_what_an_entry_says_beside_its_own_keys_are_fields() -> None:
    entry = SuiteEntry.model_validate({"name": "gmm", "label": "mix", "tolerance": 0.5, "grid": {"components": [2, 3]}})
    assert (entry.name, entry.label, entry.row, entry.file) == ("gmm", "mix", "mix", None)
    assert entry.params == {"tolerance": 0.5}
    assert entry.grid == {"components": [2, 3]}
    assert SuiteEntry.model_validate("gmm") == SuiteEntry.model_validate({"name": "gmm"})


def test_a_file_beside_a_name_is_a_field() -> None:
    """Only what has no name of its own is called after its file."""
    assert SuiteEntry.model_validate({"name": "a", "file": "b.npy"}).params == {"file": "b.npy"}
    own = SuiteEntry.model_validate({"file": "some/b.npy", "array": "y"})
    assert (own.name, own.file, own.params) == ("b", "some/b.npy", {"array": "y"})


@pytest.mark.parametrize("value", [3, None, ["a"], {"label": "x"}, {"name": "a", "grid": {"b": []}}, {"name": 3}])
def test_entries_that_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        SuiteEntry.model_validate(value)


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
    assert SuiteEntry.model_validate({"file": file}).row == name


# --- sweeps ----------------------------------------------------------------------------------------------------------


def test_without_a_sweep_a_suite_stands_for_itself() -> None:
    suite = made()
    assert list(suite.points) == [("", suite)]


def test_a_sweep_stands_for_a_suite_a_point() -> None:
    suite = made(budget={"steps": 5}, sweep={"budget.steps": [5, 7], "data.train": ["stream", 100], "net.width": [32]})
    found = {name: (point.budget.steps, point.data.train, point.net.width) for name, point in suite.points}
    assert found == {
        f"steps={steps},train={train},width=32": (steps, train, 32) for steps in (5, 7) for train in ("stream", 100)
    }
    assert {point.data.test for _, point in suite.points} == {suite.data.test}
    assert all(point.sweep == {} for _, point in suite.points)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"data.trian": [1]}, "no setting 'data.trian'.*'data.train'"),
        ({"train": [100]}, "no setting 'train'"),
        ({"seeds": [1]}, "no setting 'seeds'"),
        ({"data.train": []}, "the values of data.train are none"),
        ({"data.train": [100, -1]}, "data.train: -1: .*greater than or equal to 2"),
        ({"budget.passes": [100]}, "budget.passes: 100: .*either passes or steps"),
    ],
)
def test_sweeps_that_are_refused(sweep: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        made(budget={"steps": 5}, sweep=sweep)
