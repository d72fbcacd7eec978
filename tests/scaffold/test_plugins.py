"""New plugins work as they stand: they keep their contracts, are formatted, and overwrite nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from ebmbench.contracts.records import Strategy
from ebmbench.errors import UsageError
from ebmbench.scaffold.plugins import Kind, Wanted, write
from ebmbench.suite.loading import read_suite
from ebmbench.testing import check_plugin

STRATEGIES = [strategy for strategy in Strategy if strategy is not Strategy.REFERENCE]


@pytest.mark.long
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_new_method_of_each_strategy_keeps_the_contract(strategy: Strategy, tmp_path: Path) -> None:
    write(Wanted("method", "my_method", strategy).files, tmp_path)
    (found,) = check_plugin(tmp_path / "my_method.py")
    assert (found.name, found.findings) == ("my_method", ())


@pytest.mark.long
@pytest.mark.parametrize("kind", ["dataset", "metric"])
def test_a_new_dataset_and_a_new_metric_keep_theirs(kind: Kind, tmp_path: Path) -> None:
    write(Wanted(kind, "mine").files, tmp_path)
    (found,) = check_plugin(tmp_path / "mine.py")
    assert found.findings == ()


@pytest.mark.process
def test_all_are_formatted_and_linted(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    for package in (False, True):
        for strategy in STRATEGIES:
            write(Wanted("method", f"mine_{strategy.lower()}", strategy, package).files, tmp_path)
        for kind in get_args(Kind)[1:3]:
            write(Wanted(kind, f"a_{kind}", package=package).files, tmp_path)
    told = ([ruff, "check", "--select", "E,F,I,UP,B", "--ignore", "E501", "."], [ruff, "format", "--check", "."])
    for command in told:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_suite_beside_it_is_one(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(Wanted(kind, "mine").files, tmp_path)
    monkeypatch.chdir(tmp_path)
    suite, _ = read_suite("mine.yaml")
    assert suite.name == "mine"


def test_a_package_has_its_entry_point_and_all_that_it_names() -> None:
    files = Wanted("method", "my_method", package=True).files
    project = tomllib.loads(files[Path("ebmbench-my-method/pyproject.toml")])
    assert project["project"]["entry-points"]["ebmbench"] == {"my_method": "ebmbench_my_method"}
    names = {path.relative_to("ebmbench-my-method").as_posix() for path in files}
    assert {"ebmbench_my_method/__init__.py", "LICENSE", "README.md", ".github/workflows/gate.yml"} <= names


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("mine")
    with pytest.raises(UsageError, match=r"test_mine\.py: is there already"):
        write(Wanted("method", "mine").files, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]


@pytest.mark.parametrize("name", ["", "My", "a-b", "../a", "a b", "2a", "a" * 42])
def test_names_are_identifiers(name: str) -> None:
    with pytest.raises(UsageError, match="expected a name"):
        Wanted("method", name)


def test_a_reference_row_and_a_packed_suite_are_refused() -> None:
    with pytest.raises(UsageError, match="is no strategy"):
        Wanted("method", "mine", Strategy.REFERENCE)
    with pytest.raises(UsageError, match="a suite is a file"):
        Wanted("suite", "mine", package=True)
