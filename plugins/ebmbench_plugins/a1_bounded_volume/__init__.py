"""A1: build the machine so that the volume of low energy space is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

normalized = partial(MethodSpec, strategy=Strategy.A1, kind=EnergyKind.NORMALIZED)
ranking = partial(MethodSpec, strategy=Strategy.A1, kind=EnergyKind.RANKING)

ZUKO = {"zuko": "ebmbench[flows]"}
"""What the flows are made of."""


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A1."""
    what = "K prototypes: squared distance to the nearest, by Lloyd's algorithm"
    yield ranking(
        "kmeans", f"{__name__}.kmeans:KMeans", summary=what, refs=("Lloyd 1982", "Arthur & Vassilvitskii 2007")
    )
    what = "the free energy over the prototypes of kmeans in the place of the nearest"
    yield ranking(
        "kmeans_free", f"{__name__}.kmeans:KMeans", summary=what, refs=("LeCun, NYU DLSP20",), params={"free": True}
    )
    what = "mixture of full Gaussians, by expectation-maximization"
    yield normalized(
        "gmm",
        f"{__name__}.gmm:GMM",
        summary=what,
        refs=("Dempster, Laird & Rubin 1977",),
        tuned_on=("8gaussians", "checkerboard_s"),
    )
    what = "the energy of kmeans by stochastic gradients, each prototype at its own rate"
    yield ranking(
        "kmeans_sgd", f"{__name__}.kmeans_sgd:KMeansSGD", summary=what, refs=("MacQueen 1967", "Bottou & Bengio 1995")
    )
    what = "a Gaussian that is thick along a few axes alone, in closed form"
    yield normalized("ppca", f"{__name__}.ppca:PPCA", summary=what, refs=("Tipping & Bishop 1999",))
    what = "squared distance from the principal subspace, flat along it"
    yield ranking("pca", f"{__name__}.pca:PCA", summary=what, refs=("Pearson 1901",))
    what = "a square unmixing of sources with the density 1/2 sech^2, by maximum likelihood"
    yield normalized("ica", f"{__name__}.ica:ICA", summary=what, refs=("Bell & Sejnowski 1995", "Cardoso 1997"))
    what = "normalizing flow of affine couplings"
    yield normalized(
        "realnvp",
        f"{__name__}.realnvp:RealNVP",
        summary=what,
        refs=("Dinh, Sohl-Dickstein & Bengio 2017",),
        tuned_on=("8gaussians",),
        needs=ZUKO,
    )
    what = "normalizing flow of autoregressive rational-quadratic splines"
    yield normalized("nsf", f"{__name__}.nsf:NSF", summary=what, refs=("Durkan et al. 2019",), needs=ZUKO)
    what = "mixture of Gaussians whose weights, means and widths a network of x gives"
    yield normalized("mdn", f"{__name__}.mdn:MDN", summary=what, refs=("Bishop 1994",))
    what = "k-means whose prototypes a network of x gives"
    yield ranking(
        "kmeans_net",
        f"{__name__}.kmeans_net:KMeansNet",
        summary=what,
        refs=("Guzman-Rivera et al. 2012", "Rupprecht et al. 2017"),
    )
