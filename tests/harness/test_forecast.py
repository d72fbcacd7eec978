"""The time left: medians of a method's own trials, else of all."""

from __future__ import annotations

import pytest

from ebmbench.contracts import EnergyKind, Strategy
from ebmbench.harness.forecast import Forecast
from ebmbench.store.records import TrialView


def view(row: str, number: int) -> TrialView:
    return TrialView(
        key=f"{row}{number}",
        name=f"{row}/moons/{number}/cpu",
        row=row,
        method=row,
        dataset="moons",
        seed=number,
        device="cpu",
        strategy=Strategy.C2,
        kind=EnergyKind.DENSITY,
    )


def test_nothing_is_known_at_first() -> None:
    assert Forecast([view("nce", 0)], 2).left() is None


def test_a_method_takes_what_it_took() -> None:
    trials = [view(row, number) for row in ("fast", "slow") for number in range(4)]
    forecast = Forecast(trials, 1)
    forecast.learn(trials[0], 2.0)
    forecast.learn(trials[4], 100.0)
    assert forecast.left() == pytest.approx(3 * 2.0 + 3 * 100.0)


def test_an_unknown_method_takes_the_median_of_all() -> None:
    trials = [view("nce", 0), view("nce", 1), view("nce", 2), view("pcd", 0)]
    forecast = Forecast(trials, 1)
    for trial, seconds in zip(trials[:3], (1.0, 3.0, 50.0), strict=True):
        forecast.learn(trial, seconds)
    assert forecast.left() == pytest.approx(3.0), "the median is not moved by one slow trial"


def test_workers_share_what_is_left() -> None:
    trials = [view("nce", number) for number in range(9)]
    forecast = Forecast(trials, 4)
    forecast.learn(trials[0], 10.0)
    assert forecast.left() == pytest.approx(8 * 10.0 / 4)
    for trial in trials[1:7]:
        forecast.learn(trial, 10.0)
    assert forecast.left() == pytest.approx(10.0), "two trials are left for four workers: neither is split"


def test_nothing_is_left_at_the_end() -> None:
    trials = [view("nce", number) for number in range(2)]
    forecast = Forecast(trials, 2)
    for trial in trials:
        forecast.learn(trial, 3.0)
    assert forecast.left() == 0


def test_a_trial_of_another_run_teaches_and_is_not_waited_for() -> None:
    forecast = Forecast([view("nce", 0), view("nce", 1)], 1)
    forecast.learn(view("nce", 99), 4.0)
    assert forecast.left() == pytest.approx(8.0)
