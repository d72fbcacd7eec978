"""The page in a browser, from a file and offline: nothing is asked for, nothing complains, all of it works."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ebmbench.report.page.document import page
from tests.report.page.boards import HOSTILE, hung_report

pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.process,
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="there is no chromium on this machine"),
]


@dataclass
class Reader:
    """Somebody with the page open."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def rows(self) -> list[str]:
        return [str(row.inner_text()) for row in self.page.query_selector_all("#leaderboard tbody th")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of friendly names and one of hostile ones."""
    found = {}
    for name, hostile in (("plain", ""), ("hostile", HOSTILE)):
        root = tmp_path_factory.mktemp(name)
        found[name] = root / "report.html"
        found[name].write_text(page(hung_report(root / "store", hostile=hostile)))
    return found


def opened(browser: Any, file: Path, fragment: str = "", **options: Any) -> Reader:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_offline(True)
    reader = Reader(context.new_page())
    reader.page.on("console", lambda message: reader.said.append(message.text))
    reader.page.on("pageerror", lambda error: reader.said.append(str(error)))
    reader.page.on("dialog", lambda dialog: reader.said.append(f"dialog: {dialog.message}"))
    reader.page.on("request", lambda request: reader.asked.append(request.url))
    reader.page.goto(file.as_uri() + fragment)
    reader.page.wait_for_selector("html[data-ready=yes]", state="attached")
    return reader


@pytest.fixture
def reader(browser: Any, files: dict[str, Path]) -> Iterator[Reader]:
    found = opened(browser, files["plain"])
    yield found
    assert found.said == []
    found.page.context.close()


def shown(reader: Reader) -> Any:
    """The first canvas of the explorer, in view, when all four are painted."""
    reader.page.wait_for_function("() => document.querySelectorAll('#explorer canvas')[3].width !== 300")
    canvas = reader.page.query_selector("#explorer canvas")
    canvas.scroll_into_view_if_needed()
    return canvas


def test_it_asks_for_nothing_but_itself(reader: Reader, files: dict[str, Path]) -> None:
    reader.page.wait_for_timeout(300)
    assert reader.asked == [files["plain"].as_uri()]


def test_hostile_names_are_text(browser: Any, files: dict[str, Path]) -> None:
    reader = opened(browser, files["hostile"])
    for section in ("heat", "pairs", "explorer"):
        reader.page.evaluate("id => go(id)", section)
    reader.page.wait_for_timeout(200)
    assert reader.said == []
    assert reader.page.query_selector("img") is None
    assert f"m0{HOSTILE}" in reader.rows()
    reader.page.context.close()


def test_it_is_sorted_and_filtered(reader: Reader) -> None:
    assert reader.rows() == ["m0", "m1", "m3", "m4", "m5", "broken"]
    reader.page.click("#leaderboard th button:text-is('method')")
    assert reader.rows() == ["broken", "m0", "m1", "m3", "m4", "m5"]
    reader.page.click("#leaderboard th button:text('method')")
    assert reader.rows() == ["m5", "m4", "m3", "m1", "m0", "broken"]
    reader.page.fill("#leaderboard input[type=search]", "m")
    assert reader.rows() == ["m5", "m4", "m3", "m1", "m0"]
    reader.page.uncheck("#leaderboard label:has-text('A1') input")
    assert reader.rows() == ["m5", "m4", "m1", "m0"]
    assert "4 of 6 methods are shown" in reader.text("#leaderboard-body")


def test_the_boards_are_switched(reader: Reader) -> None:
    reader.page.click("#leaderboard button:text-is('Order')")
    assert "m2" in reader.rows(), "what only ranks stands on the board of order"
    assert "board=1" in reader.page.url


def test_the_selection_is_in_the_hash(browser: Any, files: dict[str, Path], reader: Reader) -> None:
    reader.page.click("#leaderboard button:text-is('Order')")
    reader.page.click("#leaderboard tbody button:text-is('m4')")
    reader.page.select_option("#explorer label:has-text('data') select", label="rings")
    again = opened(browser, files["plain"], "#" + reader.page.url.partition("#")[2])
    assert again.rows() == reader.rows()
    captions = [node.inner_text() for node in again.page.query_selector_all("#explorer figcaption")]
    assert captions[0].split("\n") == ["truth", "rings"]
    assert captions[1].startswith("A: m4")
    again.page.context.close()


def test_a_hash_of_nonsense_is_no_error(browser: Any, files: dict[str, Path]) -> None:
    nonsense = opened(
        browser, files["plain"], "#!board=9&a=77&d=x&f=-3&cut=1,2&trial=9/9&metric=zz&x=%00&ratio=__proto__"
    )
    nonsense.page.wait_for_timeout(200)
    assert nonsense.said == []
    assert nonsense.rows()[0] == "m0"
    nonsense.page.context.close()


def test_the_crosshair_reads_the_energies(reader: Reader) -> None:
    box = shown(reader).bounding_box()
    reader.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    readings = [node.inner_text() for node in reader.page.query_selector_all("#explorer .reading")]
    truth, a, b, ratio = (float(text.split()[0]) for text in readings)
    assert truth == pytest.approx(1.84, abs=0.1), "log(2 pi) at the top of the normal"
    assert a == pytest.approx(1.82, abs=0.1), "a little lower, where the curvature is 1.02"
    assert ratio == pytest.approx(b - a, abs=0.011)


def test_the_keyboard_moves_the_crosshair_and_cuts(reader: Reader) -> None:
    shown(reader).focus()
    reader.page.keyboard.press("ArrowUp")
    reader.page.keyboard.press("Enter")
    for _ in range(4):
        reader.page.keyboard.press("Shift+ArrowRight")
    reader.page.keyboard.press("Enter")
    assert "cut=0.500%2C0.510%2C0.700%2C0.510" in reader.page.url


def test_the_film_shows_the_milestones(reader: Reader) -> None:
    shown(reader)
    reader.page.evaluate("select({ f: 0 })")
    reader.page.wait_for_function("() => document.querySelectorAll('#explorer canvas')[1].width === 50")
    assert "after 100 passes" in reader.text("#explorer figure:nth-of-type(2) figcaption")
    reader.page.click("#explorer button:text-is('play')")
    reader.page.wait_for_function("() => document.querySelectorAll('#explorer canvas')[1].width !== 50", timeout=9000)
    assert "at the end" in reader.text("#explorer figure:nth-of-type(2) figcaption")
    assert reader.page.wait_for_selector("#explorer button:text-is('play')")


def test_a_cell_opens_its_trials_and_its_surface(reader: Reader) -> None:
    reader.page.click("#heat tbody tr:nth-child(2) td:nth-child(3) button")
    assert "m1 on rings" in reader.text("#trial-body h3")
    assert len(reader.page.query_selector_all("#trial-body tbody tr")) == 3
    reader.page.wait_for_function(
        "() => document.querySelectorAll('#explorer figcaption')[1].innerText.startsWith('A: m1')"
    )


@pytest.mark.parametrize("cost", ["passes", "steps", "rows", "seconds"])
def test_quality_is_drawn_against_each_cost_with_bands_over_seeds(reader: Reader, cost: str) -> None:
    """Six methods and the reference on the first dataset; two of them are chosen, whose bands hold their lines."""
    reader.page.select_option("#cost label:has-text('cost') select", value=cost)
    left, right = reader.page.query_selector_all("#cost-body svg[role=img]")
    titles = {"rows": "different rows of data", "seconds": "seconds of training"}
    for chart in (left, right):
        assert titles.get(cost, cost) in chart.get_attribute("aria-label")
    assert len(left.query_selector_all("path[fill=none]")) == 7
    bands = left.query_selector_all("path[opacity='0.2']")
    assert len(bands) == 2
    assert all("NaN" not in path.get_attribute("d") for path in left.query_selector_all("path"))
    note = reader.text("#cost-body p.small")
    assert "a band from the least to the greatest of their seeds" in note
    assert ("Different rows of data at a milestone are" in note) == (cost == "rows")


def test_bands_of_what_is_infinite_or_below_zero_end_at_the_edge(reader: Reader) -> None:
    reader.page.evaluate(
        """() => {
        const course = DATA.courses.find((c) => c.dataset === 0 && c.method === chosen().a);
        course.low[0] = -0.001;
        course.high[0] = course.middle[1] = "inf";
        drawCost();
    }"""
    )
    paths = reader.page.query_selector_all("#cost-body svg[role=img] path")
    assert not [d for path in paths if "NaN" in (d := path.get_attribute("d")) or "Infinity" in d]


def test_a_table_is_saved(reader: Reader) -> None:
    with reader.page.expect_download() as download:
        reader.page.click("#downloads button:text-is('trials.csv')")
    assert Path(download.value.path()).read_text().startswith("name,")


@pytest.mark.parametrize(
    "options",
    [{}, {"viewport": {"width": 390, "height": 844}}, {"color_scheme": "dark"}],
    ids=["desktop", "phone", "dark"],
)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_screen(
    browser: Any, files: dict[str, Path], options: dict[str, Any]
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    reader = opened(browser, files["plain"], **options)
    found = Axe().run(reader.page).response["violations"]
    assert [
        (fault["id"], fault["nodes"][0]["html"]) for fault in found if fault["impact"] in ("serious", "critical")
    ] == []
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert reader.said == []
    reader.page.context.close()
