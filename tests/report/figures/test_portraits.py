"""One trial, or one dataset, as a picture."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ebmbench.datasets.binary import Ising
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import BINARY, PLANE
from ebmbench.report.figures.portraits import draw_dataset, draw_trial
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


def test_only_the_plane_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the plane only; 'ising' has 16 coordinates"):
        draw_dataset("ising", Ising(side=4), tmp_path / "dataset.png")
