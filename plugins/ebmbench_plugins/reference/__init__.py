"""Rows to compare with: the truth above, the floors below. Never ranked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

normalized = partial(MethodSpec, strategy=Strategy.REFERENCE, kind=EnergyKind.NORMALIZED)
density = partial(MethodSpec, strategy=Strategy.REFERENCE, kind=EnergyKind.DENSITY)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The reference rows."""
    what = "the true energy, -log p: the ceiling"
    yield normalized("oracle", f"{__name__}.rows:Oracle", summary=what)
    what = "the shared energy net before training: the floor of everybody's network"
    yield density("untrained", f"{__name__}.rows:Untrained", summary=what)
    what = "the normal with the data's mean and covariance: skill 0"
    yield normalized("gaussian", f"{__name__}.rows:MomentMatched", summary=what)
    what = "bits with the data's means, independent of one another: the floor of binary data"
    yield normalized("independent", f"{__name__}.rows:Independent", summary=what)
    what = "y predicted from x by its mean: what blurs"
    yield normalized(
        "least_squares", f"{__name__}.rows:LeastSquares", summary=what, refs=("LeCun, NYU DLSP20, week 7",)
    )
