"""How ``entropies.csv`` and ``standings.csv`` of ebmbench/cards are made.

``python -m tests.measured``, from the project's root, writes them anew: whenever results/reference has changed.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Generator

from ebmbench.cards.measured import FOLDER
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Box
from ebmbench.datasets.plane import legendre
from ebmbench.datasets.sequences import Scenes
from ebmbench.errors import NotApplicable
from ebmbench.truth.knowledge import truth_of

REFERENCE = Path(__file__).parents[1] / "results" / "reference"
TABLES = ("seven", "binary")
"""The tables in which every method stands at its defaults."""
CELLS = 400
FINE = 1000
"""On a line."""
DRAWS = 1_000_000
"""Of data that no lattice covers: their entropy is then known to about a hundredth."""
ENTROPY_HEAD = ("dataset", "entropy")
STANDING_HEAD = (
    "table", "commit", "method", "trials", "failed", "dataset", "measure", "value", "low", "high", "place", "of"
)  # fmt: skip
PLACED = ("times_the_best_kl", "times_the_best_skill", "kl", "skill")
"""What ranks; small is good but for skill. An energy that only ranks has no ``kl``, and its ``kl_beta`` no place."""

Line = dict[str, str]


def entropies() -> Iterator[tuple[str, ...]]:
    """A line for each built-in dataset whose density is known."""
    for name, entry in load_catalog().datasets.items():
        dataset: Dataset = entry.load()(**entry.spec.params)
        try:
            yield name, f"{entropy_of(dataset):.6f}"
        except NotApplicable:
            if dataset.has_density:
                y = dataset.sample(DRAWS, Generator().manual_seed(0)).y
                log_p = torch.cat([dataset.log_prob(part) for part in torch.split(y, 10_000)])
                yield name, f"{-float(log_p.mean()):.2f}"


def entropy_of(dataset: Dataset) -> float:
    """In nats; of y given x the mean over x, which is uniform on an interval in the built-in datasets.

    By Gauss-Legendre nodes on either half of it: what a law of y does in two ways changes in the middle.

    Raises:
        NotApplicable: if the density is not known.
    """
    if isinstance(dataset, Scenes):  # the futures are apart: the entropy of the choice, and that of the noise
        noise = dataset.domain.dim / 2 * math.log(2 * math.pi * math.e * dataset.sigma**2)
        return float(-(dataset.odds * dataset.odds.log()).sum(-1).mean()) + noise
    if not isinstance(dataset.context, Box):
        return truth_of(dataset, CELLS).entropy
    (low,), (high,) = dataset.context.low, dataset.context.high
    count, cells = (100, FINE) if dataset.domain.dim == 1 else (4, CELLS)
    halves = [legendre(*ends, count) for ends in ((low, (low + high) / 2), ((low + high) / 2, high))]
    x, weight = (torch.cat(parts) for parts in zip(*halves, strict=True))
    each = [truth_of(dataset.at(place[None]), cells).entropy for place in x]
    return float(weight @ weight.new_tensor(each)) / (high - low)


def commit_of(table: str) -> str:
    """The commit that a table's trials were trained at, as the page of the reference says."""
    line = next(line for line in (REFERENCE / "README.md").read_text().splitlines() if line.startswith(f"| `{table}/`"))
    found = re.search(r"commit (\w+)", line)
    assert found, f"results/reference/README.md names no commit for {table}"
    return found[1]


def standings() -> Iterator[tuple[str, ...]]:
    """A line for each number of a built-in method in the tables."""
    methods = load_catalog().methods
    for table in TABLES:
        with (REFERENCE / table / "leaderboard.csv").open(newline="") as file:
            lines = [line for line in csv.DictReader(file) if line["label"] in methods]
        commit = commit_of(table)
        whole = (x for x in lines if (x["dataset"], x["metric"]) == ("all", "skill"))
        trials = {x["label"]: (x["trials"], x["failed"]) for x in whole}
        for line in lines:
            if line["metric"] not in (*PLACED, "kl_beta") or (line["dataset"] == "all") != ("times" in line["metric"]):
                continue
            numbers = [f"{float(line[name]):.6g}" if line[name] else "" for name in ("value", "low", "high")]
            what = (*trials[line["label"]], line["dataset"], line["metric"])
            yield (table, commit, line["label"], *what, *numbers, *place(line, lines))


def place(line: Line, lines: list[Line]) -> tuple[str, str]:
    """Its place among the methods that have the same number, and how many these are; reference rows have none."""
    if line["reference"] == "True" or line["metric"] not in PLACED:
        return "", "0"
    sign = -1 if line["metric"] == "skill" else 1
    rivals = [
        sign * float(x["value"])
        for x in lines
        if (x["dataset"], x["metric"], x["reference"]) == (line["dataset"], line["metric"], "False")
    ]
    return str(1 + sum(value < sign * float(line["value"]) for value in rivals)), str(len(rivals))


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """As CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    (FOLDER / "standings.csv").write_text(table(STANDING_HEAD, standings()))
    (FOLDER / "entropies.csv").write_text(table(ENTROPY_HEAD, entropies()))
