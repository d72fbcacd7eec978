"""The bootstrap's parts: by hand, with what is missing, failed, or nothing at all."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from ebmbench.analysis import resampling
from ebmbench.analysis.resampling import RESAMPLES, cube_of, ends, factor, means, medians, resampled, units_of

INF, NAN = math.inf, math.nan


def test_a_cube_is_filled_up_where_a_dataset_has_fewer_seeds() -> None:
    index = pd.MultiIndex.from_tuples([("x", 0), ("y", 0), ("x", 1)])
    cube = cube_of(pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index))
    np.testing.assert_equal(cube[..., 0], [[1, 3], [2, NAN]])
    assert units_of(cube) == 2
    assert units_of(cube[:1]) == 2
    assert units_of(cube[1:, :1]) == 1


def test_medians_know_infinities_and_leave_out_what_is_missing() -> None:
    seeds = [[1, 5, 9], [INF, 2, NAN], [INF, INF, 1], [-INF, INF, NAN], [NAN, NAN, NAN]]
    np.testing.assert_equal(medians(np.array(seeds)[..., None])[:, 0], [5, INF, INF, NAN, NAN])


def test_means_are_of_the_datasets_that_there_are() -> None:
    levels = np.array([[1.0, NAN, INF, INF], [4.0, NAN, 2.0, -INF]])
    np.testing.assert_equal(means(levels), [2.5, NAN, INF, NAN])


def test_a_draw_is_of_datasets_and_of_their_own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two datasets of three seeds and one: the medians that may occur, in their frequencies; in blocks as in one."""
    cube = np.array([[0.0, 3.0, 9.0], [100.0, NAN, NAN]])[..., None]
    found = resampled(cube, lambda levels: levels[:, 0], np.random.default_rng(0))
    assert found.shape == (RESAMPLES, 1)
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [0, 3, 9, 100]
    shares = dict(zip(values, counts / RESAMPLES, strict=True))
    assert shares[100] == pytest.approx(1 / 2, abs=0.04)
    assert shares[3] == pytest.approx((13 / 27) / 2, abs=0.04), "at least two of the three draws on either side"
    monkeypatch.setattr(resampling, "MOST", 6 * 7)
    assert resampled(cube, means, np.random.default_rng(0)).shape == (RESAMPLES, 1)


def test_ends_are_percentiles_expanded_for_few_units() -> None:
    drawn = np.arange(10_000.0)[:, None]
    low, high = ends(drawn, 5)[:, 0]
    share = norm.sf(math.sqrt(5 / 4) * t.ppf(0.975, 4))
    assert low / 10_000 == pytest.approx(share, abs=1e-3)
    assert high / 10_000 == pytest.approx(1 - share, abs=1e-3)
    assert share < 0.001 < 0.025, "the plain percentile would be far within"
    assert np.isnan(ends(np.full((9, 1), NAN), 5)).all()
    assert ends(np.array([0.0] * 50 + [INF] * 50)[:, None], 99).tolist() == [[0.0], [INF]]


def test_a_factor_beyond_a_float_is_infinite() -> None:
    assert factor(math.log(3)) == pytest.approx(3)
    assert factor(5000.0) == INF
    assert factor(-INF) == 0
