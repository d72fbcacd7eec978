"""The figure of a run: every method beside the truth once, in blocks that a page has room for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ebmbench.report import figures
from ebmbench.report.figures import Picture, draw_surfaces
from tests.report.test_leaderboard import line, trial


@pytest.fixture(autouse=True)
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial has one: its energy is its skill."""
    monkeypatch.setattr(
        figures,
        "read_picture",
        lambda trial, warn: Picture(np.full((4, 4), trial.values["skill"]), np.zeros((4, 4)), "-log q"),
    )


@pytest.mark.parametrize("methods", [1, 16, 17, 45])
def test_each_method_stands_once_beside_the_truth(methods: int) -> None:
    names = [f"m{k}" for k in range(methods)]
    lines = [line(name, trial(name, {"skill": k / methods})) for k, name in enumerate(names)]
    figure = draw_surfaces(lines, ["moons", "rings"])
    assert figure is not None
    blocks = math.ceil(methods / 16)
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert [title for title in titles if title and title != "truth"] == names
    assert titles.count("truth") == blocks
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["moons", "rings"] * blocks
    columns = {axes.get_subplotspec().colspan.start for axes in figure.axes}  # type: ignore[union-attr]
    assert len(columns) <= 17
    shown = [axes.images[0].get_array().mean() for axes in figure.axes if axes.get_title().startswith("m")]  # type: ignore[union-attr]
    assert shown == pytest.approx([k / methods for k in range(methods)]), "each under its own name"
