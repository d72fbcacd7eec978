"""What a page of results costs: the statistics of its board, the file, the first paint. ``make perf``.

Bounds, on one core of a machine that does nothing else:

| what                                                          | at most |
|---|---|
| the statistics of a board of 1,000 trials                     | 1 s     |
| ``report --format html`` of 1,000 trials, the whole process   | 60 s    |
| first paint of the page of ``suites/seven.yaml``              | 2 s     |

The size of the page is asserted; seconds are shown and not asserted: they depend on the machine.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ebmbench.analysis.boards import boards
from ebmbench.report.report import Report
from ebmbench.store.runs import RunResult
from tests.perf.large import Fill, call, filled, methods, planned, suite

SEVEN = Path(__file__).parents[2] / "results" / "reference" / "seven" / "report.html"
MAX_BYTES = 10_000_000
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> tuple[Path, Path]:
    """The file of a suite of 1,000 trials, all of them done, and the results folder."""
    place = tmp_path_factory.mktemp("page")
    file, results = suite(place, methods(), 5), place / "results"
    assert len(filled(file, results, fill).trials) == 1000
    call("run", str(file), "--results", str(results))
    return file, results


@pytest.mark.perf
@pytest.mark.benchmark(group="the statistics of a board of 1,000 trials: at most 1 s")
def test_statistics(benchmark: Any, done: tuple[Path, Path]) -> None:
    made = planned(*done)
    board = Report(RunResult(made.plan.run, made.store)).leaderboard
    density, order = benchmark(boards, board.methods, board.tracks)
    assert len(order.standings) == len(methods())
    assert 0 < len(density.standings) < len(order.standings), "what only ranks is no density"


@pytest.mark.perf
@pytest.mark.benchmark(group="the page of 1,000 trials: at most 60 s")
def test_page(benchmark: Any, done: tuple[Path, Path], tmp_path: Path) -> None:
    file, results = done
    page = tmp_path / "report.html"
    told = ["report", str(file), "--results", str(results), "--format", "html", "-o", str(page)]
    benchmark.extra_info["measured"] = benchmark.pedantic(call, told)
    benchmark.extra_info["bytes"] = page.stat().st_size
    assert page.stat().st_size < MAX_BYTES


@pytest.mark.perf
@pytest.mark.benchmark(group="first paint of the page of seven: at most 2 s")
def test_first_paint(benchmark: Any) -> None:
    driver = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    painted = []
    with driver.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def look() -> None:
            page = browser.new_page()
            page.goto(SEVEN.as_uri())
            page.wait_for_selector("html[data-ready=yes]", state="attached")
            page.wait_for_function(PAINT)
            painted.append(page.evaluate(PAINT))
            page.close()

        benchmark.pedantic(look, rounds=5)
        browser.close()
    benchmark.extra_info["first paint (ms)"] = painted
    assert SEVEN.stat().st_size < MAX_BYTES
