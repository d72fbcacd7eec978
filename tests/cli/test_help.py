"""Help: what it says, and that it says it without importing anything heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
VERBS = ["run", "plan", "list", "info", "report", "ui"]
HEAVY = {"torch", "mlflow", "pandas", "scipy", "sklearn", "matplotlib", "seaborn", "numpy", "pyarrow"}

IMPORTED = """
import sys
from ebmbench.cli import main
sys.argv = ["ebmbench", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code or 0
print("CODE", code, file=sys.stderr)
print("MODULES", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def ebmbench(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([EBMBENCH, *args], capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"})


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_verb(option: str) -> None:
    done = ebmbench(option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ebmbench [OPTIONS] COMMAND [ARGS]...")
    assert "energy-based models" in done.stdout
    commands = done.stdout.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in commands if line.strip()] == VERBS


def test_without_a_verb_there_is_help_and_an_error() -> None:
    done = ebmbench()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: ebmbench" in done.stderr
    assert "Traceback" not in done.stderr


def test_version() -> None:
    done = ebmbench("--version")
    assert done.returncode == 0
    assert done.stdout.split()[-1][0].isdigit()


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (
            "run",
            "SUITE -k --set --seeds --workers --results --timeout --retry-failed --fresh --no-train --json --plugin",
        ),
        ("plan", "SUITE -k --set --seeds --results --plugin --json"),
        ("list", "methods strategies datasets metrics plugins --json --plugin"),
        ("info", "NAME --results --plugin"),
        ("report", "SUITE --format md csv json -o --results"),
        ("ui", "--results --port"),
    ],
)
def test_the_help_of_a_verb_names_its_options(verb: str, words: str) -> None:
    done = ebmbench(verb, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: ebmbench {verb} [OPTIONS]")
    assert [word for word in words.split() if word not in done.stdout] == []


@pytest.mark.parametrize(
    "args",
    [["--help"], ["list"], ["list", "datasets"], ["list", "metrics", "--json"], ["run", "--help"], ["--version"]],
)
def test_nothing_heavy_is_imported(args: list[str]) -> None:
    """torch takes two seconds, mlflow three, pandas half a one; all of this must be there in 0.3 s."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *args], capture_output=True, text=True)
    lines = {line.partition(" ")[0]: line.partition(" ")[2] for line in done.stderr.splitlines()}
    assert lines["CODE"] == "0", done.stderr
    assert "ebmbench" in lines["MODULES"].split()
    assert HEAVY & set(lines["MODULES"].split()) == set()


def test_a_heavy_import_would_be_seen() -> None:
    """The card of a method does load its class."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, "info", "nce"], capture_output=True, text=True)
    assert "torch" in done.stderr.split("MODULES")[1].split()
