"""Where the energy goes wrong: the best of each strategy, off by what it is off, and cut where there is much to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ebmbench.contracts.records import Status, Strategy
from ebmbench.report.figures.canvas import SMALL, written
from ebmbench.report.figures.errors import cut, errors
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.pictures import Picture
from tests.factories import Lab, make_report, make_trial, make_view
from tests.report.figures.reading import outside, smallest
from tests.report.page.boards import SIDE, bowl, hang, hung_report


def names(figure: Figure) -> list[str]:
    """The methods that are drawn."""
    return [text.get_text().partition("\n")[0] for text in figure.texts if "\n" in text.get_text()][:-1]


def test_the_line_goes_where_the_truth_goes_up_and_down_most() -> None:
    """Three wells on one row, one on another."""
    truth = np.full((9, 30), 20.0)
    truth[2, [5, 15, 25]] = 0.0
    truth[6, 10] = 0.0
    assert cut(Picture(np.zeros((9, 30)), truth, 1.0)) == 2
    deep = truth.copy()
    deep[6, 10] = -0.5
    deep[8] = np.where(np.arange(30) % 2, 500.0, 1000.0)
    assert cut(Picture(np.zeros((9, 30)), deep, 1.0)) == 2, "what is not shown does not count"


def test_the_best_of_each_strategy_is_drawn(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for row, curvature, strategy in (
        ("bad", 3.0, Strategy.C2),
        ("good", 1.1, Strategy.C2),
        ("only", 2.0, Strategy.A1),
        ("floor", 1.0, Strategy.REFERENCE),
    ):
        hang(lab, row, curvature, strategy=strategy)
    figure = errors(lab.report())
    assert figure is not None
    assert names(figure) == ["good", "only"]
    colored = [line for axes in figure.axes for line in axes.lines if line.get_linewidth() == 1.1]
    assert [line.get_color() for line in colored] == [STRATEGY_STYLE[s].color for s in (Strategy.C2, Strategy.A1)]
    curved = np.asarray(colored[1].get_ydata(), dtype=np.float64)
    row = (2.0 * bowl() - np.log(2.0)).reshape(SIDE, SIDE).T[SIDE // 2]
    np.testing.assert_allclose(curved, row - bowl().min(), atol=0.05)


def test_a_method_may_be_the_best_on_one_dataset_only(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for dataset, curvatures in (("moons", (1.1, 2.0)), ("rings", (2.0, 1.1))):
        for row, curvature in zip(("a", "b"), curvatures, strict=True):
            hang(lab, row, curvature, dataset=dataset)
    figure = errors(lab.report())
    assert figure is not None
    assert names(figure) == ["a", "b"]


@pytest.mark.long
def test_it_can_be_read_and_is_the_same_every_time(tmp_path: Path) -> None:
    report = hung_report(tmp_path, methods=7, seeds=1, hostile="$x$")
    figure, again = errors(report), errors(report)
    assert figure is not None
    assert again is not None
    assert written(figure) == written(again)
    assert smallest(figure) >= SMALL
    assert outside(figure) == []
    assert all("$" not in name.replace(r"\$", "") for name in names(figure))


def test_without_a_truth_there_is_no_figure() -> None:
    for track in ("user_data", "binary", "plane"):
        assert errors(make_report([make_trial(make_view("a", track=track), {"kl_beta": 0.1, "nll_beta": 1.0})])) is None
    assert errors(make_report([make_trial(make_view("a"), status=Status.FAILED)])) is None
