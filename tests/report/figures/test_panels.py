"""Panels: what is masked, what is clipped, where the lattice lies."""

from __future__ import annotations

import numpy as np
import pytest

from ebmbench.report.figures.canvas import Page, style
from ebmbench.report.figures.panels import (
    BELOW,
    DEPTH,
    DIFFERENCE,
    ENERGY,
    OFF,
    Panel,
    color_bar,
    difference,
    extent,
)
from ebmbench.report.pictures import Picture

BOX = np.array([[-4.0, -2.0], [4.0, 2.0]])


def picture(energy: float | list[list[float]] = 0.0, truth: list[list[float]] | None = None) -> Picture:
    """Two cells by two."""
    values = np.full((2, 2), energy) if isinstance(energy, float) else np.array(energy)
    return Picture(values, None if truth is None else np.array(truth), 1.0, BOX)


def panel() -> Panel:
    """A square inch."""
    return Panel(Page.of(2.0), 1.0, 0.5, 1.0, 1.0)


def test_the_difference_is_shown_where_either_has_mass() -> None:
    """By hand: both, the truth alone, the model alone, neither."""
    found = difference(picture([[1.0, 100.0], [2.0, 100.0]], [[0.0, 3.0], [50.0, 90.0]]), 0.0)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), [[False, False], [False, True]])
    np.testing.assert_array_equal(found.filled(0), [[-1, -97], [48, 0]])


def test_the_difference_does_not_depend_on_where_energies_are_drawn_above() -> None:
    one = picture([[1.0, 9.0], [2.0, 0.0]], [[0.0, 9.0], [5.0, 0.0]])
    moved = Picture(one.energy + 10, one.truth + 10 if one.truth is not None else None, 1.0, BOX)
    np.testing.assert_array_equal(difference(one, 0.0).filled(9), difference(moved, 10.0).filled(9))


def test_what_is_drawn_stands_in_its_place_upright() -> None:
    drawn = panel()
    drawn.energy(picture([[1.0, 2.0], [3.0, 4.0]], [[0.0] * 2] * 2), 1.0)
    (image,) = drawn.page.paper.images
    np.testing.assert_array_equal(image.get_array(), [[0, 1], [2, 3]])
    assert list(image.get_extent()) == [1.0, 2.0, 1.5, 0.5]
    assert image.origin == "lower"
    assert (image.norm.vmin, image.norm.vmax) == (-BELOW, DEPTH)
    assert len(drawn.page.paper.patches) == 1


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e300])
def test_infinities_are_the_color_of_the_end(value: float) -> None:
    drawn = panel()
    drawn.energy(picture([[0.0, value], [0.0, 0.0]]), 0.0)
    shown = drawn.page.paper.images[0].get_array()
    assert shown is not None
    assert np.isfinite(shown).all()
    assert shown[0, 1] > DEPTH


def test_the_truth_or_test_points() -> None:
    drawn = panel()
    drawn.truth(picture(truth=[[0.0, 1.0], [2.0, 3.0]]), 0.0)
    assert len(drawn.page.paper.images) == 1
    drawn = panel()
    drawn.truth(Picture(np.zeros((2, 2)), None, 1.0, BOX, np.array([[1.0, 1.5]])), 0.0)
    (axes,) = [axes for axes in drawn.page.figure.axes if axes is not drawn.page.paper]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1.0, 1.5]])
    assert (axes.get_xlim(), axes.get_ylim()) == ((-4, 4), (-2, 2))


def test_ticks_are_in_units_of_the_data() -> None:
    axes = panel().ticked(picture())
    assert list(axes.get_xticks()) == [-2, 0, 2]
    assert list(axes.get_yticks()) == [-1, 0, 1]
    older = Picture(np.zeros((3, 5)), None, 1.0)
    assert list(panel().ticked(older).get_xticks()) == []
    assert extent(older) == (-0.5, 4.5, -0.5, 2.5)


@pytest.mark.parametrize("scale", [ENERGY, DIFFERENCE])
def test_a_color_bar_is_pointed_where_it_is_clipped(scale: object) -> None:
    page = Page.of(1.0)
    with style():
        color_bar(page, 1.0, 0.3, 2.0, ENERGY if scale is ENERGY else DIFFERENCE)
    (axes,) = page.figure.axes
    bar = axes._colorbar  # type: ignore[attr-defined]
    assert bar.extend == "both"
    assert "nats" in axes.get_title()
    ends = (-BELOW, DEPTH) if scale is ENERGY else (-OFF, OFF)
    assert (bar.vmin, bar.vmax) == ends
    assert bar.get_ticks()[[0, -1]].tolist() == list(ends)
