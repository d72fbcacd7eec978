"""C2: push down the energy of data points, push up on chosen locations."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C2."""
    yield MethodSpec(
        "nce",
        "ebmbench_plugins.c2_chosen_points.nce:NCE",
        Strategy.C2,
        EnergyKind.NORMALIZED,
        "noise-contrastive estimation: tell data from Gaussian noise",
        ("Gutmann & Hyvarinen 2010", "Gutmann & Hyvarinen 2012"),
    )
    yield MethodSpec(
        "pcd",
        "ebmbench_plugins.c2_chosen_points.pcd:PCD",
        Strategy.C2,
        EnergyKind.DENSITY,
        "persistent contrastive divergence: push up where chains that are never restarted stand",
        ("Tieleman 2008", "Younes 1999"),
    )
    yield MethodSpec(
        "mpf",
        "ebmbench_plugins.c2_chosen_points.mpf:MPF",
        Strategy.C2,
        EnergyKind.DENSITY,
        "minimum probability flow to the states one flip away",
        ("Sohl-Dickstein, Battaglino & DeWeese 2011",),
    )
    yield MethodSpec(
        "ratio_matching",
        "ebmbench_plugins.c2_chosen_points.ratio_matching:RatioMatching",
        Strategy.C2,
        EnergyKind.DENSITY,
        "ratio matching: score matching for bits",
        ("Hyvarinen 2007",),
    )
    yield MethodSpec(
        "pseudo_likelihood",
        "ebmbench_plugins.c2_chosen_points.pseudo_likelihood:PseudoLikelihood",
        Strategy.C2,
        EnergyKind.DENSITY,
        "the likelihood of each bit given all the others",
        ("Besag 1975",),
    )
