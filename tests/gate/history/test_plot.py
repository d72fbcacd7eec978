"""A history as small multiples: what is drawn of each series."""

from __future__ import annotations

import re

import pytest

from ebmbench.gate.history import plot
from ebmbench.gate.history.changes import Change
from ebmbench.gate.history.lines import Series
from ebmbench.gate.history.plot import drawn
from ebmbench.report.figures.canvas import written
from tests.histories import make_series


def cut(series: Series, at: int, factor: float) -> Change:
    return Change(series.lines[at], series.lines[at - 1], factor)


def shown(*found: tuple[Series, list[Change]]) -> list[str]:
    """All words of the figure."""
    figure = drawn(found)
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [text.get_text() for text in figure.texts]


def test_a_panel_has_medians_their_spread_failures_and_changes() -> None:
    series = make_series([1.0, 1.0, None, 2.0, 2.0], spread=0.5)
    figure = drawn([(series, [cut(series, 3, 2.0)])])
    (axes,) = figure.axes
    course, failed, broken = axes.lines
    assert (list(course.get_xdata()), list(course.get_ydata())) == ([0, 1, 3, 4], [1.0, 1.0, 2.0, 2.0])  # type: ignore[arg-type]
    assert list(failed.get_xdata()) == [2]  # type: ignore[arg-type]
    assert list(broken.get_xdata()) == [2.5, 2.5]  # type: ignore[arg-type]
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (0.5, 2.5)
    assert [text.get_text().strip() for text in axes.texts] == ["x2 0003ccc"]
    said = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert "nce/moons kl (nats)" in said
    assert "5 commits by their dates, 2026-01-01 to 2026-01-05" in said


def test_panels_share_their_commits() -> None:
    """What one series has no number of is a gap in it."""
    short, long = make_series([1.0, 1.0]), make_series([1.0] * 9, method="pcd")
    figure = drawn([(short, []), (long, [])])
    assert [axes.get_xlim() for axes in figure.axes] == [(-0.5, 8.5)] * 2


def test_the_last_changes_are_named() -> None:
    series = make_series([1.0, 2.0, 3.0, 4.0, 5.0])
    words = shown((series, [cut(series, k, k / 2) for k in range(1, 5)]))
    assert [word.strip() for word in words if re.match(" ?x", word)] == ["x2 0004ccc", "x1.5 0003ccc"]


def test_series_with_changes_are_drawn_before_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "MOST", 2)
    many = [make_series([1.0, 2.0], method=name) for name in "abcd"]
    words = " ".join(" ".join(shown(*((s, [cut(s, 1, 2.0)] if s is many[3] else []) for s in many))).split())
    assert "d/moons" in words
    assert "a/moons" in words
    assert "b/moons" not in words
    assert "2 more series are not drawn" in words


def test_hostile_names_are_no_mathematics() -> None:
    series = make_series([1.0, 2.0], method="$\\frac{1", dataset="a\x1b[31m", machine="$x$", unit="$", suite="</svg>")
    other = make_series([1.0], suite="b")
    found = written(drawn([(series, [cut(series, 1, 2.0)]), (other, [])]), "svg").decode()
    assert "\x1b" not in found


@pytest.mark.parametrize(
    "medians", [[1.0], [0.0, 0.0], [None, None], [-3.0, -2.0], [1e308, 1e308], [1e-300, 1.0], [5e-324, 5e-324]]
)
def test_whatever_the_numbers_there_is_a_figure(medians: list[float | None]) -> None:
    series = make_series(medians, spread=1e308 if medians[0] == 1e308 else None)
    assert written(drawn([(series, [])])).startswith(b"\x89PNG")


def test_the_same_history_is_the_same_file() -> None:
    made = [written(drawn([(make_series([1.0, 2.0]), [])]), "svg") for _ in range(2)]
    assert made[0] == made[1]
