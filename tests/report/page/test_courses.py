"""The curves of the page: medians of the seeds at milestones, with their ends."""

from __future__ import annotations

from ebmbench.contracts.records import EnergyKind
from ebmbench.report.page.courses import courses
from ebmbench.store.records import Point
from tests.factories import make_report, make_trial, make_view


def test_a_course_is_the_median_of_the_seeds_with_its_ends() -> None:
    trials = [
        make_trial(
            make_view("m", seed=seed),
            {"kl": scale},
            curve=[Point(s, 10 * s, 0.1 * s, "kl", "raw", scale * 8 / s) for s in (1, 2, 4)],
        )
        for seed, scale in enumerate((1.0, 2.0, 4.0))
    ]
    report = make_report(trials)
    (course,) = courses(report.leaderboard, report.metrics)
    assert list(course.middle) == [16, 8, 4, 2]
    assert list(course.low) == [8, 4, 2, 1]
    assert list(course.high) == [32, 16, 8, 4]
    assert list(course.passes) == [10, 20, 40, 1000]
    assert course.reached is False


def test_a_ranking_energy_has_the_course_of_its_fitted_temperature() -> None:
    trial = make_trial(
        make_view("m", kind=EnergyKind.RANKING),
        {"kl_beta": 0.01},
        curve=[Point(1, 10, 0.1, "kl", "beta", 0.5)],
    )
    report = make_report([trial])
    (course,) = courses(report.leaderboard, report.metrics)
    assert list(course.middle) == [0.5, 0.01]
    assert course.reached is True


def test_what_was_measured_at_its_end_alone_has_no_course() -> None:
    report = make_report([make_trial(make_view("m"), {"kl": 0.5})])
    assert list(courses(report.leaderboard, report.metrics)) == []
