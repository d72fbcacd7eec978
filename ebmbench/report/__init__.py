"""The built-in reporters: the catalog's records."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.catalog.hooks import hookimpl
from ebmbench.contracts.records import ReporterSpec


@hookimpl
def ebmbench_reporters() -> Iterator[ReporterSpec]:
    """Tables, figures, and a page."""
    home = "ebmbench.report"
    yield ReporterSpec("md", f"{home}.markdown:leaderboard", "the leaderboard as Markdown", "leaderboard.md")
    yield ReporterSpec("csv", f"{home}.spreadsheet:leaderboard", "the leaderboard in long form", "leaderboard.csv")
    yield ReporterSpec("trials", f"{home}.spreadsheet:numbers", "a line a trial, a column a number", "trials.csv")
    yield ReporterSpec("metrics", f"{home}.markdown:every_metric", "every metric: methods by datasets", "metrics.md")
    yield ReporterSpec(
        "png", f"{home}.figures.surfaces:surfaces", "the energy surfaces beside the truth", "surfaces.png"
    )
    yield ReporterSpec("svg", f"{home}.figures.surfaces:surfaces", "the same as a drawing")
    yield ReporterSpec("pdf", f"{home}.figures.surfaces:surfaces", "the same as a page")
    yield ReporterSpec(
        "frames", f"{home}.figures.frames:frames", "next frames, as foreseen by each method", "frames.png"
    )
    yield ReporterSpec("forest", f"{home}.figures.forest:forest", "the boards with their intervals", "forest.svg")
    yield ReporterSpec("html", f"{home}.page.document:page", "one offline page: boards, surfaces, films", "report.html")
    yield ReporterSpec("tex", f"{home}.tex:leaderboard", "boards and headline as LaTeX tables with booktabs")
    yield ReporterSpec("budget", f"{home}.figures.budget:budget", "quality against budget, a panel a strategy")
    what = "quality against the number of dimensions, a panel a strategy"
    yield ReporterSpec("dimension", f"{home}.figures.dimension:dimension", what, "dimension.svg")
    yield ReporterSpec("errors", f"{home}.figures.errors:errors", "where the energy goes wrong, by strategy")
    yield ReporterSpec("lecture", f"{home}.figures.lecture:lecture", "the lecture's figures: wells, map, trajectories")
    yield ReporterSpec("json", f"{home}.spreadsheet:trials", "the trials, one record each")
