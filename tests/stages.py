"""A folder in which scripts of ``action.yml`` run as GitHub runs them, with stand-ins for the programs they call."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
ACTION: dict[str, Any] = YAML(typ="safe").load(ROOT / "action.yml")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS: dict[str, str] = {step["id"]: step["run"] for step in STEPS if "run" in step}


@dataclass
class Stage:
    """A folder in which scripts of the action run as GitHub runs them.

    Attributes:
        root: the folder; ``bin`` in it stands first on the path, ``checkout`` is where scripts begin.
        env: their variables.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bin", "temp", "checkout"):
            (self.root / name).mkdir()
        self.env = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.root),
            "RUNNER_TEMP": str(self.root / "temp"),
            "GITHUB_OUTPUT": str(self.root / "output"),
            "GITHUB_STEP_SUMMARY": str(self.root / "summary"),
            "GITHUB_SERVER_URL": "https://example.org",
            "GITHUB_REPOSITORY": "somebody/plugin",
            "GITHUB_RUN_ID": "7",
            "GITHUB_SHA": "4c8a8b9",
            "PYTHON": sys.executable,
            "EBMBENCH": str(self.root / "bin" / "ebmbench"),
        }

    def stand_in(self, name: str, script: str) -> None:
        """A program of that name, which first adds what it is called with to ``<name>.calls``."""
        program = self.root / "bin" / name
        calls = f"printf '%s\\0' \"$@\" >> '{self.root / name}.calls'"
        program.write_text(f"#!/bin/bash\n{calls}\n{script}\n")
        program.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """All words that a stand-in was called with."""
        return (self.root / f"{name}.calls").read_text().split("\0")[:-1]

    def run(self, script: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run it as a step with ``shell: bash``."""
        file = self.root / "step.sh"
        file.write_text(script)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)]
        place, told = self.root / "checkout", {**self.env, **env}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=place, env=told)

    @property
    def outputs(self) -> dict[str, str]:
        """What a step has put out."""
        file = self.root / "output"
        lines = file.read_text().splitlines() if file.exists() else []
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def git(self, *command: str, folder: str = "checkout") -> str:
        """Call git in one of the folders."""
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        called = ["git", "-C", str(self.root / folder), *identity, *command]
        return subprocess.run(called, capture_output=True, text=True, check=True, env=self.env).stdout.strip()
