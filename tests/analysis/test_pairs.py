"""How often one method does better than another: against the definition by loops, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ebmbench.analysis.pairs import pairs


def losses(columns: dict[str, list[list[float]]]) -> pd.DataFrame:
    """A column a method: for each dataset its seeds."""
    first = next(iter(columns.values()))
    places = [(f"d{d}", s) for d, seeds in enumerate(first) for s in range(len(seeds))]
    index = pd.MultiIndex.from_tuples(places)
    return pd.DataFrame({name: [x for seeds in found for x in seeds] for name, found in columns.items()}, index)


def by_loops(one: list[list[float]], other: list[list[float]]) -> float:
    """Agarwal et al. 2021: the mean over tasks of the share of pairs of runs in which the first is better."""
    found = []
    for a, b in zip(one, other, strict=True):
        wins = [1.0 if x < y else 0.5 if x == y else 0.0 for x in a for y in b if not math.isnan(x + y)]
        if wins:
            found.append(sum(wins) / len(wins))
    return sum(found) / len(found) if found else math.nan


@pytest.mark.parametrize("seed", range(5))
def test_the_probability_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {f"m{k}": np.round(rng.normal(k / 3, 1, size=(4, 3)), 1).tolist() for k in range(4)}
    columns["m1"][2] = [math.inf, math.inf, 0.0]
    columns["m2"][1] = [math.nan] * 3
    found = pairs(losses(columns))
    for i, one in enumerate(columns.values()):
        for j, other in enumerate(columns.values()):
            assert found.probability[i, j] == pytest.approx(by_loops(one, other))


def test_of_two_one_is_better_and_a_method_equals_itself() -> None:
    rng = np.random.default_rng(0)
    found = pairs(losses({f"m{k}": rng.normal(size=(3, 5)).tolist() for k in range(3)}))
    np.testing.assert_allclose(found.probability + found.probability.T, 1)
    np.testing.assert_allclose(np.diag(found.probability), 0.5)
    np.testing.assert_allclose(found.low + found.high.T, 1, atol=0.03)
    assert (found.low <= found.probability + 1e-9).all()
    assert (found.probability <= found.high + 1e-9).all()


def test_two_failures_are_equal_and_one_loses() -> None:
    found = pairs(losses({"a": [[math.inf, math.inf]], "b": [[math.inf, math.inf]], "c": [[1.0, 2.0]]}))
    assert found.probability[0, 1] == 0.5
    assert found.probability[2, 0] == 1


def test_one_trial_a_method_has_no_interval() -> None:
    found = pairs(losses({"a": [[1.0]], "b": [[2.0]]}))
    assert found.probability[0, 1] == 1
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_methods_that_never_met_have_no_probability() -> None:
    found = pairs(losses({"a": [[1.0], [math.nan]], "b": [[math.nan], [1.0]]}))
    assert math.isnan(found.probability[0, 1])


def test_the_interval_holds_the_true_probability() -> None:
    """Two methods whose losses differ by .5 on average over datasets: P = Phi(.5 / sqrt(2 (s^2) + t^2))."""
    rng, covered, trials = np.random.default_rng(0), 0, 120
    for _ in range(trials):
        effect = rng.normal(0.5, 0.5, size=(6, 1))
        one, other = rng.normal(0, 1, size=(6, 5)), effect + rng.normal(0, 1, size=(6, 5))
        found = pairs(losses({"a": one.tolist(), "b": other.tolist()}))
        truth = 0.5 * (1 + math.erf(0.5 / math.sqrt(2 + 0.25) / math.sqrt(2)))
        covered += bool(found.low[0, 1] <= truth <= found.high[0, 1])
    assert covered >= 0.9 * trials


def test_datasets_with_fewer_seeds_are_drawn_with_those() -> None:
    found = pairs(losses({"a": [[1.0, 1.0, 1.0], [1.0]], "b": [[2.0, 2.0, 2.0], [0.0]]}))
    assert found.probability[0, 1] == 0.5
    assert (found.low[0, 1], found.high[0, 1]) == (0, 1)
