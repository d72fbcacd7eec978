"""Gates as processes of their own, in a repository with a plugin, a suite and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.faults.runs import EBMBENCH, Place
from tests.repositories import commit, git, start

SUITE = """\
name: tiny
datasets: [moons]
data: {set: 300, validation: 300, test: 300}
methods: [nce, mine]
net: {features: 16, scales: [1, 2], width: 16, depth: 2}
budget: {steps: 20}
metrics: [skill, kl]
timeout: 60s
plugins: [mine.py]
"""
PLUGIN = '''\
import os
import time

from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Strategy, Surface, hookimpl


class Net(Surface):
    """The suite's net."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, y, x=None):
        return self.net(y)


class Mine(GradientMethod):
    """Costs as much as it is told to."""

    rounds: int = 1

    def build(self, problem):
        return Net(problem.energy_net())

    def loss(self, surface, batch, rng):
        return sum(surface(batch.y).square().mean() for _ in range(self.rounds))


@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", Mine, strategy=Strategy.C2, kind=EnergyKind.RANKING, summary="a test")
'''
TWICE = PLUGIN.replace("rounds: int = 1", "rounds: int = 2")
"""More work."""
STEP = "        return sum("


def edited(line: str) -> str:
    """The plugin with a line before what a step computes."""
    return PLUGIN.replace(STEP, f"        {line}\n{STEP}")


@dataclass
class GatePlace(Place):
    """A repository; what is run in it is a gate, or whatever verb is given first."""

    @classmethod
    def of(cls, folder: Path, **files: str) -> GatePlace:
        """A repository with one commit: the plugin, the suite."""
        root = start(folder)
        commit(root, "first", {"mine.py": PLUGIN, "tiny.yaml": SUITE, ".gitignore": "results\n", **files})
        return cls(root)

    @property
    def command(self) -> list[str]:
        return [EBMBENCH]

    def write(self, **files: str) -> None:
        """Change files without a commit."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    @property
    def worktrees(self) -> int:
        """How many there are, the checkout included."""
        return len(git(self.folder, "worktree", "list").splitlines())

    @property
    def done(self) -> dict[str, str]:
        """What stands in DONE of each trial that has ended, by its folder."""
        found = (self.folder / "results" / "trials").glob("*/*/DONE")
        return {path.parent.name: path.read_text() for path in found}
