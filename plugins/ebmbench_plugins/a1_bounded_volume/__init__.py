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
    yield MethodSpec(
        "kmeans_sgd",
        "ebmbench_plugins.a1_bounded_volume.kmeans_sgd:KMeansSGD",
        Strategy.A1,
        EnergyKind.RANKING,
        "the energy of kmeans by stochastic gradients, each prototype at its own rate",
        ("MacQueen 1967", "Bottou & Bengio 1995"),
    )
    yield MethodSpec(
        "ppca",
        "ebmbench_plugins.a1_bounded_volume.ppca:PPCA",
        Strategy.A1,
        EnergyKind.NORMALIZED,
        "a Gaussian that is thick along a few axes alone, in closed form",
        ("Tipping & Bishop 1999",),
    )
    yield MethodSpec(
        "pca",
        "ebmbench_plugins.a1_bounded_volume.pca:PCA",
        Strategy.A1,
        EnergyKind.RANKING,
        "squared distance from the principal subspace, flat along it",
        ("Pearson 1901",),
    )
    yield MethodSpec(
        "ica",
        "ebmbench_plugins.a1_bounded_volume.ica:ICA",
        Strategy.A1,
        EnergyKind.NORMALIZED,
        "a square unmixing of sources with the density 1/2 sech^2, by maximum likelihood",
        ("Bell & Sejnowski 1995", "Cardoso 1997"),
    )
    yield MethodSpec(
        "realnvp",
        "ebmbench_plugins.a1_bounded_volume.realnvp:RealNVP",
        Strategy.A1,
        EnergyKind.NORMALIZED,
        "normalizing flow of affine couplings",
        ("Dinh, Sohl-Dickstein & Bengio 2017",),
    )
    yield MethodSpec(
        "nsf",
        "ebmbench_plugins.a1_bounded_volume.nsf:NSF",
        Strategy.A1,
        EnergyKind.NORMALIZED,
        "normalizing flow of autoregressive rational-quadratic splines",
        ("Durkan et al. 2019",),
    )
