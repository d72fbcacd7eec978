"""Large suites, all their trials done by nobody, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from ebmbench import session
from ebmbench.catalog.loading import load_catalog
from ebmbench.observers.mlflow_memory import Mirrored
from ebmbench.planning.plan import Plan
from ebmbench.store.folders import Store

Fill = Callable[[Plan, Store], None]
DATASETS = ("8gaussians", "moons", "rings", "circles", "pinwheel")


def methods() -> list[str]:
    """Forty that work on the plane."""
    offers = load_catalog().methods.values()
    planar = [o for o in offers if not o.spec.reference and "continuous" in o.load()(**o.spec.params).works_on]
    return [offer.spec.name for offer in planar][:40]


def suite(folder: Path, names: list[str], seeds: int) -> Path:
    path = folder / f"large{seeds}.yaml"
    path.write_text(
        f"name: large\ndatasets: [{', '.join(DATASETS)}]\nmethods: [{', '.join(names)}]\n"
        f"budget: {{passes: 1_000_000}}\nseeds: {seeds}\nmetrics: all\n"
    )
    return path


def planned(file: Path, results: Path) -> session.Planned:
    """The steps of a run up to its plan."""
    asked = session.Asked(str(file), session.Options(results=results), Console(stderr=True, quiet=True))
    return session.plan(session.resolve(session.load(asked)))


def filled(file: Path, results: Path, fill: Fill) -> Plan:
    """All trials of a suite done, and in the mirror."""
    made = planned(file, results)
    fill(made.plan, made.store)
    (results / "mlflow.db").touch()
    made.store.suite_dir("large").mkdir()
    mirrored, plan_id = Mirrored(made.store, "large"), made.plan.run.plan_id
    mirrored.parents[plan_id] = "parent"
    mirrored.trials = {f"{plan_id}/{view.key}": "child" for view in made.plan.run.trials}
    mirrored.drawn = set(mirrored.trials)
    mirrored.save()
    return made.plan


def call(*arguments: str) -> dict[str, float]:
    """The command in a process of its own: seconds of the processor, peak bytes."""
    script = Path(sys.executable).with_name("ebmbench")
    with subprocess.Popen([str(script), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu": used.ru_utime + used.ru_stime, "peak_bytes": unit * used.ru_maxrss}
