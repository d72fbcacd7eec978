"""What equal code has looked like on this machine: how far a time may be off before it means anything.

Each gate of equal code leaves, for each method, the ratio that it found. A later change of time counts only beyond

    Q3 + 3 IQR

of the absolute log ratios of that method (of all methods, until it has enough of its own), as rustc-perf judges a
benchmark by its own history (site/src/comparison.rs), and beyond the suite's tolerance.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ebmbench.store.files import append_line

ENOUGH = 5
"""Gates of equal code that a threshold rests on at least."""


@dataclass(frozen=True)
class Null:
    """What a gate of equal code found: a log ratio of times that should have been 0."""

    machine: str
    method: str
    ratio: float
    pairs: int


@dataclass(frozen=True)
class Calibration:
    """All of one machine."""

    found: tuple[Null, ...]

    @property
    def known(self) -> bool:
        """Whether there is enough to say anything."""
        return len(self.found) >= ENOUGH

    def threshold(self, method: str) -> float:
        """The log ratio that noise alone may reach; 0 where too little is known."""
        own = [null.ratio for null in self.found if null.method == method]
        ratios = own if len(own) >= ENOUGH else [null.ratio for null in self.found]
        if len(ratios) < ENOUGH:
            return 0.0
        first, third = np.quantile(np.abs(ratios), [0.25, 0.75])
        return float(third + 3 * (third - first))

    @classmethod
    def read(cls, file: Path, machine: str) -> Calibration:
        """What the file says of a machine; lines that are none are left out."""
        found = []
        for line in file.read_text().splitlines() if file.is_file() else ():
            try:
                null = Null(**json.loads(line))
            except (ValueError, TypeError):
                continue
            if null.machine == machine:
                found.append(null)
        return cls(tuple(found))


def keep(file: Path, nulls: list[Null]) -> None:
    """Add what a gate of equal code found."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for null in nulls:
        append_line(file, json.dumps(asdict(null)))
