"""A new distribution, as a stranger meets it: installed, seen, checked, run, gated, uninstalled, gone."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import ebmbench
from ebmbench.scaffold.plugins import Wanted, write

EBMBENCH = ("-c", "from ebmbench.cli import main; main()")


HERE = "import os, sys; os.chdir('ebmbench-mine'); sys.path.insert(0, os.getcwd())"
"""As an editable installation would have it."""


class Stranger:
    """An environment of one's own that sees the packages of this one, and nothing of this checkout's plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=False)
        self.python = folder / "env" / "bin" / "python"
        (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
        seen = [sysconfig.get_path("purelib"), str(Path(ebmbench.__file__).parents[1])]
        (packages / "seen.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in seen))

    def pip(self, *arguments: str) -> None:
        """With the pip of this environment."""
        self.call(sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", *arguments)

    def ebmbench(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """The command in it."""
        return self.call(str(self.python), *EBMBENCH, *arguments, codes=codes)

    def call(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        """Standard output."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode in codes, done.stdout + done.stderr
        return done.stdout

    def gated(self) -> str:
        """What the gate says of a package in its own repository, which has not changed since the last commit."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        for told in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "begun")):
            self.call("git", "-C", "ebmbench-mine", *told)
        python = (str(self.python), "-c", f"{HERE}; from ebmbench.cli import main; main()")
        return self.call(
            *python, "gate", "--base", "HEAD", "--suite", "mine.yaml", "-k", "mine", "--results", "../gated"
        )

    def methods(self) -> set[str]:
        """What is in the catalog."""
        return {str(one["name"]) for one in json.loads(self.ebmbench("list", "methods", "--json"))}


@pytest.mark.process
def test_a_distribution_comes_and_goes(tmp_path: Path) -> None:
    write(Wanted("method", "mine", package=True).files, tmp_path)
    stranger = Stranger(tmp_path)
    assert "mine" not in stranger.methods()
    stranger.pip("install", "--quiet", "--no-deps", "--no-build-isolation", "./ebmbench-mine")
    assert "mine" in stranger.methods()
    assert "method mine: 20 checks passed, nothing wrong" in stranger.ebmbench("check", "mine")
    small = (
        "--set",
        "budget.passes=2000",
        "--seeds",
        "1",
        "--set",
        "datasets=[moons]",
        "--set",
        "methods=[oracle, mine]",
    )
    stranger.ebmbench("run", "ebmbench-mine/mine.yaml", *small, "--json")
    assert "untouched, not run" in stranger.gated()
    stranger.pip("uninstall", "--quiet", "--yes", "ebmbench-mine")
    assert "mine" not in stranger.methods()
    assert "unknown method 'mine'" in stranger_error(stranger)


def stranger_error(stranger: Stranger) -> str:
    """What a suite says that names a method which is gone."""
    command = [str(stranger.python), *EBMBENCH, "plan", "ebmbench-mine/mine.yaml"]
    done = subprocess.run(command, cwd=stranger.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stderr
