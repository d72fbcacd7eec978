"""Curves over dimensions: which datasets make one, medians and ranges over seeds, one panel a strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import EnergyKind, Strategy
from ebmbench.report.figures.canvas import SMALL, written
from ebmbench.report.figures.dimension import curves, dimension, families
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.report import Report
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_trial, make_view, track_named
from tests.report.figures.reading import outside, points, smallest

DIMS = (2, 8, 64)
GRID = ("gmm40[dim=64]", "gmm40[dim=8]", "gmm40[dim=2]")


def report(datasets: tuple[str, ...] = GRID) -> Report:
    """A method whose ESS is 1 / d with .01 between seeds, one that only ranks, and another dataset beside them."""
    trials = list[TrialResult]()
    for name in (*datasets, "two_modes"):
        d = int(name.partition("=")[2].rstrip("]") or 50)
        for seed in range(3):
            facts: dict[str, Any] = {"dataset": name, "seed": seed, "track": "dimensions"}
            numbers = {"ess_exact": 1 / d + 0.01 * seed, "kl": 0.1 * d * (1 + seed), "fisher_per_dim": 0.1}
            trials.append(make_trial(make_view("nce", strategy=Strategy.C2, **facts), numbers))
            ranker = make_view("kmeans", strategy=Strategy.A1, kind=EnergyKind.RANKING, **facts)
            trials.append(make_trial(ranker, {"ess_exact_beta": 0.5, "kl_beta": 3.0, "fisher_per_dim_beta": 1.0}))
    return make_report(trials, suite="dims", tracks=(track_named("dimensions"),))


def test_a_family_is_datasets_that_differ_in_their_dimension() -> None:
    (family,) = families(report().leaderboard)
    assert (family.name, list(family.members)) == ("gmm40", list(DIMS))
    assert families(report(("gmm40[dim=4]",)).leaderboard) == []
    assert dimension(report(("gmm40[dim=4]",))) is None


def test_a_curve_is_the_median_over_seeds_with_their_range() -> None:
    board = report().leaderboard
    (family,) = families(board)
    nce = next(c for c in curves(board, family, family.track.headline) if c.method.row == "nce")
    assert nce.dims == list(DIMS)
    np.testing.assert_allclose(nce.middle, [1 / d + 0.01 for d in DIMS])
    np.testing.assert_allclose(nce.low, [1 / d for d in DIMS])
    np.testing.assert_allclose(nce.high, [1 / d + 0.02 for d in DIMS])


def test_each_strategy_has_a_panel_in_each_block() -> None:
    figure = dimension(report())
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["C2", "A1", "C2", "A1"]
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "linear", "log", "log"]
    first = figure.axes[0]
    color = STRATEGY_STYLE[Strategy.C2].color
    (line,) = [line for line in first.lines if line.get_color() == color]
    np.testing.assert_allclose(points(line)[:, 0], DIMS)
    assert [label.get_text() for label in first.get_xticklabels()] == [str(d) for d in DIMS]


@pytest.mark.long
def test_it_is_readable_and_the_same_twice() -> None:
    figure, again = dimension(report()), dimension(report())
    assert figure is not None
    assert again is not None
    assert smallest(figure) >= SMALL
    assert outside(figure) == []
    assert written(figure, "svg") == written(again, "svg")
