"""A whole trial of a method, from its record to its row, in a results folder that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from ebmbench import session
from ebmbench.conformance.findings import Finding
from ebmbench.contracts.records import DomainKind, MethodSpec, Status

SECONDS = 30
"""That a trial may take."""
DATASETS: dict[DomainKind, Any] = {"continuous": "moons", "binary": {"name": "boltzmann", "units": 6}}
SUITE: dict[str, Any] = {
    "name": "check",
    "data": {"set": 1000, "validation": 500, "test": 1000},
    "net": {"features": 16, "scales": [1, 2], "width": 16, "depth": 2},
    "budget": {"steps": 40},
    "seeds": 1,
    "timeout": f"{SECONDS}s",
}


def tried(spec: MethodSpec, kind: DomainKind, file: Path | None) -> Iterator[Finding]:
    """What a trial of so few steps comes to.

    Args:
        spec: the record; it must be offered by an installed plugin, or by the file.
        kind: of data.
        file: a single-file plugin.
    """
    suite = {**SUITE, "datasets": [DATASETS[kind]], "methods": [spec.name]}
    with tempfile.TemporaryDirectory() as folder:
        plugins = () if file is None else (str(file.resolve()),)
        options = session.Options(results=Path(folder) / "results", plugins=plugins, workers=1)
        (trial,) = session.run(suite, options, Console(quiet=True)).trials
        if trial.status is Status.SKIPPED:
            yield Finding("trial", "a trial that can be", f"it is skipped: {trial.error}")
        elif trial.status is not Status.OK:
            yield Finding("trial", f"a trial that ends well within {SECONDS} s", f"{trial.status}: {trial.error}")
        elif not any(name.startswith(("kl", "skill", "auroc")) for name in trial.values):
            yield Finding("trial", "numbers of its surface", "none")
