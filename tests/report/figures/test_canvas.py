"""The canvas: the same figure is the same bytes in every format, names are letters, the suffix says what is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ebmbench.contracts.records import ReporterSpec
from ebmbench.errors import UsageError
from ebmbench.report.figures.canvas import (
    WIDTH,
    Page,
    caption_height,
    content,
    plain,
    save,
    short,
    style,
    wrapped,
    written,
)

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def page(words: str = "words") -> Page:
    """A line and words."""
    with style():
        found = Page.of(1.0)
        found.axes(0.5, 0.2, 2.0, 0.5).plot([0, 1], [0, 1])
        found.text(3.0, 0.2, words)
    return found


@pytest.mark.long
@pytest.mark.parametrize("kind", MAGIC)
def test_the_same_figure_is_the_same_bytes(kind: str) -> None:
    first = written(page().figure, kind)
    assert first.startswith(MAGIC[kind])
    assert first == written(page().figure, kind)
    assert not re.search(rb"20\d\d-\d\d-\d\d|/CreationDate|Matplotlib v", first)


@pytest.mark.parametrize("path", ["x.pdf", "X.PDF", "x.svg", "x.png"])
def test_the_suffix_says_what_a_figure_is_written_as(path: str) -> None:
    reporter = ReporterSpec("png", "a:b", "", "p.png")
    found = content(page().figure, reporter, Path(path))
    kind = path[2:].lower()
    assert (found.encode() if isinstance(found, str) else found).startswith(MAGIC[kind])


@pytest.mark.parametrize(
    ("name", "product", "kind"),
    [
        ("png", "", "png"),
        ("svg", "", "svg"),
        ("pdf", "", "pdf"),
        ("forest", "forest.svg", "svg"),
        ("budget", "", "png"),
    ],
)
def test_without_a_suffix_the_product_or_the_name_says_it(name: str, product: str, kind: str) -> None:
    reporter = ReporterSpec(name, "a:b", "", product)
    for path in (None, Path("without")):
        found = content(page().figure, reporter, path)
        assert isinstance(found, str) == (kind == "svg")
        assert (found.encode() if isinstance(found, str) else found).startswith(MAGIC[kind])


def test_what_is_no_figure_is_written_as_it_is() -> None:
    reporter = ReporterSpec("md", "a:b", "", "board.md")
    assert content("text", reporter) == "text"
    assert content(b"bytes", reporter, Path("x.txt")) == b"bytes"


def test_a_figure_is_not_written_as_anything_else() -> None:
    with pytest.raises(UsageError, match="as png, svg or pdf, and not as 'jpg'"):
        content(page().figure, ReporterSpec("png", "a:b", ""), Path("x.jpg"))


def test_a_place_is_in_inches_from_the_upper_left_corner() -> None:
    axes = Page.of(2.0).axes(0.7, 0.5, 1.4, 1.0)
    assert axes.get_position().bounds == pytest.approx((0.1, 0.25, 0.2, 0.5))


@pytest.mark.parametrize("name", ["$x^2$", r"\$a$", r"$\frac{$", "a_b^c", "<b>&"])
def test_a_name_is_letters_and_no_mathematics(name: str) -> None:
    found = page(plain(name)).figure.texts[0]
    shown, mathematics = found._preprocess_math(found.get_text())  # type: ignore[attr-defined]
    assert not mathematics
    assert shown == name.replace(r"\$", "$") if r"\$" not in name else not mathematics
    written(page(plain(name)).figure, "svg")


def test_a_name_is_bounded_and_has_no_codes() -> None:
    assert len(plain("x" * 500)) <= 60
    assert plain("a\x1b[31m\nb").isprintable()


def test_a_person_s_own_settings_change_nothing() -> None:
    import matplotlib

    first = written(page().figure)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert written(page().figure) == first
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (0.00137, "0.0014"),
        (0.0263, "0.026"),
        (0.114, "0.11"),
        (1.53, "1.5"),
        (12.4, "12"),
        (415, "420"),
        (-3.21, "-3.2"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
    ],
)
def test_two_significant_digits(value: float, text: str) -> None:
    assert short(value) == text


def test_a_caption_has_room() -> None:
    words = "word " * 100
    lines = wrapped(words, WIDTH).split("\n")
    assert len(lines) > 1
    assert caption_height(words) > caption_height("word")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    save(page().figure, tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(MAGIC["pdf"])
    save(page().figure, tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes().startswith(MAGIC["png"])
    assert {path.name for path in tmp_path.iterdir()} == {"x.pdf", "plain"}
