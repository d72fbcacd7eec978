"""Quality against budget: means over datasets of medians over seeds, at passes that all have been at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import PLANE, USER_DATA
from ebmbench.report.figures.budget import budget, curves
from ebmbench.report.figures.canvas import written
from ebmbench.report.report import Report
from ebmbench.store.records import Point
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_training, make_trial, make_view

PASSES = (100, 200, 400, 800)


def trial(row: str, level: float, power: float = 1.0, passes: tuple[int, ...] = PASSES, **facts: Any) -> TrialResult:
    """A trial whose KL is level / passes^power, at its milestones and at its end."""
    kind = facts.get("kind", EnergyKind.DENSITY)
    variant = "beta" if kind is EnergyKind.RANKING else "raw"
    points = [Point(p, p, 0.1, "kl", variant, level / p**power) for p in passes]
    values = {"kl_beta" if variant == "beta" else "kl": level / passes[-1] ** power, "skill": 0.5}
    return make_trial(make_view(row, **facts), values, curve=points, training=make_training(passes=passes[-1]))


def of(report: Report) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Passes and values of each method."""
    return {curve.method.row: (curve.passes, curve.values) for curve in curves(report, PLANE)}


def test_a_curve_is_the_geometric_mean_of_medians() -> None:
    """Power laws stay power laws: by closed form."""
    levels = {"moons": (1.0, 2.0, 50.0), "rings": (7.0, 8.0, 0.1)}
    report = make_report(
        trial("nce", level, dataset=dataset, seed=seed)
        for dataset, found in levels.items()
        for seed, level in enumerate(found)
    )
    passes, values = of(report)["nce"]
    assert (passes[0], passes[-1]) == (pytest.approx(100), pytest.approx(800))
    np.testing.assert_allclose(values, np.sqrt(2.0 * 7.0) / passes, rtol=1e-9)


def test_a_training_that_ended_early_keeps_its_value() -> None:
    report = make_report([trial("em", 1.0, dataset="moons"), trial("em", 1.0, passes=(100, 200), dataset="rings")])
    _, values = of(report)["em"]
    np.testing.assert_allclose(values[-1], np.sqrt((1 / 800) * (1 / 200)))
    late = make_report([trial("em", 1.0, dataset="moons"), trial("em", 1.0, passes=(200, 800), dataset="rings")])
    assert of(late)["em"][0][0] == pytest.approx(200), "it begins where all have begun"


def test_what_has_no_curve_somewhere_is_not_drawn_and_said() -> None:
    trials = [trial(row, 1.0, dataset=d) for row in ("a", "b") for d in ("moons", "rings")]
    trials[-1] = make_trial(trials[-1].view, status=Status.DIVERGED)
    report = make_report([*trials, trial("floor", 1.0, strategy=Strategy.REFERENCE)])
    assert set(of(report)) == {"a"}
    figure = budget(report)
    assert figure is not None
    assert "Without a curve on every dataset: b." in " ".join(figure.texts[-1].get_text().split())


def test_an_energy_that_only_ranks_is_drawn_at_its_temperature() -> None:
    report = make_report([trial("dae", 3.0, kind=EnergyKind.RANKING), trial("nce", 1.0)])
    passes, values = of(report)["dae"]
    np.testing.assert_allclose(values, 3 / passes)


def test_a_strategy_has_a_panel_and_the_others_are_gray() -> None:
    rows = [("a", Strategy.C1), ("b", Strategy.C2), ("c", Strategy.C2), ("d", Strategy.C2), ("e", Strategy.C2)]
    figure = budget(make_report(trial(row, k + 1.0, strategy=s) for k, (row, s) in enumerate(rows)))
    assert figure is not None
    first, second = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["C1", "C2, 4 methods"]
    for axes, named in ((first, ["a"]), (second, ["b", "c", "d"])):
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == named
        assert sum(line.get_color() == "0.85" for line in axes.lines) == 5
        assert axes.get_xlim() == first.get_xlim()
        assert axes.get_ylim() == first.get_ylim()
    written(figure)


def test_a_likelihood_is_drawn_on_a_linear_axis_by_its_mean() -> None:
    trials = list[TrialResult]()
    for dataset, level in (("a", -1.0), ("b", 4.0)):
        points = [Point(p, p, 0.1, "nll", "beta", level + 100 / p) for p in PASSES]
        view = make_view("nce", dataset=dataset, track="user_data")
        trials.append(
            make_trial(view, {"nll_beta": level + 100 / 800}, curve=points, training=make_training(passes=800))
        )
    report = make_report(trials)
    (curve,) = curves(report, USER_DATA)
    assert curve.values[0] == pytest.approx(1.5 + 1)
    figure = budget(report)
    assert figure is not None
    assert figure.axes[0].get_yscale() == "linear"
    written(figure)


@pytest.mark.parametrize("status", [Status.OK, Status.FAILED, Status.SKIPPED, None])
def test_without_milestones_there_is_no_figure(status: Status | None) -> None:
    assert budget(make_report([make_trial(make_view("nce"), {"skill": 0.5}, status=status)])) is None
