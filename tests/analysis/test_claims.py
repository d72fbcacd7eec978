"""Claims below the truth's own: what chance explains, and what nothing does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ebmbench.analysis.claims import ERRORS, UNKNOWN_ERROR, impossible, truth_of
from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.store.runs import TrialResult
from tests.factories import make_cells, make_report, make_trial, make_view

REFERENCE: dict[str, Any] = {"strategy": Strategy.REFERENCE}


def trial(row: str, nll: float | None, se: float | None = 0.1, **facts: Any) -> TrialResult:
    numbers = {name: value for name, value in (("nll", nll), ("nll_se", se)) if value is not None}
    known = {"kind": EnergyKind.NORMALIZED, **(REFERENCE if row == "oracle" else {}), **facts}
    return make_trial(make_view(row, **known), numbers, status=Status.FAILED if nll is None else Status.OK)


def found(*trials: TrialResult) -> list[float]:
    """By how much each claim of ``mine`` is too low."""
    methods = make_report(trials, metrics=make_cells(["nll", "nll_se"])).leaderboard.methods
    rows = [method for method in methods if method.row.startswith("mine")]
    return [nats for row in rows for nats in impossible(row, truth_of(methods))]


def test_a_claim_far_below_the_entropy_is_impossible_and_one_within_its_error_is_not() -> None:
    """The truth has 21.1: errors of .1 each explain a nat."""
    assert ERRORS * (0.1 + 0.1) == 1
    claims = (1.17, 20.0, 20.2, 21.1, 30.0)
    trials = [one for seed, nll in enumerate(claims) for one in (trial("mine", nll, seed=seed), oracle(seed))]
    assert found(*trials) == pytest.approx([19.93, 1.1, math.nan, math.nan, math.nan], nan_ok=True)


def oracle(seed: int = 0, **facts: Any) -> TrialResult:
    return trial("oracle", 21.1, seed=seed, **facts)


def test_a_claim_is_held_against_the_truth_on_its_own_test_points() -> None:
    """The truth was not measured on seed 1 nor on rings; on a second device it is the same."""
    mine = [trial("mine", 1.0), trial("mine", 1.0, seed=1), trial("mine", 1.0, dataset="rings")]
    mine += [trial("mine", 1.0, device="cuda")]
    assert found(*mine, oracle(), oracle(device="cuda")) == pytest.approx([20.1, math.nan, math.nan, 20.1], nan_ok=True)


def test_without_the_truth_or_a_claim_nothing_is_impossible() -> None:
    assert np.isnan(found(trial("mine", 1.0))).all()
    assert np.isnan(found(trial("mine", None), trial("oracle", 21.1))).all()
    assert np.isnan(found(trial("mine", 1.0), trial("oracle", None))).all()
    assert np.isnan(found(trial("mine", 1.0), trial("gaussian", 21.1, **REFERENCE))).all(), "another reference row"


def test_where_no_errors_were_asked_for_half_a_nat_is_allowed() -> None:
    low, high = 21.1 - 0.9 * UNKNOWN_ERROR, 21.1 - 1.1 * UNKNOWN_ERROR
    assert np.isnan(found(trial("mine", low, None), trial("oracle", 21.1, None))).all()
    assert found(trial("mine", high, None), trial("oracle", 21.1, None)) == pytest.approx([0.55])


def test_honest_likelihoods_are_not_impossible_by_chance() -> None:
    """100 points of p = N(0, I) in ten dimensions under p, and under q = N(0, s^2 I) with s about 1; 30 times."""
    rng, trials = np.random.default_rng(0), []
    for seed, scale in enumerate(1 + 0.1 * rng.normal(size=30)):
        squares = np.square(rng.normal(size=(100, 10))).sum(1)
        for row, s in (("oracle", 1.0), ("mine", scale)):
            nll = squares / (2 * s**2) + 10 * math.log(s) + 5 * math.log(2 * math.pi)
            trials.append(trial(row, nll.mean(), nll.std(ddof=1) / 10, seed=seed))
    assert np.isnan(found(*trials)).all()
