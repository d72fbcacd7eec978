"""Code that is edited between two runs and under a run: what is run again, what is refused, and what is said of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ebmbench.cli import group

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FILES = {
    "lib/edited_helper.py": 'def scale():\n    """A number."""\n    return 2.0\n',
    "lib/edited_level.py": "LEVEL = 2.0\n",
    "lib/edited_plain.py": """
import torch
from ebmbench.api import GradientMethod, Surface


class Bowl(Surface):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(()))

    def forward(self, y):
        return self.a * y.square().sum(-1)


class Plain(GradientMethod):
    batch: int = 20

    def build(self, problem):
        return Bowl()

    def loss(self, surface, batch, rng):
        return surface(batch.y).mean() - surface.a.log()
""",
    "other.py": """
import os
from pathlib import Path

from edited_plain import Plain
from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


class Other(Plain):
    def loss(self, surface, batch, rng):
        for name in filter(None, os.environ.get("EBMBENCH_TEST_EDIT", "").split(os.pathsep)):
            Path(name).write_text(Path(name).read_text().replace("2.0", "3.0"))
        return super().loss(surface, batch, rng)


@hookimpl
def ebmbench_methods():
    yield MethodSpec("other", Other, strategy=Strategy.C2, kind=EnergyKind.DENSITY, summary="edits while it is trained")
""",
    "mine.py": """
from edited_helper import scale
from edited_plain import Plain
from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


class Mine(Plain):
    def loss(self, surface, batch, rng):
        return scale() * super().loss(surface, batch, rng)


@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", Mine, strategy=Strategy.C2, kind=EnergyKind.DENSITY, summary="mine")
""",
    "level.py": """
from edited_level import LEVEL
from ebmbench.api import EnergyKind, MetricSpec, hookimpl


def level(context):
    return LEVEL


@hookimpl
def ebmbench_metrics():
    yield MetricSpec("level", level, "a number", unit="", direction="down", kinds=frozenset(EnergyKind))
""",
    "edits.yaml": """\
name: edits
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [other, mine]
budget: {steps: 5}
seeds: 1
metrics: [skill, level]
plugins: [./other.py, ./mine.py, ./level.py]
""",
}


@dataclass
class Done:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def trials(self) -> dict[str, dict[str, Any]]:
        return {trial["name"].partition("/")[0]: trial for trial in json.loads(self.out)["trials"]}

    @property
    def ran(self) -> list[str]:
        """The methods of which a trial was run, in the order in which they ended."""
        lines = [line for line in self.err.splitlines() if line.startswith("[") and "/8gaussians/" in line]
        return [line.partition("] ")[2].partition("/")[0] for line in lines]


@dataclass
class Desk:
    """A folder with the suite, its plugins, and a library that they import."""

    folder: Path

    def start(self) -> None:
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        assert path.read_text().count(old) == 1, "the edit must hit"
        path.write_text(path.read_text().replace(old, new))

    def run(self, *args: str, edits: tuple[str, ...] = ()) -> Done:
        """A real run, with a server and workers."""
        paths = [str(self.folder / "lib"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ = os.environ | {
            "COLUMNS": "200",
            "PYTHONPATH": os.pathsep.join(paths),
            "EBMBENCH_TEST_EDIT": os.pathsep.join(str(self.folder / name) for name in edits),
        }
        command = [EBMBENCH, "run", "edits.yaml", "--json", "--workers", "1", *args]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environ, timeout=280)
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def call(self, *args: str) -> Done:
        """A verb that runs no trial, in this process, which is quicker."""
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(group, list(args), standalone_mode=False)
        assert done.exception is None
        return Done(done.exit_code, done.stdout, done.stderr)

    def idle(self, *args: str) -> Done:
        """A run that has nothing to do."""
        return self.call("run", "edits.yaml", "--json", *args)

    def info(self, *args: str) -> list[str]:
        plugins = [part for name in ("other.py", "mine.py", "level.py") for part in ("-p", name)]
        done = self.call("info", *args, *plugins)
        return done.out.splitlines()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path / "desk")
    made.start()
    monkeypatch.syspath_prepend(str(made.folder / "lib"))
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if name.startswith(("edited_", "ebmbench_local_")):
            del sys.modules[name]


@pytest.mark.slow
def test_edits_between_runs(desk: Desk, tmp_path: Path) -> None:
    """Words, workers, limits and another place run nothing; a helper that says something else runs its method."""
    first = desk.run()
    assert (first.code, first.ran) == (0, ["other", "mine"]), first.err
    desk.edit("lib/edited_helper.py", '"""A number."""\n    return 2.0', "'''Other words.'''\n    return (2.0)  # two")
    words = desk.idle("--workers", "2", "--timeout", "90s")
    assert (words.code, words.ran) == (0, [])
    shutil.copytree(desk.folder, tmp_path / "moved")
    moved = Desk(tmp_path / "moved").idle()
    assert (moved.code, moved.ran) == (0, [])

    desk.edit("lib/edited_helper.py", "(2.0)", "(3.0)")
    edited = desk.run()
    assert (edited.code, edited.ran) == (0, ["mine"])
    old, new = first.trials["mine"]["key"], edited.trials["mine"]["key"]
    assert edited.trials["other"]["key"] == first.trials["other"]["key"]
    told = desk.info("mine/8gaussians/0/cpu")
    assert told[0] == f"{new}: mine on 8gaussians, seed 0, cpu"
    assert told[-3] == "  same key as today: it is cached"
    assert told[-2].startswith(f"  since {old} of edits/")
    assert told[-1] == "    code      edited_helper changed"
    assert desk.info(old, new) == [f"{old}, now {new}", "  code      edited_helper changed"]
    assert desk.info(old)[-2:] == [
        f"  another key today, {new}: it is trained anew",
        "    code      edited_helper changed",
    ]


def test_an_edit_under_a_run_is_refused_and_gone_on_with(desk: Desk) -> None:
    """The first trial edits what the second, and a metric, were planned with."""
    first = desk.run(edits=("lib/edited_helper.py", "lib/edited_level.py"))
    assert (first.code, first.ran) == (1, ["other", "mine"]), first.err
    assert {name: trial["status"] for name, trial in first.trials.items()} == {"other": "ok", "mine": "failed"}
    said = "CodeChanged: since the trial was planned: code edited_helper changed; run the suite again"
    assert said in first.err
    assert "level" not in first.trials["other"]["metrics"], "it was measured by code that nobody planned"
    trained = trained_at(desk, first.trials["other"]["key"])

    plan = desk.call("plan", "edits.yaml").out.splitlines()
    assert plan[0] == "to run         other/8gaussians/0/cpu  (trained; to measure: level)"
    assert plan[1] == "to run         mine/8gaussians/0/cpu  (new)"
    second = desk.run()
    assert (second.code, second.ran) == (0, ["other", "mine"]), second.err
    assert second.trials["other"]["metrics"]["level"] == 3.0
    assert trained_at(desk, second.trials["other"]["key"]) == trained, "it was measured, and not trained"
    assert second.trials["mine"]["key"] != first.trials["mine"]["key"]

    desk.edit("lib/edited_helper.py", "3.0", "2.0")
    plan = desk.call("plan", "edits.yaml").out.splitlines()
    assert plan[1] == "to run         mine/8gaussians/0/cpu  (its code had changed under the run)"
    third = desk.run()
    assert (third.code, third.ran) == (0, ["mine"]), third.err
    assert third.trials["mine"]["key"] == first.trials["mine"]["key"]


def trained_at(desk: Desk, key: str) -> int:
    return (desk.folder / "results" / "trials" / key[:2] / key / "TRAINED").stat().st_mtime_ns
