"""Paired tests with Holm's correction: a clear winner has no ties, a true tie is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, wilcoxon

from ebmbench.analysis.compare import holm, tied_with_best

PAIRS = 25


def test_holm_by_hand() -> None:
    """At 5 %: 0.01 <= 0.05/4, then 0.03 > 0.05/3 stops; what comes after is not rejected, however small the bound."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == {"d": True, "a": True, "c": False, "b": False}


def test_holm_goes_on_only_while_it_rejects() -> None:
    """The second fails, so the third is not rejected although 0.04 <= 0.05 / 1."""
    assert holm({"first": 0.001, "second": 0.03, "third": 0.04}) == {"first": True, "second": False, "third": False}


def test_holm_rejects_at_the_bound_itself() -> None:
    assert holm({"a": 0.025, "b": 0.05}) == {"a": True, "b": True}


def test_holm_of_one_is_the_plain_test_and_of_none_is_nothing() -> None:
    assert holm({"a": 0.04}) == {"a": True}
    assert holm({"a": 0.06}) == {"a": False}
    assert holm({}) == {}


def test_holm_agrees_with_adjusted_p_values() -> None:
    """The running maximum of (m - k) p_k over the sorted p; and it rejects no more than FDR control does."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.uniform(0, 0.1, 6) ** 1.5
        order = np.argsort(p)
        adjusted = np.empty(6)
        adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(6, 0, -1)))
        found = holm({str(k): float(value) for k, value in enumerate(p)})
        assert [found[str(k)] for k in range(6)] == list(adjusted <= 0.05)
        assert (false_discovery_control(p)[adjusted <= 0.05] <= 0.05).all()


def table(**shifts: float) -> pd.DataFrame:
    """Skills of 25 pairs with a common part: how hard the dataset is."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 1, PAIRS)
    return pd.DataFrame({name: hard + shift + rng.normal(0, 0.05, PAIRS) for name, shift in shifts.items()})


def test_a_clear_winner_has_no_ties() -> None:
    """Though the datasets differ by far more than the methods do: the tests are paired."""
    assert tied_with_best(table(best=0.3, second=0.1, third=0.0), "best") == set()


def test_a_true_tie_is_one() -> None:
    assert tied_with_best(table(best=0.3, equal=0.3, worse=0.0), "best") == {"equal"}


def test_equal_columns_are_tied() -> None:
    pairs = table(best=0.3)
    assert tied_with_best(pairs.assign(twin=pairs["best"]), "best") == {"twin"}


def test_the_best_alone_has_no_ties() -> None:
    assert tied_with_best(table(best=0.0), "best") == set()


def test_few_pairs_cannot_tell_anything_apart() -> None:
    """Of five pairs the least p-value of a signed-rank test is 1/16: more than 5 %."""
    assert tied_with_best(table(best=9.0, far=0.0).head(5), "best") == {"far"}
    assert tied_with_best(table(best=9.0, far=0.0).head(6), "best") == set()


def test_only_common_pairs_count() -> None:
    """Trials that a method was not run for are left out: six of them remain here."""
    pairs = table(best=9.0, far=0.0)
    pairs.loc[6:, "far"] = np.nan
    assert tied_with_best(pairs, "best") == set()
    pairs.loc[5:, "far"] = np.nan
    assert tied_with_best(pairs, "best") == {"far"}


def test_the_correction_counts() -> None:
    """Alone a method is told apart; among many it is not, when its p-value lies between 5 % / m and 5 %."""
    rng = np.random.default_rng(0)
    near = pd.Series(np.zeros(PAIRS))
    best = near + rng.normal(0.5, 1, PAIRS)
    p = float(wilcoxon(best - near).pvalue)
    many = 12
    assert 0.05 / many < p < 0.05
    assert tied_with_best(pd.DataFrame({"best": best, "near": near}), "best") == set()
    others = {str(k): best + rng.normal(0, 1, PAIRS) for k in range(many - 1)}
    assert "near" in tied_with_best(pd.DataFrame({"best": best, "near": near, **others}), "best")


@pytest.mark.parametrize("zeros", [1, 10, 24])
def test_pairs_that_are_equal_do_not_break_the_test(zeros: int) -> None:
    """Two failures of -1 each are a difference of zero."""
    pairs = table(best=0.5, other=0.0)
    pairs.iloc[:zeros] = -1.0
    assert tied_with_best(pairs, "best") == (set() if zeros < 20 else {"other"})
