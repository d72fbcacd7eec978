"""The curves of the page: medians of the seeds at milestones, with their ends."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ebmbench.contracts.records import EnergyKind, Status
from ebmbench.report.page.courses import Course, courses
from ebmbench.store.records import Point
from ebmbench.store.runs import TrialResult
from ebmbench.suite.schema import DataRegime
from ebmbench.training.stream import Stream
from tests.factories import Normal, make_report, make_training, make_trial, make_view


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
    (course,) = courses(report.leaderboard, report.trials, report.metrics)
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
    (course,) = courses(report.leaderboard, report.trials, report.metrics)
    assert list(course.middle) == [0.5, 0.01]
    assert course.reached is True


def test_what_was_measured_at_its_end_alone_has_no_course() -> None:
    report = make_report([make_trial(make_view("m"), {"kl": 0.5})])
    assert list(courses(report.leaderboard, report.trials, report.metrics)) == []


@pytest.mark.parametrize(("train", "full_batch"), [("stream", False), ("stream", True), (100, False), (100, True)])
def test_rows_are_the_different_ones_that_a_training_had_seen(train: Any, full_batch: bool) -> None:
    """Against the rows themselves, of which a fixed set has all been seen in the fourth of seven steps.

    The wrong twin, a share of all rows as of all steps, is right for a stream alone.
    """
    steps, at = 7, (1, 2, 3, 4)
    stream = Stream(Normal(), DataRegime(train=train, set=150, validation=10, test=10), 0, torch.zeros(()))
    batches = [stream.training_set().y if full_batch else stream.batch(step, 32).y for step in range(steps)]
    seen = [len(torch.unique(torch.cat(batches[:step]), dim=0)) for step in (*at, steps)]
    training = make_training(steps=steps, samples=sum(map(len, batches)), rows=seen[-1])
    curve = [Point(step, 10 * step, 0.1, "kl", "raw", 1.0) for step in at]
    report = make_report([make_trial(make_view("m"), {"kl": 0.5}, training=training, curve=curve)])
    (course,) = courses(report.leaderboard, report.trials, report.metrics)
    assert list(course.rows) == seen
    twin = [seen[-1] * step / steps for step in (*at, steps)]
    assert (twin == pytest.approx(seen)) == (train == "stream" and not full_batch)


def test_what_a_training_saw_is_not_made_up_where_it_was_not_kept() -> None:
    """All seeds diverged, and none has its costs: there is a course over passes and none over rows."""
    lost = [diverged(seed, points) for seed, points in enumerate((2, 3))]
    (course,) = courses_of(*lost, make_trial(make_view("m"), {"kl": 0.5}))
    assert list(course.passes) == [10, 20, 30]
    assert all(math.isnan(rows) for rows in course.rows)


def courses_of(*trials: TrialResult) -> list[Course]:
    report = make_report(trials)
    return list(courses(report.leaderboard, report.trials, report.metrics))


def went(seed: int, scale: float, points: int = 4) -> TrialResult:
    """A trial that came from 40 scale to scale, ten passes and twenty rows a step, and ended well."""
    curve = [Point(s, 10 * s, 0.1 * s, "kl", "raw", scale * 40 / s) for s in range(1, points)]
    training = make_training(steps=points, passes=10 * points, samples=20 * points, rows=20 * points)
    return make_trial(make_view("a", seed=seed), {"kl": scale}, training=training, curve=curve)


def diverged(seed: int, points: int) -> TrialResult:
    """A trial whose loss was lost after so many milestones; of its training there are no costs."""
    curve = [Point(s, 10 * s, 0.1 * s, "kl", "raw", 100.0) for s in range(1, points + 1)]
    return make_trial(make_view("a", seed=seed), status=Status.DIVERGED, curve=curve)


def test_a_seed_that_diverged_is_infinite_from_there_on_and_costs_are_those_of_the_others() -> None:
    """The wrong twin lets its last milestones stand beside the last ones of the others, as if it had come to an end."""
    (course,) = courses_of(went(0, 1.0), went(1, 2.0), diverged(2, 2))
    assert list(course.middle) == [80, 40, pytest.approx(80 / 3, rel=1e-3), 2]
    assert list(course.high) == [100, 100, math.inf, math.inf]
    assert list(course.low) == [40, 20, pytest.approx(40 / 3, rel=1e-3), 1]
    assert list(course.passes) == [10, 20, 30, 40]
    assert list(course.rows) == [20, 40, 60, 80]


def test_where_most_seeds_failed_the_median_did_not_arrive() -> None:
    """One of them before its first milestone, which is no reason to leave it out."""
    (course,) = courses_of(went(0, 0.01), diverged(1, 0), diverged(2, 1))
    assert list(course.middle) == [100, math.inf, math.inf, math.inf]
    assert course.reached is False


def test_seeds_that_ended_early_end_together_with_the_others() -> None:
    (course,) = courses_of(went(0, 1.0, points=4), went(1, 3.0, points=3))
    assert list(course.passes) == [15, 25, 35]
    assert course.middle[-1] == 2


def test_a_trial_that_was_skipped_has_no_say() -> None:
    skipped = make_trial(make_view("a", seed=1, skipped="no cuda device"), status=Status.SKIPPED)
    (course,) = courses_of(went(0, 1.0), skipped)
    assert list(course.high) == list(course.middle)
