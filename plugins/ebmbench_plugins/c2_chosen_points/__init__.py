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
        "cd_k",
        "ebmbench_plugins.c2_chosen_points.cd_k:CDk",
        Strategy.C2,
        EnergyKind.DENSITY,
        "contrastive divergence: push up where a few Langevin steps lead from the data",
        ("Hinton 2002",),
    )
    yield MethodSpec(
        "cd_kick",
        "ebmbench_plugins.c2_chosen_points.cd_kick:CDKick",
        Strategy.C2,
        EnergyKind.RANKING,
        "kick data at random, descend without noise, push up where they end",
        ("LeCun et al. 2006",),
    )
    yield MethodSpec(
        "mle_langevin",
        "ebmbench_plugins.c2_chosen_points.mle_langevin:MLELangevin",
        Strategy.C2,
        EnergyKind.DENSITY,
        "push up where long Langevin chains from noise end",
        ("Nijkamp et al. 2019", "Nijkamp et al. 2020"),
    )
    yield MethodSpec(
        "mle_hmc",
        "ebmbench_plugins.c2_chosen_points.mle_hmc:MLEHMC",
        Strategy.C2,
        EnergyKind.DENSITY,
        "push up where persistent Hamiltonian chains stand",
        ("Duane et al. 1987", "Neal 2011"),
    )
    yield MethodSpec(
        "rank_nce",
        "ebmbench_plugins.c2_chosen_points.rank_nce:RankNCE",
        Strategy.C2,
        EnergyKind.DENSITY,
        "find the data point among Gaussian noise",
        ("Ma & Collins 2018", "van den Oord et al. 2018"),
    )
    yield MethodSpec(
        "cnce",
        "ebmbench_plugins.c2_chosen_points.cnce:CNCE",
        Strategy.C2,
        EnergyKind.DENSITY,
        "tell data from their own disturbed copies",
        ("Ceylan & Gutmann 2018",),
    )
    yield MethodSpec(
        "margin",
        "ebmbench_plugins.c2_chosen_points.margin:Margin",
        Strategy.C2,
        EnergyKind.RANKING,
        "data at least a margin below uniform draws and disturbed data",
        ("LeCun et al. 2006", "Zhao, Mathieu & LeCun 2017"),
    )
    yield MethodSpec(
        "gan_ratio",
        "ebmbench_plugins.c2_chosen_points.gan_ratio:GANRatio",
        Strategy.C2,
        EnergyKind.RANKING,
        "the discriminator of an adversarial generator",
        ("Goodfellow et al. 2014",),
    )
    yield MethodSpec(
        "energy_discrepancy",
        "ebmbench_plugins.c2_chosen_points.energy_discrepancy:EnergyDiscrepancy",
        Strategy.C2,
        EnergyKind.DENSITY,
        "the energy of data against the free energy of their neighborhood",
        ("Schroder et al. 2023",),
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
