"""C3: train a function that maps points off the data manifold to points on it."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C3."""
    yield MethodSpec(
        "dae",
        "ebmbench_plugins.c3_denoising.dae:DAE",
        Strategy.C3,
        EnergyKind.RANKING,
        "denoising auto-encoder on a ladder of noise levels; energy = reconstruction error",
        ("Vincent et al. 2008", "Alain & Bengio 2014"),
    )
