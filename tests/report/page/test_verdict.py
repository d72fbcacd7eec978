"""The verdict in sentences: who leads, who is not told from the leader, what failed, and where nothing can be said."""

from __future__ import annotations

from ebmbench.contracts.records import Status
from ebmbench.report.page.verdict import verdict
from ebmbench.report.report import Report
from tests.factories import make_report, make_trial, make_view


def test_the_verdict_names_who_leads_each_board_and_what_failed(report: Report) -> None:
    density, order, failed = verdict(report.leaderboard)
    assert density.startswith("Density: m0 leads over 2 datasets, at 1.0 [1.0, 1.0] times the best loss on each")
    assert order.startswith("Order: m0 leads")
    assert failed == "6 of 48 trials did not end well: broken (6)."


def one_board(**skills: float | None) -> Report:
    """A dataset, a seed; None: it failed."""
    return make_report(
        make_trial(make_view(row), {"skill": skill, "kl": 1 - skill})
        if skill is not None
        else make_trial(make_view(row), status=Status.FAILED)
        for row, skill in skills.items()
    )


def test_where_one_trial_a_method_tells_nothing_the_verdict_says_so() -> None:
    density, *_ = verdict(one_board(a=0.9, b=0.5).leaderboard)
    assert density == (
        "Density: a leads over one dataset, at 1.0 times the best loss on each; "
        "these trials do not tell b (5.0) from it."
    )


def test_one_method_is_not_called_the_best_of_many() -> None:
    assert next(verdict(one_board(a=0.9).leaderboard)) == "Density: a is the only method."


def test_where_all_have_failed_nobody_leads() -> None:
    said = list(verdict(one_board(a=None, b=None).leaderboard))
    assert not any("leads" in sentence for sentence in said[:-1])
    assert said[-1] == "2 of 2 trials did not end well: a (1), b (1)."


def test_a_run_of_which_nothing_has_ended_says_so() -> None:
    report = make_report([make_trial(make_view("a"), status=None)])
    assert list(verdict(report.leaderboard)) == ["No trial of this run has ended: there is nothing to compare."]
