"""Code by its name: single files known by their content, objects by ``module:qualname``, and what is not there."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ebmbench.catalog.targets import is_installed, load_file, load_target, printing_aside
from ebmbench.errors import UsageError
from ebmbench.identity.closure import LOCAL

TEXT = "class Outer:\n    class Inner:\n        level = 3\n"


def written(path: Path, text: str = TEXT) -> Path:
    """The path, with a text in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- single files -----------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_once_and_known_by_its_content(single_files: Path) -> None:
    first = load_file(written(single_files / "mine.py"))
    assert load_file(written(single_files / "elsewhere" / "mine.py")) is first
    changed = load_file(written(single_files / "mine.py", TEXT + "# a remark\n"))
    assert changed is not first
    assert sys.modules[first.__name__] is first
    assert first.__name__.startswith(f"{LOCAL}mine_")


def test_what_runs_is_the_text_that_it_is_known_by(single_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own import takes the bytecode of the first text, whose size and time of change are the same."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = single_files / "mine.py"
    for level in (3, 4):
        written(path, f"level = {level}\n")
        os.utime(path, (1e9, 1e9))
        mine = load_file(path)
        assert mine.level == level
        spec = importlib.util.spec_from_file_location("mine", path)
        assert spec is not None
        assert spec.loader is not None
        twin = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(twin)
        assert twin.level == 3, "the wrong twin"


def test_two_files_of_one_content_and_another_name_are_two(single_files: Path) -> None:
    """The stem stands in the name that errors show."""
    first, second = (load_file(written(single_files / f"{stem}.py")) for stem in ("one", "two"))
    assert first is not second
    assert second.__name__.startswith(f"{LOCAL}two_")


@pytest.mark.parametrize("stem", ["with space", "été", "a-b", "1st", "class"])
def test_a_file_may_have_a_name_that_no_module_has(single_files: Path, stem: str) -> None:
    module = load_file(written(single_files / f"{stem}.py"))
    assert module.__name__.isidentifier()
    assert module.Outer.__module__ == module.__name__, "so that it is found again by its target"


def test_a_file_that_breaks_leaves_no_half_module_behind(single_files: Path) -> None:
    path = written(single_files / "bad.py", "LEVEL = 1\nraise RuntimeError('no luck')\n")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no luck"):
            load_file(path)
    assert set(sys.modules) == before


@pytest.mark.parametrize(("name", "says"), [("none.py", "No such file or directory"), (".", "Is a directory")])
def test_what_is_no_file_is_one_sentence(single_files: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=f"plugin .*: cannot be read: {says}"):
        load_file(single_files / name)


def test_what_python_does_not_take_for_a_source_is_one_sentence(single_files: Path) -> None:
    with pytest.raises(UsageError, match="expected a Python file"):
        load_file(written(single_files / "mine.txt"))


# --- targets ----------------------------------------------------------------------------------------------------------


def test_a_target_of_a_file_is_found_by_name(single_files: Path) -> None:
    module = load_file(written(single_files / "mine.py"))
    assert load_target(f"{module.__name__}:Outer", "me") is module.Outer
    assert load_target(f"{module.__name__}:Outer.Inner", "me").level == 3


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no_such_module:X", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("pathlib:Nowhere", "AttributeError: "),
        ("pathlib:Path.nowhere", "AttributeError: "),
        ("pathlib", "AttributeError: "),
        ("", "ValueError: Empty module name"),
        (":Path", "ValueError: Empty module name"),
    ],
)
def test_a_target_that_cannot_be_imported_names_its_owner(target: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_target(target, "somebody")
    assert str(caught.value).startswith(f"{target} of somebody cannot be imported: {says}".strip())


@pytest.mark.parametrize("raised", ["SystemExit(3)", "RuntimeError('a\\nb')", "MemoryError()"])
def test_whatever_a_module_raises_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str) -> None:
    written(tmp_path / "raising_module_of_a_test.py", f"raise {raised}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=raised.partition("(")[0]) as caught:
        load_target("raising_module_of_a_test:X", "somebody")
    assert "\n" not in str(caught.value)


def test_an_interrupt_is_not_taken_for_a_broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "interrupted_module_of_a_test.py", "raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        load_target("interrupted_module_of_a_test:X", "somebody")


def test_what_a_module_prints_is_for_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output may hold a document."""
    written(tmp_path / "loud_module_of_a_test.py", "print('GARBAGE')\nX = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_target("loud_module_of_a_test:X", "somebody") == 1
    with printing_aside():
        print("MORE")
    print("document")
    out, err = capsys.readouterr()
    assert (out, err) == ("document\n", "GARBAGE\nMORE\n")


def test_whether_a_package_is_installed_is_told_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "installed_module_of_a_test.py", "raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert is_installed("installed_module_of_a_test")
    assert is_installed("pluggy._hooks")
    monkeypatch.setitem(sys.modules, "made_by_hand", ModuleType("made_by_hand"))
    assert is_installed("made_by_hand")
    assert not is_installed("no_such_module_of_a_test.part")
    assert not is_installed("")
