"""The figure of a run: every method beside the truth once, in blocks that a page has room for, the best first."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.figures import surfaces as module
from ebmbench.report.figures.canvas import SMALL, written
from ebmbench.report.figures.surfaces import COLUMNS, broken, gathered, ordered, surfaces
from ebmbench.report.pictures import Picture
from tests.factories import Lab, make_report, make_trial, make_view
from tests.report.figures.reading import outside, smallest
from tests.report.page.boards import hang, hung_report

NUMBERS = {"skill": 0.5, "kl_beta": 0.25}


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial has one: its energy is the number in its row's name."""
    monkeypatch.setattr(
        module,
        "read_picture",
        lambda trial, warn: Picture(np.full((4, 4), float(trial.view.row[1:])), np.zeros((4, 4)), 1.0),
    )


def words(figure: Figure) -> list[str]:
    """All that is written on it."""
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [t.get_text() for t in figure.texts]


def images(figure: Figure) -> list[float]:
    """The means of the pictures of methods, in the order in which they were drawn."""
    return [float(np.ma.mean(np.ma.asarray(image.get_array()))) for axes in figure.axes for image in axes.images]


@pytest.mark.long
@pytest.mark.parametrize("methods", [1, COLUMNS - 1, COLUMNS, 45])
@pytest.mark.usefixtures("pictures")
def test_each_method_stands_once_beside_the_truth(methods: int) -> None:
    names = [f"m{k / methods:.3f}" for k in range(methods)]
    trials = [make_trial(make_view(name, dataset=d), NUMBERS) for d in ("moons", "rings") for name in names]
    figure = surfaces(make_report(trials))
    assert figure is not None
    blocks = math.ceil(methods / (COLUMNS - 1))
    written_down = words(figure)
    titles = [word.partition("\n")[0] for word in written_down if word.endswith("\nC2")]
    assert titles == names
    assert written_down.count("truth") == blocks
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["moons", "rings"] * blocks
    assert written_down.count("0.25") == 2 * methods
    assert len(images(figure)) == 2 * (blocks + 2 * methods), "energies and differences, and the truth in each block"
    assert figure.get_size_inches()[0] == 7


@pytest.mark.usefixtures("pictures")
def test_energies_stand_under_their_own_names() -> None:
    names = ["m0.5", "m1.5", "m3.0"]
    figure = surfaces(make_report([make_trial(make_view(name), NUMBERS) for name in names]))
    assert figure is not None
    assert images(figure) == pytest.approx([0.0, 0.5, -0.5, 1.5, -1.5, 3.0, -3.0]), "the truth, then q and p / q each"


@pytest.mark.long
@pytest.mark.usefixtures("pictures")
def test_no_letter_is_too_small_and_none_stands_outside() -> None:
    names = [f"m0.{k}" for k in range(9)]
    figure = surfaces(make_report([make_trial(make_view(name, dataset="checkerboard_s"), NUMBERS) for name in names]))
    assert figure is not None
    assert smallest(figure) >= SMALL
    assert outside(figure) == []


def test_the_median_seed_is_drawn_with_its_number(tmp_path: Path) -> None:
    report = hung_report(tmp_path, methods=1, datasets=("moons",), seeds=3)
    gallery = gathered(report)
    assert gallery is not None
    assert gallery.words["m0", "moons"] == "0.0003", "the median of 0.0002, 0.00026 and 0.0003, to four decimals"
    lows = [p.energy.min() for p in gallery.pictures.values() if p is not None]
    assert lows == pytest.approx([math.log(2 * math.pi / 1.023) + 1.023 * 0.01], abs=2e-3), (
        "the second of three curvatures"
    )


def test_methods_stand_in_the_order_of_the_board(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for row, curvature in (("third", 3.0), ("first", 1.1), ("second", 2.0)):
        hang(lab, row, curvature)
    hang(lab, "ranker", 1.5, kind=EnergyKind.RANKING)
    hang(lab, "floor", 1.0, strategy=Strategy.REFERENCE)
    hang(lab, "oracle", 1.0, strategy=Strategy.REFERENCE)
    found = [method.row for method in ordered(lab.report().leaderboard)]
    assert found == ["first", "ranker", "second", "third", "floor"], "references last; the truth is drawn already"


@pytest.mark.usefixtures("pictures")
def test_data_that_are_not_drawn_have_no_row() -> None:
    places = {"moons": "plane", "ising": "binary"}
    figure = surfaces(make_report(make_trial(make_view("m1", dataset=d, track=t), NUMBERS) for d, t in places.items()))
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["moons"]


@pytest.mark.usefixtures("pictures")
def test_what_failed_is_an_empty_panel_that_says_why() -> None:
    trials = [make_trial(make_view("m1"), NUMBERS), make_trial(make_view("m2"), status=Status.TIMEOUT)]
    figure = surfaces(make_report(trials))
    assert figure is not None
    assert "no result:\ntimeout" in words(figure)
    assert len(images(figure)) == 3


def test_where_the_truth_is_not_known_there_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    box, data = np.array([[-1.0, -1.0], [1.0, 1.0]]), np.zeros((3, 2))
    monkeypatch.setattr(module, "read_picture", lambda trial, warn: Picture(np.zeros((4, 4)), None, 1.0, box, data))
    numbers = {"nll_beta": 1.234}
    figure = surfaces(make_report([make_trial(make_view("gmm", track="user_data"), numbers)]))
    assert figure is not None
    written_down = words(figure)
    assert "test points" in written_down
    assert "truth" not in written_down
    assert "1.2" in written_down
    assert len(images(figure)) == 1
    (caption,) = [word for word in written_down if word.startswith("Energy surfaces")]
    assert "difference" not in caption
    assert "held-out NLL" in " ".join(caption.split())


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, None])
def test_without_any_picture_there_is_no_figure(status: Status | None) -> None:
    assert surfaces(make_report([make_trial(make_view("nce"), status=status)])) is None
    assert surfaces(make_report([make_trial(make_view("nce"), NUMBERS)])) is None


@pytest.mark.long
def test_the_figure_is_the_same_every_time(tmp_path: Path) -> None:
    report = hung_report(tmp_path, methods=3, seeds=1, hostile="$x_1$</svg>")
    first, second = surfaces(report), surfaces(report)
    assert first is not None
    assert second is not None
    assert written(first) == written(second)
    assert b"</svg>" not in written(first, "svg").rstrip()[:-6]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("nce", ["nce"]),
        ("energy_discrepancy", ["energy_", "discrepancy"]),
        ("mle_langevin[steps=20]", ["mle_langevin", "[steps=20]"]),
        ("x" * 60, ["x" * 15, "x" * 15 + "…"]),
        ("$" * 3, [r"\$\$\$"]),
    ],
)
def test_a_long_name_has_two_lines(name: str, lines: list[str]) -> None:
    assert broken(name) == lines
