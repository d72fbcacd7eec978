"""The lecture's figures: minima, slopes and descents of a stored lattice, by closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ebmbench.contracts.records import Strategy
from ebmbench.report.figures.canvas import written
from ebmbench.report.figures.lecture import KICK, RATE, STEPS, Slope, downhill, lecture, minima, points_of
from ebmbench.report.pictures import Picture
from tests.factories import Lab, make_report, make_trial, make_view
from tests.report.page.boards import hang

BOX = np.array([[-4.0, -2.0], [4.0, 2.0]])
ROWS, COLUMNS = 40, 80
X, Y = np.meshgrid(-4 + (np.arange(COLUMNS) + 0.5) / 10, -2 + (np.arange(ROWS) + 0.5) / 10)
WELLS = np.array([[-2.05, 0.55], [1.45, -0.45]])


def picture() -> Picture:
    """Two quadratic wells, as k-means has them; the truth is a narrow normal about the first."""
    energy = np.min([5 * ((X - x) ** 2 + (Y - y) ** 2) for x, y in WELLS], axis=0)
    truth = 50 * ((X - WELLS[0, 0]) ** 2 + (Y - WELLS[0, 1]) ** 2)
    return Picture(energy, truth, 1.0, BOX)


def test_minima_are_where_the_wells_are() -> None:
    np.testing.assert_allclose(sorted(minima(picture()).tolist()), sorted(WELLS.tolist()), atol=1e-9)
    assert minima(Picture(np.zeros((4, 4)), None, 1.0)).shape == (0, 2), "flat ground has none"
    assert minima(Picture(X + Y, None, 1.0, BOX)).shape == (0, 2), "nor has a slope"


def test_the_slope_of_a_quadratic() -> None:
    places = np.array([[-2.5, 0.1], [-1.23, 0.98], [2.0, -1.0]])
    expected = 10 * (places - WELLS[[0, 0, 1]])
    np.testing.assert_allclose(Slope.of(picture()).at(places), expected, atol=1e-9)


def test_beyond_the_lattice_the_slope_is_that_of_its_border() -> None:
    slope = Slope.of(picture())
    np.testing.assert_allclose(slope.at(np.array([[99.0, 0.0]])), slope.at(np.array([[3.95, 0.0]])), atol=1e-5)


def test_infinite_energy_is_flat() -> None:
    base = picture()
    energy = np.where(X > 3, np.inf, base.energy)
    assert np.isfinite(Slope.of(Picture(energy, base.truth, 1.0, BOX)).parts).all()


def test_descents_are_thrown_and_end_in_the_well() -> None:
    starts = np.array([WELLS[0], WELLS[0] + [0.1, 0.0]])
    path = downhill(picture(), starts, 8.0)
    assert path.shape == (1 + STEPS, 2, 2)
    np.testing.assert_allclose(np.linalg.norm(path[0] - starts, axis=1), KICK * 8)
    assert np.linalg.norm(np.diff(path, axis=0), axis=2).max() <= RATE * 8 + 1e-9
    assert np.linalg.norm(path[-1] - WELLS[0], axis=1).max() < 0.1
    np.testing.assert_array_equal(path, downhill(picture(), starts, 8.0))


def test_points_are_drawn_from_the_truth() -> None:
    """A normal of standard deviation 0.1, and uniform within cells of 0.1."""
    points = points_of(picture(), 4000)
    np.testing.assert_allclose(points.mean(0), WELLS[0], atol=0.01)
    np.testing.assert_allclose(points.std(0), np.sqrt(0.01 + 0.01 / 12), atol=0.005)


@pytest.mark.long
def test_each_figure_is_drawn_if_its_trial_is_there(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    hang(lab, "kmeans", 1.5, strategy=Strategy.A1, dataset="moons")
    hang(lab, "kmeans_20", 1.5, strategy=Strategy.A1, method="kmeans", dataset="pink_spiral")
    hang(lab, "dae", 1.4, strategy=Strategy.C3, dataset="pink_spiral")
    hang(lab, "nce", 1.3, dataset="pink_spiral")
    figure = lecture(lab.report())
    assert figure is not None
    titles = [text.get_text() for text in figure.texts if ": " in text.get_text()][:2]
    assert titles == ["Wells: kmeans_20 on pink_spiral", "Topographic map: dae on pink_spiral"]
    hang(lab, "cd_kick", 1.2, dataset="moons")
    figure = lecture(lab.report())
    assert figure is not None
    assert "Contrastive divergence: cd_kick on moons" in [text.get_text() for text in figure.texts]
    again = lecture(lab.report())
    assert again is not None
    assert written(figure, "svg") == written(again, "svg")


def test_another_run_has_none_of_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    hang(lab, "nce", 1.3)
    assert lecture(lab.report()) is None
    assert lecture(make_report([make_trial(make_view("kmeans"), {"skill": 0.1})])) is None
