"""The forest plot: sorted, one color and shape a strategy, dots of datasets, ranks, failures."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.figures.canvas import SMALL, written
from ebmbench.report.figures.forest import forest
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.report import Report
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_trial, make_view
from tests.report.figures.reading import outside, points, smallest


def numbers(kl: float) -> dict[str, float]:
    """Of a method with that KL."""
    return {"kl": kl, "kl_beta": kl, "skill": 1 - kl}


def report(seeds: int = 3, datasets: tuple[str, ...] = ("moons", "rings"), broken: bool = True) -> Report:
    """Three methods at 0.1, 0.2 and 0.8 on moons, twice that on rings; one that only ranks, and one that fails."""
    trials = list[TrialResult]()
    rows = (("worst", 0.8, Strategy.A1), ("best", 0.1, Strategy.C2), ("second", 0.2, Strategy.C1))
    for k, dataset in enumerate(datasets):
        for seed in range(seeds):
            for row, kl, strategy in rows:
                view = make_view(row, dataset=dataset, seed=seed, strategy=strategy)
                trials.append(make_trial(view, numbers(kl * (1 if k == 0 else 0.5))))
            ranker = make_view("ranker", dataset=dataset, seed=seed, kind=EnergyKind.RANKING, strategy=Strategy.C3)
            trials.append(make_trial(ranker, {"kl_beta": 0.3, "skill": 0.7}))
            if broken:
                trials.append(make_trial(make_view("broken", dataset=dataset, seed=seed), status=Status.CRASHED))
            trials.append(
                make_trial(make_view("floor", dataset=dataset, seed=seed, strategy=Strategy.REFERENCE), numbers(0.9))
            )
    return make_report(trials, suite="$toy$")


def names(axes: Axes) -> list[str]:
    """The rows, from above."""
    found = [text for text in axes.texts if text.get_horizontalalignment() == "right"]
    return [text.get_text() for text in sorted(found, key=lambda text: text.get_position()[1])]


def markers(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """Where markers of a shape stand."""
    lines = [line for line in axes.lines if line.get_marker() == marker and len(points(line)) == 1]
    return [(float(x), float(y)) for line in lines for x, y in points(line)]


def test_two_boards_stand_side_by_side_sorted() -> None:
    figure = forest(report())
    assert figure is not None
    density, order = figure.axes
    assert names(density) == ["best", "second", "worst", "broken"]
    assert set(names(order)) == {"best", "second", "ranker", "worst", "broken"}
    assert density.get_position().x1 < order.get_position().x0
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Density", "Order"]
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "log"]


def test_the_marker_is_the_factor_and_the_dots_are_those_of_datasets() -> None:
    figure = forest(report())
    assert figure is not None
    density = figure.axes[0]
    ((x, y),) = markers(density, STRATEGY_STYLE[Strategy.A1].marker)
    assert [x, y] == pytest.approx([8, 2])
    dots = [line for line in density.lines if line.get_marker() == "o" and len(points(line)) == 2]
    of_worst = next(line for line in dots if line.get_color() == STRATEGY_STYLE[Strategy.A1].color)
    np.testing.assert_allclose(points(of_worst)[:, 0], [8, 8])
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["C1", "C2", "C3", "A1"]


def test_failures_have_a_badge_and_stand_at_the_edge() -> None:
    figure = forest(report())
    assert figure is not None
    for axes in figure.axes:
        assert "6/6" in [text.get_text() for text in axes.texts]
        y = names(axes).index("broken")
        ((x, _),) = [place for place in markers(axes, STRATEGY_STYLE[Strategy.C2].marker) if place[1] == y]
        assert 7 < x < axes.get_xlim()[1]
    whole = forest(report(broken=False))
    assert whole is not None
    assert not any("/" in text.get_text() for axes in whole.axes for text in axes.texts)


@pytest.mark.parametrize(("seeds", "datasets"), [(1, ("moons",)), (1, ("moons", "rings")), (3, ("moons",))])
def test_few_trials_are_drawn_too(seeds: int, datasets: tuple[str, ...]) -> None:
    figure = forest(report(seeds, datasets))
    assert figure is not None
    written(figure)


def test_everything_failed_or_nothing_ended_is_no_figure() -> None:
    for status in (Status.FAILED, Status.SKIPPED, None):
        assert forest(make_report([make_trial(make_view("nce"), status=status)])) is None


def test_one_method_alone() -> None:
    figure = forest(make_report([make_trial(make_view("only"), numbers(0.1))]))
    assert figure is not None
    assert names(figure.axes[0]) == ["only"]


@pytest.mark.parametrize("track", ["user_data", "binary"])
def test_other_data_have_their_boards(track: str) -> None:
    values = {"nll_beta": 1.2} if track == "user_data" else numbers(0.1)
    trials = [make_trial(make_view(row, track=track), values) for row in ("a", "b")]
    figure = forest(make_report(trials))
    assert figure is not None
    assert len(figure.axes) == (1 if track == "user_data" else 2)


@pytest.mark.long
def test_it_can_be_read_and_is_the_same_every_time() -> None:
    figure, again = forest(report()), forest(report())
    assert figure is not None
    assert again is not None
    assert written(figure, "svg") == written(again, "svg")
    assert smallest(figure) >= SMALL
    assert outside(figure) == []
    assert r"\$toy\$" in figure.texts[-1].get_text()
