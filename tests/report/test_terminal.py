"""The leaderboard for a terminal: names as they are, nothing that drives it, and no more than there is room for."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from ebmbench.contracts.records import Status, Strategy
from ebmbench.report.report import Report
from ebmbench.report.terminal import leaderboard
from tests.factories import make_attempt, make_report, make_trial, make_view

EVIL = "\x1b]0;title\x07"
SMALL = {"skill": 0.5, "kl": 0.25, "auroc": 0.9, "mmd2_common": 0.01, "mode_mass_error": 0.1}


def shown(report: Report, width: int = 250, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(width=width, file=out, force_terminal=terminal, _environ={"TERM": "xterm"}).print(leaderboard(report))
    return out.getvalue()


def pair(first: str, second: str) -> Report:
    """Two methods that cannot be told apart, the first the best."""
    return make_report(
        make_trial(make_view(row, seed=seed), {"skill": level})
        for row, level in ((first, 0.61), (second, 0.6))
        for seed in range(2)
    )


def test_the_terminal_shows_names_as_they_are() -> None:
    """A name in square brackets is not rich's markup."""
    text = shown(pair("a[bold]b", "runner-up"))
    assert "a[bold]b" in text
    assert "~" in next(row for row in text.splitlines() if "runner-up" in row)
    assert next(row for row in text.splitlines() if "a[bold]b" in row).lstrip().startswith("*")


def test_the_best_is_bold_and_references_are_dim() -> None:
    reference = make_trial(make_view("oracle", strategy=Strategy.REFERENCE), {"skill": 1.0})
    text = shown(make_report([make_trial(make_view("good"), {"skill": 0.5}), reference]), terminal=True)
    good, oracle = (next(row for row in text.splitlines() if name in row) for name in ("good", "oracle"))
    assert "\x1b[1m" in good
    assert "\x1b[2m" in oracle
    assert "\x1b[1m" not in oracle


def test_nothing_that_is_said_drives_the_terminal() -> None:
    failed = make_trial(
        make_view(EVIL), status=Status.FAILED, attempts=[make_attempt(Status.FAILED, error_type="Boom", message=EVIL)]
    )
    good = make_trial(make_view("good"), {"skill": 0.5})
    text = shown(make_report([failed, good], suite=EVIL), terminal=True)
    assert "\x1b]0;" not in text
    assert "\x07" not in text
    assert text.count("\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}") == 5, (
        "the suite, its place on the board, the row, the note and its reason"
    )


def usual() -> Report:
    """Two methods on three datasets, three seeds each, with all that tables speak of."""
    numbers = {**SMALL, "sliced_wasserstein_common": 0.3, "mass_outside": 0.2}
    return make_report(
        make_trial(make_view(row, seed=s, dataset=d), {**numbers, "skill": level + s / 50})
        for row, level in (("sparse_coding", 0.5), ("nce", 0.8))
        for d in ("8gaussians", "moons", "checkerboard_s")
        for s in range(3)
    )


def test_a_wider_terminal_shows_more() -> None:
    """What is always there, and what comes with room."""
    always = ["times the best", "ranks", "stands", "worst", "ok", "skill ↑", "KL (nats) ↓", "outside 20 %"]
    widths = {80: [], 120: ["strategy", "optimality", "train s"], 200: ["Mpasses", "8gaussians  moons  checkerboard_s"]}
    texts = {width: shown(usual(), width) for width in widths}
    for width, text in texts.items():
        assert max(map(len, text.splitlines())) <= width
        expected = [*always, *(title for w, titles in widths.items() if w <= width for title in titles)]
        assert [title for title in expected if title not in text] == [], width
    later = [title for titles in widths.values() for title in titles]
    assert [title for title in later if title in texts[80]] == []


@pytest.mark.parametrize("width", [80, 120, 200])
def test_hostile_names_and_long_failures_cut_nothing(width: int) -> None:
    """Headings stand whole, cells are broken, no line is longer than the terminal."""
    rows, places = ("n" * 300, "漢" * 40, "a b " * 50), ("d" * 200, "rings")
    trials = [
        make_trial(make_view(row, seed=s, dataset=d), {"skill": 0.5 - s, "kl": 1e9}, status=status)
        for row in rows
        for d in places
        for s, status in enumerate((Status.OK, Status.DIVERGED, Status.TIMEOUT, Status.OK))
    ]
    lines = shown(make_report(trials), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    heads = [line for line in lines if "method" in line and "ok" in line]
    assert len(heads) == 3
    assert all("ranks" in head and "stands" in head for head in heads[:2])
    assert any("diverged" in line for line in lines)
    assert sum(line.count("n") for line in lines) >= 900, "no name is cut"


def test_a_very_narrow_terminal_gets_something() -> None:
    assert max(map(len, shown(usual(), 30).splitlines())) <= 30


def test_eighty_characters_are_enough() -> None:
    trials = [make_trial(make_view(row, seed=s), SMALL) for row in ("mle_grid", "sparse_coding") for s in range(2)]
    lines = shown(make_report(trials), width=80).splitlines()
    table = [line for line in lines if "mle_grid" in line or "sparse_coding" in line]
    assert len(table) == 6, "a row is a line: of two boards, and of the averages"
    assert "what does not apply" not in "".join(lines)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_the_widest_of_usual_rows_fits_too() -> None:
    """A long name, a wide interval, a long dataset."""
    trials = [
        make_trial(make_view(row, seed=s, dataset=name), {"skill": 1 - loss * (1 + s)})
        for row, loss in (("sparse_coding", 1.1), ("masked_ae_mse", 1e-4))
        for name in ("checkerboard_s", "pink_spiral")
        for s in range(2)
    ]
    lines = shown(make_report(trials), width=80).splitlines()
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_what_is_missing_is_said_below() -> None:
    skipped = make_trial(make_view("nce", seed=1, skipped="no such device"), status=Status.SKIPPED)
    text = shown(make_report([make_trial(make_view("nce"), SMALL), skipped]))
    assert "- nce: 1 x skipped: no such device" in text
    assert "1/2, 1 skipped" in text
