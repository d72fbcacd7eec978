"""Without a package that only some methods need: these say what is to be installed, and all else works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.identity.closure import forget

SAID = "zuko is not installed: pip install 'ebmbench[flows]'"
SUITE = """
name: without
datasets: [moons]
methods: [gaussian, {name: realnvp, label: flow}, oracle]
data: {set: 200, validation: 100, test: 100}
budget: {steps: 1}
metrics: [nll]
seeds: 1
"""


class Hiding(PathFinder):
    """Finds everything but zuko."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None, as where it is not installed."""
        return None if fullname.partition(".")[0] == "zuko" else super().find_spec(fullname, path, target)


@pytest.fixture
def without_zuko(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if it had never been installed; what was imported of it comes back."""
    finders = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
    assert Hiding in finders
    monkeypatch.setattr(sys, "meta_path", finders)
    for name in [name for name in sys.modules if name.partition(".")[0] == "zuko"]:
        monkeypatch.delitem(sys.modules, name)
    forget()
    yield
    forget()


def ebmbench(*arguments: str) -> Result:
    """A command that does not raise."""
    done = CliRunner().invoke(group, list(arguments), standalone_mode=False)
    assert done.exception is None, done.output
    return done


def said_of(name: str) -> list[str]:
    """What a card says that a method needs."""
    lines = [line.split(maxsplit=1) for line in ebmbench("info", name).stdout.splitlines()]
    return [line[1] for line in lines if line[:1] == ["needs"]]


@pytest.mark.usefixtures("without_zuko")
def test_what_needs_a_package_that_is_missing_says_so(tmp_path: Path) -> None:
    """In every command that shows, plans or checks methods, so that no run begins such a trial; all else goes on."""
    listed = ebmbench("list", "methods", "--json")
    assert listed.stderr.strip() == f"realnvp, nsf: {SAID}"
    assert {"realnvp", "nsf", "gmm"} <= {one["name"] for one in json.loads(listed.stdout)}
    assert ebmbench("list", "datasets").stderr == ""
    assert said_of("nsf") == [SAID]
    assert said_of("kmeans") == []
    checked = json.loads(ebmbench("check", "realnvp", "--json").stdout)
    assert [finding["seen"] for one in checked for finding in one["findings"]] == [SAID]

    suite = tmp_path / "without.yaml"
    suite.write_text(SUITE)
    done = ebmbench("plan", str(suite), "--results", str(tmp_path / "results"), "--json")
    said = {trial["name"]: (trial["state"], trial["reason"]) for trial in json.loads(done.stdout)["trials"]}
    assert said.pop("realnvp[flow]/moons/0/cpu") == ("skipped", SAID)
    assert set(said.values()) == {("to run", "new")}


def test_with_it_nothing_is_said() -> None:
    """The wrong twin: zuko belongs to what the tests install."""
    assert ebmbench("list", "methods").stderr == ""
    assert said_of("nsf") == ["zuko (ebmbench[flows])"]
