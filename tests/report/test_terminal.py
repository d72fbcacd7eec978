"""The leaderboard for a terminal: names as they are, nothing that drives it, and no more than there is room for."""

from __future__ import annotations

import io

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
    text = shown(pair("a[bold]b", "second"))
    assert "a[bold]b" in text
    assert "~" in next(row for row in text.splitlines() if "second" in row)
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


def test_wide_columns_are_left_to_the_page() -> None:
    text = shown(make_report([make_trial(make_view("nce"), SMALL)]))
    assert "MMD²" in text
    assert "modes" not in text


def test_eighty_characters_are_enough() -> None:
    trials = [make_trial(make_view(row, seed=s), SMALL) for row in ("mle_grid", "sparse_coding") for s in range(2)]
    lines = shown(make_report(trials), width=80).splitlines()
    table = [line for line in lines if "mle_grid" in line or "sparse_coding" in line]
    assert len(table) == 6, "a row is a line: of two boards, and of the averages"
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
