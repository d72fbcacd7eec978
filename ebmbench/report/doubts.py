"""What a board gives reason to doubt: an energy upside down, a kind declared wrongly, data that disagree."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ebmbench.analysis.claims import CLAIMED, impossible, truth_of
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import EnergyKind

CHANCE = 0.5
"""The AUROC of an energy that says nothing."""
MAX_CONSTANT = 0.5
"""Nats by which log Z of an energy that claims to be normalized may be off."""
TRUTH: dict[str, tuple[float, str]] = {
    "log_z_error": (0.05, "its density does not integrate to one"),
    "mass_outside": (0.01, "its domain does not hold its mass"),
    "nll_excess": (0.1, "its samples are not of its density"),
    "fisher": (0.05, "its score is not that of its density"),
}
"""How far from zero the truth may read, and what it means for a dataset if it is farther."""


def doubts(board: Leaderboard) -> Iterator[str]:
    """A sentence for each doubt."""
    truth = truth_of(board.methods)
    for method in board.methods:
        if not method.reference:
            yield from _of_a_method(method)
            yield from _of_a_claim(method, truth)
    if truth is not None:
        yield from _of_data(truth)


def _of_a_claim(method: MethodSummary, truth: MethodSummary | None) -> Iterator[str]:
    """Where the claimed likelihood is farthest below what can be."""
    below = impossible(method, truth).dropna()
    if truth is not None and len(below):
        name = str(below.idxmax())
        dataset, claimed = str(method.facts.loc[name, "dataset"]), float(method.values[CLAIMED][name])
        yield (
            f"{method.row}: claims an NLL of {claimed:.3g} nats ({dataset}), where the truth itself has "
            f"{claimed + below.max():.3g}: no density can; its energy is not normalized, its likelihood says nothing"
        )


def _of_a_method(method: MethodSummary) -> Iterator[str]:
    order = _medians(method, "auroc")
    below = order[order < CHANCE]
    if len(below):
        worst = str(below.idxmin())
        yield (
            f"{method.row}: more energy at data than elsewhere ({worst}: AUROC {below.min():.2g}); is the sign of its "
            "energy, or of its loss, the other way round?"
        )
    if method.kind is EnergyKind.NORMALIZED:
        off = _medians(method, "log_z_error").abs()
        off = off[off > MAX_CONSTANT]
        if len(off):
            yield (
                f"{method.row}: claims to be normalized, and log Z is off by {off.max():.3g} nats ({off.idxmax()}); "
                "an energy whose constant is not known is of kind DENSITY"
            )


def _of_data(oracle: MethodSummary) -> Iterator[str]:
    for metric, (limit, meaning) in TRUTH.items():
        off = _medians(oracle, metric).abs()
        for dataset, number in off[off > limit].items():
            yield f"{dataset}: the truth reads {metric} {number:.3g} there; {meaning}: ebmbench check {dataset}"


def _medians(method: MethodSummary, metric: str) -> pd.Series[float]:
    """The median over seeds on each dataset that has the number."""
    if metric not in method.values:
        return pd.Series(dtype=float)
    return method.values[metric].groupby(method.facts["dataset"].astype(str)).median().dropna()
