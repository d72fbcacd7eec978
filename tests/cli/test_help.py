"""Help: what it says, and that it says it without importing anything heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group, main

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
VERBS = [
    "run",
    "plan",
    "list",
    "info",
    "report",
    "compare",
    "new",
    "check",
    "doctor",
    "completion",
    "schema",
    "gate",
    "history",
    "bisect",
    "ui",
]
HEAVY = {"torch", "mlflow", "pandas", "scipy", "sklearn", "matplotlib", "seaborn", "numpy", "pyarrow"}

COMMANDS = [
    "--help",
    "--version",
    "list",
    "list datasets",
    "list metrics --json",
    "list plugins",
    *(f"{verb} --help" for verb in VERBS),
]
IMPORTED = """
import contextlib, io, json, sys
from ebmbench.cli import main

for command in json.loads(sys.stdin.read()):
    sys.argv = ["ebmbench", *command.split()]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([command, code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def ebmbench(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(group, args, prog_name="ebmbench")


def imported(commands: list[str]) -> dict[str, tuple[int, set[str]]]:
    """The exit code of each command, and the packages that are loaded after it; one process for them all."""
    asked = json.dumps(commands)
    done = subprocess.run([sys.executable, "-c", IMPORTED], input=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {command: (code, set(names)) for command, code, names in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_verb(option: str) -> None:
    done = ebmbench(option)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ebmbench [OPTIONS] COMMAND [ARGS]...")
    assert "energy-based models" in done.stdout
    commands = done.stdout.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in commands if line.strip()] == VERBS


@pytest.mark.process
def test_help_is_what_the_program_says() -> None:
    done = subprocess.run(
        [EBMBENCH, "--help"], capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ebmbench("--help").stdout


def test_without_a_verb_there_is_help_and_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["ebmbench"])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert "Usage: ebmbench" in err
    assert "Traceback" not in err


def test_version() -> None:
    done = ebmbench("--version")
    assert done.exit_code == 0
    assert done.stdout.split()[-1][0].isdigit()


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (
            "run",
            "SUITE -k --set --seeds --workers --executor local inline --results --timeout --retry-failed --fresh"
            " --no-train --json --plugin",
        ),
        ("plan", "SUITE -k --set --seeds --results --plugin --json"),
        ("list", "methods strategies datasets metrics tracks reporters plugins --json --plugin"),
        ("info", "NAME OTHER --plot --results --plugin"),
        ("report", "SUITE --format md csv json png -o -k --results --plugin"),
        ("compare", "A B --results --format terminal md json -o"),
        ("history", "add show plot"),
        ("ui", "--results --port"),
    ],
)
def test_the_help_of_a_verb_names_its_options(verb: str, words: str) -> None:
    done = ebmbench(verb, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: ebmbench {verb} [OPTIONS]")
    text = "".join(done.stdout.split())  # a long list of choices is broken anywhere
    assert [word for word in words.split() if word not in text] == []


@pytest.fixture(scope="module")
def light() -> dict[str, tuple[int, set[str]]]:
    return imported(COMMANDS)


@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_heavy_is_imported(light: dict[str, tuple[int, set[str]]], command: str) -> None:
    """torch takes two seconds, mlflow three, pandas half a one; all of this must be there in 0.3 s."""
    code, names = light[command]
    assert code == 0
    assert "ebmbench" in names
    assert HEAVY & names == set()


@pytest.mark.process
def test_a_run_is_looked_for_without_torch(tmp_path: Path) -> None:
    """Reports make tables of what was measured: two seconds would be a tenth of those of ten thousand trials."""
    command = f"report toy2d --format csv --results {tmp_path}"
    code, names = imported([command])[command]
    assert (code, "ebmbench" in names, "torch" in names) == (2, True, False)


@pytest.mark.process
def test_a_heavy_import_would_be_seen() -> None:
    """The card of a method does load its class."""
    assert "torch" in imported(["info nce"])["info nce"][1]
