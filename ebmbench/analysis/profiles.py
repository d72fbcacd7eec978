"""How often a method is good, and how far it is from the best that can be had: what no mean of ranks shows.

Both after Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical precipice" (their library
is rliable), a task being a dataset and a run a seed; as datasets may have lost some seeds, each has the same weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebmbench.analysis.intervals import Estimate, spread

GAMMA = 1.0
"""The score beyond which nothing counts: of skill, the truth's."""

ROUNDING = 1e-12
"""What the log of a factor may be off by: the best is within a factor 1 of itself."""

Array = NDArray[np.float64]


def optimality_gap(strata: Sequence[Sequence[float]]) -> Estimate:
    """gamma - mean(min(score, gamma)): how much is missing, whatever is above counting as enough.

    Args:
        strata: the scores of each dataset, one for each seed; what failed with the score that it counts as.
    """
    missing = [[GAMMA - min(score, GAMMA) for score in scores] for scores in strata if scores]
    value = fmean(fmean(gaps) for gaps in missing)
    return Estimate(value, n=sum(map(len, missing)), spread=spread(missing))


def performance_profile(strata: Sequence[Sequence[float]], taus: Sequence[float]) -> Array:
    """The share of trials whose score is above each tau, (taus,): the run-score distribution.

    Args:
        strata: as of the optimality gap.
        taus: where it is taken.

    Returns:
        NaN where there is no score.
    """
    shares = [(np.asarray(scores)[:, None] > np.asarray(taus)).mean(0) for scores in strata if scores]
    return np.asarray(np.mean(shares, axis=0)) if shares else np.full(len(taus), np.nan)


def factor_profile(losses: pd.DataFrame, taus: Sequence[float]) -> pd.DataFrame:
    """The share of a method's trials whose loss is within tau times the best method's median on the same data.

    That is Dolan and More's (2002) profile, of trials: the one above of minus the log of the factor. A trial that
    failed is within nothing; datasets weigh alike, and those on which a method has no number do not count.

    Args:
        losses: logs of losses, as a board holds them.
        taus: factors of 1 and more.

    Returns:
        A column a method, a row a tau.
    """
    medians = losses.groupby(level=0).median()
    best = medians.min(axis="columns").where(lambda least: np.isfinite(least))
    behind = losses.sub(best.reindex(losses.index.get_level_values(0)).to_numpy(), axis="index")
    logs = [-math.log(tau) - ROUNDING for tau in taus]
    scores = {row: [(-part).dropna().tolist() for _, part in behind[row].groupby(level=0)] for row in losses}
    shares = {row: performance_profile(strata, logs) for row, strata in scores.items()}
    return pd.DataFrame(shares, index=pd.Index(list(taus), name="tau"), columns=losses.columns)
