"""Reports with surfaces, made up: bowls on a square lattice beside a bowl that is true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.report import Report
from ebmbench.store.records import Point
from tests.factories import Lab

SIDE, HALF = 40, 4.0
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def bowl(curvature: float = 1.0, side: int = SIDE) -> np.ndarray:
    """F = curvature |y|^2 / 2 on the lattice, flat, the second coordinate running fastest."""
    axis = (np.arange(side) + 0.5) / side * 2 * HALF - HALF
    x, y = np.meshgrid(axis, axis, indexing="ij")
    return np.asarray(curvature * (x**2 + y**2) / 2, dtype=np.float64).ravel()


def log_p(side: int = SIDE) -> np.ndarray:
    """The standard normal's log density on the lattice."""
    return np.asarray(-bowl(side=side) - np.log(2 * np.pi), dtype=np.float64)


def hang(lab: Lab, row: str, curvature: float, **facts: Any) -> None:
    """A trial with a surface of three milestones; its KL is that of N(0, I / curvature)."""
    kl = curvature - 1 - np.log(curvature)
    numbers = {"skill": 1 - kl, "kl": kl, "kl_beta": kl, "beta": 1.0, "auroc": 0.9, "mass_outside": 0.02}
    if facts.get("kind") is EnergyKind.RANKING:
        del numbers["kl"]
    trial = lab.trial(row, numbers, **facts)
    arrays = {
        "energy": bowl(curvature).astype(np.float32),
        "lattice": np.array([SIDE, SIDE]),
        "box": np.array([[-HALF, -HALF], [HALF, HALF]]),
        "log_p": log_p(),
        "milestones": np.stack([bowl(curvature * c, 20) for c in (3.0, 2.0, 1.5)]).astype(np.float32),
    }
    np.savez(trial.folder.file("surface.npz"), allow_pickle=False, **arrays)
    variant = "beta" if facts.get("kind") is EnergyKind.RANKING else "raw"
    points = [Point(s, 100 * s, 0.1 * s, "kl", variant, kl * 8 / s) for s in (1, 2, 4)]
    trial.folder.file("curve.jsonl").write_text("".join(point.as_json() + "\n" for point in points))
    trial.folder.seal(Status.OK)


def hung_report(
    root: Path, methods: int = 6, datasets: Sequence[str] = ("moons", "rings"), seeds: int = 3, hostile: str = ""
) -> Report:
    """Methods of all strategies, the first the best; one that only ranks, one that failed, and a reference row."""
    lab, strategies = Lab(root), [s for s in Strategy if s is not Strategy.REFERENCE]
    for dataset in datasets:
        for seed in range(seeds):
            for k in range(methods):
                kind = EnergyKind.RANKING if k == 2 else EnergyKind.DENSITY
                curvature = 1.02 + 0.3 * k + 0.003 * seed
                hang(
                    lab, f"m{k}{hostile}", curvature, dataset=dataset, seed=seed, kind=kind, strategy=strategies[k % 7]
                )
            lab.trial("broken", status=Status.DIVERGED, dataset=dataset, seed=seed, strategy=Strategy.C2)
            hang(lab, "oracle", 1.0001, dataset=dataset, seed=seed, strategy=Strategy.REFERENCE)
    return lab.report(suite=f"toy{hostile}")
