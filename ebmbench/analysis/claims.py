"""Likelihoods that nobody can have: claims that fall below the truth's own by more than test points explain.

Where no lattice covers the space, the held-out likelihood of an energy that says it is normalized is taken at its word.
No density q has less expected -log q than the truth p itself: E_p[-log q] - E_p[-log p] = KL(p || q) >= 0. On test
points the difference may fall below zero by chance: the standard deviation of a difference of means is at most the sum
of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ebmbench.analysis.summaries import MethodSummary

CLAIMED, CLAIMED_ERROR = "nll", "nll_se"
"""The held-out likelihood of an energy as it is, and its standard error."""
ORACLE = "oracle"
"""The reference method that is the truth itself."""
ERRORS = 5
"""Standard errors that chance may explain."""
UNKNOWN_ERROR = 0.5
"""Nats that it may, where standard errors were not asked for."""


def truth_of(methods: Iterable[MethodSummary]) -> MethodSummary | None:
    """The row that is the truth itself, if the run has it: of several devices the first."""
    return next((each for each in methods if each.reference and set(each.facts["method"]) == {ORACLE}), None)


def impossible(method: MethodSummary, truth: MethodSummary | None) -> pd.Series[float]:
    """By how many nats the claim of each trial, by name, lies below what the truth has on the same test points.

    Missing where it does not by more than chance allows, or where either is not known.
    """
    if truth is None:
        return pd.Series(float("nan"), method.facts.index)
    here, there = _claims(method), _claims(truth)
    known = there[~there.index.duplicated()].reindex(here.index)
    below = known[CLAIMED] - here[CLAIMED]
    allowed = (ERRORS * (known[CLAIMED_ERROR] + here[CLAIMED_ERROR])).fillna(UNKNOWN_ERROR)
    return below.where(below > allowed).set_axis(method.facts.index)


def _claims(method: MethodSummary) -> pd.DataFrame:
    """The claim of each trial that ended well and its standard error, by (dataset, seed)."""
    found = method.values.reindex(columns=[CLAIMED, CLAIMED_ERROR]).astype("float64")
    found.loc[method.failed.to_numpy()] = float("nan")
    return found.set_axis(method.units)
