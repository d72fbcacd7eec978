"""``ebmbench completion``: the scripts, and where they are written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ebmbench.cli import group
from ebmbench.cli.completion_verb import SHELLS, place_of, script
from ebmbench.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script_where_it_looks(shell: str, home: Path) -> None:
    done = CliRunner().invoke(group, ["completion", "install", shell], standalone_mode=False)
    assert done.exception is None
    assert place_of(shell).is_relative_to(home)
    assert place_of(shell).read_text() == script(shell) + "\n"
    assert "_EBMBENCH_COMPLETE" in script(shell)


def test_the_shell_is_that_of_the_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    CliRunner().invoke(group, ["completion", "install"], standalone_mode=False)
    assert (home / ".config/fish/completions/ebmbench.fish").is_file()
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    done = CliRunner().invoke(group, ["completion", "install"], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "expected one of bash, zsh, fish" in str(done.exception)


@pytest.mark.process
def test_bash_takes_its_script() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    done = subprocess.run([bash, "-c", script("bash") + "\ncomplete -p ebmbench"], capture_output=True, text=True)
    assert "_ebmbench_completion" in done.stdout
