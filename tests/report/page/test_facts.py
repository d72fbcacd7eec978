"""Under which conditions a run was made, and the commands that make it again."""

from __future__ import annotations

from ebmbench.report.page.facts import commands, facts
from ebmbench.report.report import Report
from ebmbench.store.records import Revision
from tests.factories import make_report, make_trial, make_view


def test_they_say_what_a_trial_could_spend_and_on_which_commit(report: Report) -> None:
    said = dict(facts(report))
    assert said["budget of a trial"] == "5 steps"
    assert said["trials"] == "48, 1 at a time"
    assert said["training data"] == "a stream of fresh rows"


def test_a_commit_with_changes_is_marked() -> None:
    trial = make_trial(make_view("a"), {"skill": 0.5})
    said = dict(facts(make_report([trial], revision=Revision(commit="abcdef0123456789", dirty=True))))
    assert said["commit"] == "abcdef012345 with changes"


def test_a_name_with_a_space_is_quoted() -> None:
    report = make_report([make_trial(make_view("a"), {"skill": 0.5})], suite="my suite")
    assert list(commands(report)) == [
        "ebmbench run 'my suite'",
        "ebmbench report 'my suite' --format html -o report.html",
    ]
