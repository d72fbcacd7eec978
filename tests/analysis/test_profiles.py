"""Optimality gap and performance profiles: against rliable's definitions and loops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ebmbench.analysis.profiles import factor_profile, optimality_gap, performance_profile

INF, NAN = math.inf, math.nan


def scores(rng: np.random.Generator) -> np.ndarray:
    """As rliable has them: (runs, tasks)."""
    return rng.normal(0.7, 0.6, (4, 3))


def test_the_gap_is_that_of_rliable() -> None:
    """``gamma - np.mean(np.minimum(scores, gamma))`` over a matrix of runs and tasks."""
    matrix = scores(np.random.default_rng(0))
    assert (matrix > 1).any()
    found = optimality_gap(matrix.T.tolist())
    assert found.value == pytest.approx(1 - np.mean(np.minimum(matrix, 1.0)))
    assert found.n == 12
    assert found.value > 1 - matrix.mean(), "what is beyond 1 makes good for nothing: the wrong twin would count it"


def test_a_gap_by_hand() -> None:
    found = optimality_gap([[0.5, 2.0], [1.0], []])
    assert found.value == pytest.approx((0.25 + 0) / 2), "datasets weigh alike, and those without a trial not at all"
    assert found.spread == pytest.approx(0.25)
    assert optimality_gap([[-1.0]]).value == 2, "a failure"
    assert optimality_gap([[-1.0]]).spread is None


def test_the_profile_is_the_run_score_distribution_of_rliable() -> None:
    """``np.mean(scores > tau)``."""
    matrix, taus = scores(np.random.default_rng(1)), [-1.0, 0.0, 0.5, 1.0, 9.0]
    assert performance_profile(matrix.T.tolist(), taus) == pytest.approx([np.mean(matrix > tau) for tau in taus])


def test_in_a_profile_datasets_weigh_alike() -> None:
    found = performance_profile([[0.2, 0.6], [0.9, 0.9, 0.9, 0.1], []], [0.5])
    assert found == pytest.approx([(1 / 2 + 3 / 4) / 2])
    assert performance_profile([[0.5]], [0.5]) == pytest.approx([0.0]), "above, and not at"


def losses(levels: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Logs of losses by method and dataset."""
    columns = {row: {(d, k): x for d, xs in by.items() for k, x in enumerate(xs)} for row, by in levels.items()}
    frame = pd.DataFrame(columns)
    return pd.DataFrame(np.log(frame.to_numpy(dtype=float)), frame.index, frame.columns)


def test_the_profile_of_factors_by_hand() -> None:
    """The best median on x is 2, by a; on y it is 1, by b."""
    found = factor_profile(
        losses({"a": {"x": [1, 2, 8], "y": [3, INF, INF]}, "b": {"x": [20, 20, 2], "y": [1, 1, 1]}}), [1, 3, 10, 1e9]
    )
    assert found["a"].tolist() == pytest.approx(
        [(2 / 3 + 0) / 2, (2 / 3 + 1 / 3) / 2, (1 + 1 / 3) / 2, (1 + 1 / 3) / 2]
    )
    assert found["b"].tolist() == pytest.approx([(1 / 3 + 1) / 2, (1 / 3 + 1) / 2, 1, 1])


def test_the_profile_of_factors_is_that_of_loops() -> None:
    rng, taus = np.random.default_rng(2), [1.0, 1.5, 4.0, 30.0]
    levels = {row: {d: list(np.exp(rng.normal(0, 1.5, 3))) for d in "xyz"} for row in "abc"}
    levels["a"]["y"][1] = INF
    found = factor_profile(losses(levels), taus)
    best = {d: min(sorted(levels[row][d])[1] for row in "abc") for d in "xyz"}
    for row in "abc":
        for tau in taus:
            shares = [sum(x <= tau * best[d] * (1 + 1e-9) for x in levels[row][d]) / 3 for d in "xyz"]
            assert found[row][tau] == pytest.approx(sum(shares) / 3)


def test_what_has_no_number_or_defeats_all_does_not_count() -> None:
    found = factor_profile(
        losses({"a": {"x": [1, NAN], "y": [INF, INF]}, "b": {"x": [9, 9], "y": [INF, INF]}, "c": {"x": [NAN, NAN]}}),
        [2.0],
    )
    assert found["a"][2.0] == 1, "of two trials of x one has no number: that is no failure"
    assert found["b"][2.0] == 0
    assert math.isnan(found["c"][2.0])


def test_profiles_rise_to_the_share_of_trials_that_ended() -> None:
    rng = np.random.default_rng(3)
    levels = {row: {d: list(np.exp(rng.normal(0, 1, 4))) for d in "xy"} for row in "ab"}
    levels["a"]["x"][0] = INF
    found = factor_profile(losses(levels), [1, 2, 5, 1e6])
    assert (found.diff().dropna() >= 0).all().all()
    assert found.iloc[-1].tolist() == [7 / 8, 1.0]
