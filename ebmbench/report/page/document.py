"""The page itself: one file that needs nothing else, and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ebmbench.errors import printable
from ebmbench.report import spreadsheet
from ebmbench.report.figures.canvas import written
from ebmbench.report.figures.dimension import dimension
from ebmbench.report.page.claims import findings
from ebmbench.report.page.courses import courses
from ebmbench.report.page.energies import deflated, gallery
from ebmbench.report.page.facts import commands, facts
from ebmbench.report.page.payload import FACTORS, Payload, board_parts, looks, measures, rows, trials
from ebmbench.report.page.verdict import verdict
from ebmbench.report.remarks import notes
from ebmbench.report.report import Report
from ebmbench.report.templating import environment
from ebmbench.report.text import STANDS, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCRIPTS = ("core.js", "charts.js", "explorer.js", "page.js")
STYLES = ("page.css",)
BIBTEX = """@software{ebmbench,
  title = {ebmbench: a benchmark of ways of training energy-based models},
  note  = {suite SUITE, commit COMMIT}
}"""


def page(report: Report) -> str:
    """The page of a run."""
    board = report.leaderboard
    script, style = ("\n".join(map(_static, names)) for names in (SCRIPTS, STYLES))
    commit = report.run.revision.commit[:12] if report.run.revision else "unknown"
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            suite=printable(board.suite),
            script=script,
            style=style,
            script_hash=_hash(script),
            style_hash=_hash(style),
            payload=as_json(payload(report)),
            verdict=list(map(printable, verdict(board))),
            facts=[(printable(name), printable(value)) for name, value in facts(report)],
            findings=list(findings(board)),
            dimension=_drawn(dimension(report)),
            notes=list(map(printable, notes(report.table, board))),
            stands=STANDS,
            legend=printable(legend(board)),
            commands=list(map(printable, commands(report))),
            bibtex=BIBTEX.replace("SUITE", _plain(board.suite)).replace("COMMIT", commit),
        )
    )


def _drawn(figure: Figure | None) -> str:
    """A figure as an address that holds it; empty for none."""
    if figure is None:
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(written(figure, "svg")).decode()


def payload(report: Report) -> Payload:
    """All that the script of the page is given."""
    board = report.leaderboard
    shown = dict.fromkeys(
        name
        for track in board.tracks
        for column in (*track.columns, track.curve)
        for name in (column.metric, column.ranking, *(ruler.metric for ruler in track.ruled_by))
        if name
    )
    hung = gallery(report)
    saved = {"leaderboard.csv": spreadsheet.leaderboard(report), "trials.csv": spreadsheet.numbers(report)}
    return Payload(
        board.suite,
        looks(),
        rows(board, report.conditions),
        board.datasets,
        board_parts(board),
        FACTORS,
        tuple(measures(board)),
        tuple(trials(board, list(shown))),
        " or ".join(dict.fromkeys(track.curve.title for track in board.tracks)),
        tuple(courses(board, report.trials, report.metrics)),
        hung,
        {name: deflated(text.encode()) for name, text in saved.items()},
    )


def as_json(value: Payload) -> str:
    """JSON that ends no script element, whatever the names are; infinite numbers are words."""
    text = json.dumps(_finite(asdict(value)), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


@cache
def _static(name: str) -> str:
    return (files("ebmbench.report") / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plain(name: str) -> str:
    """A name without what BibTeX reads as its own."""
    return "".join(c if c.isalnum() or c in "-_. " else " " for c in printable(name))
