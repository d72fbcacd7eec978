"""Does annealing bracket log Z? A hundred runs each on energies whose log Z is exact.

``python -m tests.perf.annealing_study results/reference/ais/brackets.csv``, from the project's root, writes a line
each: how many of the runs hold log Z between their bounds, the gap between these, and the error of the middle value.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.datasets.dimensions import FortyGaussians
from ebmbench.datasets.products import ManyWell
from ebmbench.truth.annealing import CHAINS, Whitened, log_z_bounds
from ebmbench.truth.bounds import Bounds
from ebmbench.truth.rbm import Rbm, rbm_bounds

RUNS = 100
CONSTANT = 3.0
"""What energies lie above -log p."""
TEMPERATURES = 500
"""Of the machines of bits."""
HEAD = ("energy", "back_from", "runs", "held", "median_gap", "rms_error_of_the_middle")

Run = Callable[[int], tuple[Bounds, float]]
"""From a seed to the bounds, and the exact log Z."""


def of(dataset: Dataset, exact: bool) -> Run:
    """-log p + 3, in single precision, with chains that come back from exact draws or from data that settled."""

    def with_gradient(y: Tensor) -> tuple[Tensor, Tensor]:
        wide = y.double()
        return CONSTANT - dataset.log_prob(wide).to(y), -dataset.score(wide).to(y)

    def run(seed: int) -> tuple[Bounds, float]:
        generator = Generator().manual_seed(1000 + seed)
        rows, start = dataset.sample(2000, generator).y, dataset.sample(CHAINS, generator).y
        return log_z_bounds(Whitened(with_gradient, rows, torch.zeros(())), start, exact, seed), -CONSTANT

    return run


def of_bits(seed: int) -> tuple[Bounds, float]:
    """A machine of 16 hidden units and 64 bits, another one each time."""
    generator = Generator().manual_seed(seed)
    shapes = (64, 16), (64,), (16,)
    rbm = Rbm(*(0.3 * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))
    base = torch.zeros(64, dtype=torch.float64)
    return rbm_bounds(rbm, base, rbm.sample(CHAINS, generator), TEMPERATURES, generator), rbm.log_z()


STUDIED: Mapping[tuple[str, str], Run] = {
    ("40 normals, d = 16", "draws"): of(FortyGaussians(dim=16), exact=True),
    ("40 normals, d = 16", "data"): of(FortyGaussians(dim=16), exact=False),
    ("many wells, d = 32", "draws"): of(ManyWell(), exact=True),
    ("many wells, d = 32", "data"): of(ManyWell(), exact=False),
    ("Boltzmann machine, 64 bits, 16 hidden", "draws"): of_bits,
}


def studied(runs: int = RUNS) -> Iterator[tuple[str, str, int, int, str, str]]:
    """A line each."""
    for (energy, start), run in STUDIED.items():
        found = [run(seed) for seed in range(runs)]
        held = sum(bounds.lower <= exact <= bounds.upper for bounds, exact in found)
        gap = float(np.median([bounds.upper - bounds.lower for bounds, _ in found]))
        error = math.sqrt(np.mean([(bounds.middle - exact) ** 2 for bounds, exact in found]))
        yield energy, start, runs, held, f"{gap:.2f}", f"{error:.3f}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for line in studied():
            table.writerow(line)
            file.flush()
