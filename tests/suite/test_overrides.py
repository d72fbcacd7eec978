"""``--set``: a value of a suite changed from the command line."""

from __future__ import annotations

import pytest

from tests.suites import VALID, Read, refusal


@pytest.mark.long
def test_set_replaces_a_nested_value(read: Read) -> None:
    assert read(VALID, "budget.passes=77").budget.passes == 77
    assert read(VALID, "name=other", "seeds=[5]").seeds == (5,)


def test_set_creates_what_is_not_there(read: Read) -> None:
    suite = read(VALID, "net.width=32", "data.train=100")
    assert (suite.net.width, suite.data.train) == (32, 100)


def test_set_reaches_into_lists_by_name_label_and_index(read: Read) -> None:
    suite = read(VALID, "methods.nce.lr=2e-3", "methods.few.init=5", "methods.0.extra=1", "datasets.moons.sigma=0.3")
    assert suite.methods[1].params == {"lr": 2e-3}
    assert suite.methods[2].params == {"init": 5}
    assert suite.methods[0].params == {"extra": 1}
    assert suite.datasets[0].params == {"sigma": 0.3}


def test_set_replaces_an_entry(read: Read) -> None:
    suite = read(VALID, "methods.nce=pcd", "devices.0={device: cpu, threads: 2}")
    assert suite.methods[1].name == "pcd"
    assert suite.devices[0].threads == 2


def test_set_reads_its_values_as_yaml(read: Read) -> None:
    params = read(VALID, "methods.nce.a=1e-4", "methods.nce.b=[1, two]", "methods.nce.c=null").methods[1].params
    assert params == {"lr": 1e-3, "a": 1e-4, "b": [1, "two"], "c": None}


def test_later_settings_win(read: Read) -> None:
    assert read(VALID, "seeds=3", "seeds=4").seeds == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("budget", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("", "expected KEY=VALUE"),
        ("seeds=[", "the value is not valid YAML"),
        (
            "name=!!python/object/apply:os.system [echo]",
            "python/object/apply:os) means nothing in a suite",
        ),
        ("name.x=3", "a single value has no 'x' inside"),
        ("name.x.y=3", "a single value has no 'x' inside"),
        ("methods.ncee.lr=1", "no entry 'ncee'; did you mean 'nce'?"),
        ("methods.9.lr=1", "no entry '9'"),
        ("methods.-1.lr=1", "no entry '-1'"),
        ("nett.width=3", "unknown key 'nett'; did you mean 'net'?"),
        ("budget.passes=-3", "budget.passes: input should be greater than 0, got -3"),
        ("net.width=-3", "net.width: input should be greater than or equal to 1, got -3"),
    ],
)
def test_a_setting_that_cannot_be_made_says_why(read: Read, override: str, says: str) -> None:
    assert says in refusal(read, VALID, override)


@pytest.mark.parametrize(
    "override",
    [
        "methods.oracle.label=../x",
        "name=2020-13-45",
        "methods.².lr=1",
        "name=" + "[" * 3000,
    ],
)
def test_a_setting_never_crashes(read: Read, override: str) -> None:
    assert refusal(read, VALID, override)
