"""A4: minimize the gradient and maximize the curvature around data points."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A4."""
    yield MethodSpec(
        "dsm",
        "ebmbench_plugins.a4_score_matching.dsm:DSM",
        Strategy.A4,
        EnergyKind.SMOOTHED,
        "denoising score matching at one noise level",
        ("Vincent 2011", "Hyvarinen 2005"),
    )
