"""A1: build the machine so that the volume of low energy space is bounded."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A1."""
    yield MethodSpec(
        "kmeans",
        "ebmbench_plugins.a1_bounded_volume.kmeans:KMeans",
        Strategy.A1,
        EnergyKind.RANKING,
        "K wells: squared distance to the nearest prototype, by Lloyd's algorithm",
        ("Lloyd 1982", "Arthur & Vassilvitskii 2007"),
    )
    yield MethodSpec(
        "gmm",
        "ebmbench_plugins.a1_bounded_volume.gmm:GMM",
        Strategy.A1,
        EnergyKind.NORMALIZED,
        "mixture of full Gaussians, by expectation-maximization",
        ("Dempster, Laird & Rubin 1977",),
    )
