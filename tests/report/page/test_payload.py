"""What the page is told is what the tables say: boards, medians, profiles, trials, courses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ebmbench.contracts.records import Status
from ebmbench.report.page.document import payload
from ebmbench.report.page.payload import FACTORS
from ebmbench.report.report import Report
from ebmbench.report.text import factor


def test_a_board_is_that_of_the_leaderboard(report: Report) -> None:
    for part, one in zip(payload(report).boards, report.leaderboard.boards, strict=True):
        assert [report.leaderboard.methods[place.method].row for place in part.places] == [s.row for s in one.standings]
        for place, standing in zip(part.places, one.standings, strict=True):
            assert (place.value, place.text, place.word) == (standing.factor.value, factor(standing), standing.word)


def test_the_factors_of_each_dataset_have_the_boards_geometric_mean(report: Report) -> None:
    for part in payload(report).boards:
        for place in part.places:
            found = [x for x in place.of_each if x is not None]
            assert np.exp(np.log(found).mean()) == pytest.approx(place.value)


def profile_by_loops(losses: pd.DataFrame, row: str, factor: float) -> float:
    """The mean over datasets of the share of seeds within a factor of the best median of the dataset."""
    shares = []
    for _, part in losses.groupby(level=0):
        best = min(np.median(part[other]) for other in part)
        shares.append(np.mean([loss - best <= math.log(factor) + 1e-12 for loss in part[row]]))
    return float(np.mean(shares))


def test_a_profile_is_the_share_of_trials_within_a_factor_of_the_best(report: Report) -> None:
    part, one = payload(report).boards[0], report.leaderboard.boards[0]
    for place, standing in zip(part.places, one.standings, strict=True):
        expected = [profile_by_loops(one.losses, standing.row, f) for f in FACTORS]
        np.testing.assert_allclose(place.shares, expected, atol=1e-4)


def test_medians_are_of_the_seeds_that_ended_well(report: Report) -> None:
    told = payload(report)
    for measure in told.measures:
        for k, method in enumerate(report.leaderboard.methods):
            for d, dataset in enumerate(told.datasets):
                value, expected = measure.values[k][d], method.median(measure.name, dataset, failures=False)
                assert (value is None) == (expected is None)
                if value is not None:
                    assert value == pytest.approx(expected, rel=1e-4)


def test_each_trial_has_its_numbers(report: Report) -> None:
    told = payload(report)
    assert len(told.trials) == len(report.trials)
    by_name = {trial.name: trial for trial in told.trials}
    assert by_name["m1/rings/2/cpu"].numbers["kl"] == pytest.approx(1.326 - 1 - math.log(1.326), rel=1e-3)
    assert by_name["broken/moons/0/cpu"].status == Status.DIVERGED
    assert by_name["broken/moons/0/cpu"].numbers == {}
