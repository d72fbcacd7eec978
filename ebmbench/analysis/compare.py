"""Which of several methods cannot be told from the best, by paired tests over (dataset, seed)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

SIGNIFICANCE = 0.05


def tied_with_best(pairs: pd.DataFrame, best: str) -> set[str]:
    """The columns whose paired difference to the best is not significant (Wilcoxon signed-rank, Holm's correction).

    Args:
        pairs: a column a method, a row a (dataset, seed).
        best: the column of the best.
    """
    others = [column for column in pairs.columns if column != best]
    p_values = {other: _p_value(pairs[best], pairs[other]) for other in others}
    return {other for other, rejected in holm(p_values).items() if not rejected}


def holm(p_values: Mapping[str, float], level: float = SIGNIFICANCE) -> dict[str, bool]:
    """Which hypotheses are rejected at a family-wise level (Holm 1979)."""
    rejected, going = {}, True
    for rank, name in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        going = going and p_values[name] <= level / (len(p_values) - rank)
        rejected[name] = going
    return rejected


def _p_value(first: pd.Series[float], second: pd.Series[float]) -> float:
    from scipy.stats import wilcoxon

    difference = (first - second).dropna().to_numpy(dtype=np.float64)
    if not np.any(difference):
        return 1.0
    return float(wilcoxon(difference, method="auto").pvalue)
