"""One trial, or one dataset, as a picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ebmbench.contracts.domain import Box, square
from ebmbench.datasets.binary import Ising
from ebmbench.datasets.conditional import Horn, TwoBranches
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import BINARY, PLANE
from ebmbench.report.figures.panels import Panel
from ebmbench.report.figures.portraits import draw_dataset, draw_trial
from ebmbench.report.pictures import Picture
from ebmbench.store.records import Point
from tests.factories import Lab
from tests.report.page.boards import hang

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.long
def test_a_trial_is_drawn_with_its_curve(tmp_path: Path) -> None:
    lab, path = Lab(tmp_path), tmp_path / "trial.png"
    hang(lab, "$nce$", 1.3)
    assert draw_trial(lab.trials[0], PLANE, path)
    assert path.read_bytes().startswith(PNG)
    lab.trials[0].__dict__["curve"] = []
    assert draw_trial(lab.trials[0], PLANE, tmp_path / "plain.png"), "what was not trained has no curve"
    assert path.read_bytes() != (tmp_path / "plain.png").read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("value", [math.inf, math.nan, -1e-9])
def test_a_curve_that_no_logarithmic_axis_can_show_is_said(tmp_path: Path, value: float) -> None:
    """An energy of which no power can be integrated has an infinite KL at every milestone."""
    lab, path = Lab(tmp_path), tmp_path / "trial.svg"
    hang(lab, "nce", 1.3)
    assert draw_trial(lab.trials[0], PLANE, path)
    assert "nothing to draw" not in path.read_text()
    lab.trials[0].__dict__["curve"] = [Point(s, 100 * s, 0.1 * s, "kl", "raw", value) for s in (1, 2)]
    assert draw_trial(lab.trials[0], PLANE, path)
    assert "nothing to draw" in path.read_text()


def test_a_trial_without_a_surface_is_not_drawn(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    hang(lab, "bits", 1.3)
    assert not draw_trial(lab.trials[0], BINARY, tmp_path / "trial.png")
    assert not draw_trial(Lab(tmp_path / "none").trial(), PLANE, tmp_path / "trial.png")
    assert not (tmp_path / "trial.png").exists()


@pytest.mark.long
def test_a_dataset_is_drawn_as_the_suffix_says(tmp_path: Path) -> None:
    for name, magic in (("d.png", PNG), ("d.pdf", b"%PDF"), ("d.svg", b"<?xml")):
        draw_dataset("8gaussians", EightGaussians(), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """What the panels of energies are given."""
    seen: list[Picture] = []
    real = Panel.energy

    def energy(panel: Panel, picture: Picture, low: float) -> None:
        seen.append(picture)
        real(panel, picture, low)

    monkeypatch.setattr(Panel, "energy", energy)
    return seen


@pytest.mark.long
def test_one_y_given_one_x_is_drawn_over_the_plane_of_both(tmp_path: Path, drawn: list[Picture]) -> None:
    """x runs to the right; the lowest energy of each column is at plus or minus f(x)."""
    draw_dataset("two_branches", TwoBranches(), tmp_path / "d.png")
    (picture,) = drawn
    assert picture.box is not None
    assert picture.box.tolist() == [[-3.0, -2.2], [3.0, 2.2]]
    x, y = (np.linspace(-reach, reach, 301)[:-1] + reach / 300 for reach in (3.0, 2.2))
    lowest = np.abs(y[np.asarray(picture.energy).argmin(0)])
    assert np.abs(lowest - (1 + np.sin(2 * x) / 2)).max() < 0.02
    assert picture.data is not None
    assert np.abs(np.abs(picture.data[:, 1]) - (1 + np.sin(2 * picture.data[:, 0]) / 2)).max() < 0.5


@pytest.mark.long
def test_two_y_given_x_are_drawn_at_the_middle(tmp_path: Path, drawn: list[Picture]) -> None:
    """A circle, on which the horn is at x = 1/2: its radius is 1.75 e."""
    draw_dataset("horn", Horn(), tmp_path / "d.png")
    (picture,) = drawn
    assert picture.data is not None
    assert np.abs(np.linalg.norm(picture.data, axis=1) - 1.75 * math.e).max() < 0.3


class TwoContexts(TwoBranches):
    """Of a number given two."""

    @property
    def context(self) -> Box:
        return square(3)


def test_only_the_plane_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the plane only; 'wide' has 3 coordinates"):
        draw_dataset("wide", TwoContexts(), tmp_path / "dataset.png")
    with pytest.raises(UsageError, match="the plane only; 'ising' has 16 coordinates"):
        draw_dataset("ising", Ising(side=4), tmp_path / "dataset.png")
