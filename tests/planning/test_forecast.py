"""The time left: medians of a method's own trials, else of all."""

from __future__ import annotations

import pytest

from ebmbench.planning.forecast import Estimate, Forecast
from ebmbench.store.records import TrialView
from tests.factories import make_view


def view(row: str, number: int, dataset: str = "moons") -> TrialView:
    return make_view(row, seed=number, dataset=dataset)


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


def test_an_earlier_attempt_at_a_trial_teaches_and_the_trial_is_still_waited_for() -> None:
    """As it is when what failed is tried again, or all is to be fresh."""
    trials = [view("nce", 0), view("nce", 1)]
    forecast = Forecast(trials, 1)
    forecast.remember(trials[0], 4.0)
    assert forecast.left() == pytest.approx(8.0)
    forecast.learn(trials[0], 4.0)
    assert forecast.left() == pytest.approx(4.0)


def test_what_is_only_measured_takes_what_it_is_expected_to_and_teaches_nothing() -> None:
    trials = [view("nce", number) for number in range(4)]
    forecast = Forecast(trials, 2)
    forecast.remember(view("nce", 9), 100.0)
    for trial in trials[:3]:
        forecast.expect(trial, 3.0)
    forecast.expect(view("gmm", 7), 1e6)
    found = forecast.estimate()
    assert found is not None
    assert (found.seconds, found.to_run, found.strange) == (100.0, 4, 0), "one trial is as long as the rest together"
    forecast.learn(trials[0], 3.0)
    assert forecast.left() == pytest.approx(100.0)
    forecast.learn(trials[3], 100.0)
    assert forecast.left() == pytest.approx(3.0)
    for trial in trials[1:3]:
        forecast.learn(trial, 3.0)
    assert forecast.left() == 0


def test_a_method_takes_on_a_dataset_what_it_took_there() -> None:
    forecast = Forecast([view("nce", 8), view("nce", 9, "rings")], 1)
    forecast.learn(view("nce", 0), 10.0)
    forecast.learn(view("nce", 1, "rings"), 70.0)
    assert forecast.left() == pytest.approx(80.0)


def test_what_is_never_split_takes_as_long_as_its_longest() -> None:
    forecast = Forecast([view("slow", 0), view("fast", 0)], 2)
    forecast.learn(view("slow", 1), 100.0)
    forecast.learn(view("fast", 1), 2.0)
    assert forecast.left() == pytest.approx(100.0)


# --- the band ---------------------------------------------------------------------------------------------------------


def timed(workers: int) -> Estimate:
    """Eight trials of a method that took 10, 20, 30, 40 and 50 s, and two of one that took 100 s and is steady."""
    waiting = [view("nce", number) for number in range(8)] + [view("gmm", number) for number in range(2)]
    forecast = Forecast(waiting, workers)
    for number, seconds in enumerate((50.0, 10.0, 40.0, 20.0, 30.0)):
        forecast.learn(view("nce", 100 + number), seconds)
        forecast.learn(view("gmm", 100 + number), 100.0)
    found = forecast.estimate()
    assert found is not None
    return found


def test_the_band_is_of_the_quartiles() -> None:
    """By hand: quartiles 20, 30 and 40; 8 x 20 + 200 = 360, 8 x 30 + 200 = 440, 8 x 40 + 200 = 520."""
    found = timed(workers=2)
    assert (found.low, found.seconds, found.high) == pytest.approx((180.0, 220.0, 260.0))
    assert (found.past, found.to_run, found.strange) == (10, 10, 0)
    assert str(found) == "about 3.7 min (3 to 4.3 min) with 2 workers, from 10 earlier trials"


def test_a_forecast_that_forgets_its_workers_is_seen() -> None:
    alone = timed(workers=1)
    assert (alone.low, alone.seconds, alone.high) == pytest.approx((360.0, 440.0, 520.0))


def test_few_trials_lend_the_spread_of_their_row() -> None:
    """One earlier trial on each of five datasets: the middle is that of the dataset, the quartiles are of all five."""
    forecast = Forecast([view("nce", 9, "d2")], 1)
    for number, seconds in enumerate((10.0, 20.0, 30.0, 40.0, 50.0)):
        forecast.learn(view("nce", number, f"d{number}"), seconds)
    found = forecast.estimate()
    assert found is not None
    assert (found.low, found.seconds, found.high) == pytest.approx((20.0, 30.0, 40.0))


def test_a_method_without_a_past_is_counted() -> None:
    forecast = Forecast([view("nce", 8), view("new", 8), view("new", 9)], 1)
    for number, seconds in enumerate((10.0, 20.0, 30.0, 40.0, 50.0)):
        forecast.learn(view("nce", number), seconds)
    found = forecast.estimate()
    assert found is not None
    assert found.strange == 2
    assert found.seconds == pytest.approx(90.0)
    assert str(found) == (
        "about 1.5 min (1 to 2 min) with 1 worker, from 5 earlier trials; 2 of 3 to run are of methods without a past"
    )


@pytest.mark.parametrize(
    ("seconds", "band", "text"),
    [
        (4.0, (3.0, 5.0), "about 4 s (3 to 5 s) with 2 workers, from 1 earlier trial"),
        (4.0, (4.0, 4.0), "about 4 s with 2 workers, from 1 earlier trial"),
        (42 * 60, (35 * 60, 61 * 60), "about 42 min (35 to 61 min) with 2 workers, from 1 earlier trial"),
        (9000, (7200, 36_000), "about 2.5 h (2 to 10 h) with 2 workers, from 1 earlier trial"),
    ],
)
def test_an_estimate_in_words(seconds: float, band: tuple[float, float], text: str) -> None:
    assert str(Estimate(seconds, *band, workers=2, past=1, to_run=3, strange=0)) == text
