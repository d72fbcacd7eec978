"""What is published: the wheel holds all that the packages need, and the published sources make the same wheel."""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hatchling import build

ROOT = Path(__file__).resolve().parents[1]
PLACES = {"ebmbench": "ebmbench", "plugins/ebmbench_plugins": "ebmbench_plugins", "suites": "ebmbench/_suites"}
"""Folders of the sources, each with its place in an installation."""
NEEDED = {
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "constraints.txt",
    "docs/plugins.md",
    "tests/conftest.py",
    "tests/api.txt",
}
"""What a packager looks for in the sources, beside the packages: how it is installed, tested and may be used."""


def wheel_of(source: Path, folder: Path) -> zipfile.ZipFile:
    """The wheel that a folder of sources makes."""
    with contextlib.chdir(source):
        return zipfile.ZipFile(folder / build.build_wheel(str(folder)))


def unpacked(folder: Path) -> Path:
    """The published sources as whoever builds from them has them."""
    with contextlib.chdir(ROOT):
        name = build.build_sdist(str(folder))
    with tarfile.open(folder / name) as packed:
        packed.extractall(folder, filter="data")
    return folder / name.removesuffix(".tar.gz")


def installed() -> set[str]:
    """Where each file of the packages and suites of this checkout belongs."""
    found = set()
    for place, inside in PLACES.items():
        files = (path for path in (ROOT / place).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        found |= {f"{inside}/{path.relative_to(ROOT / place).as_posix()}" for path in files}
    return found


@pytest.mark.long
def test_the_wheel_and_the_sources_hold_all_that_they_must(tmp_path: Path) -> None:
    wheel = wheel_of(ROOT, tmp_path)
    (info,) = {name.partition("/")[0] for name in wheel.namelist()} - {"ebmbench", "ebmbench_plugins"}
    names = {name for name in wheel.namelist() if not name.startswith(info)}
    assert names == installed()
    assert {"ebmbench/py.typed", "ebmbench/api.pyi", "ebmbench/_suites/smoke.yaml"} <= names, "the list is not empty"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    wants = message_from_bytes(wheel.read(f"{info}/METADATA")).get_all("Requires-Dist", [])
    assert "zuko>=1.4; extra == 'flows'" in wants
    assert "zuko" not in " ".join(want for want in wants if "extra ==" not in want)

    sources = unpacked(tmp_path)
    assert {name for name in NEEDED if not (sources / name).is_file()} == set()
    again = wheel_of(sources, sources)
    assert {one.filename: one.CRC for one in again.infolist()} == {one.filename: one.CRC for one in wheel.infolist()}
