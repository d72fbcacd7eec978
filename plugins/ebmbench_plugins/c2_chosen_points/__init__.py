"""C2: push down the energy of data points, push up on chosen locations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

HOME = "ebmbench_plugins.c2_chosen_points"
ranking = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.RANKING)
density = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.DENSITY)
normalized = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.NORMALIZED)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C2."""
    yield from _chains()
    yield from _comparisons()
    yield from _flips()


def _chains() -> Iterator[MethodSpec]:
    """Maximum likelihood, the model's expectation by Markov chains."""
    yield density(
        "cd_k",
        f"{HOME}.cd_k:CDk",
        summary="contrastive divergence: push up where a few Langevin steps lead from the data",
        refs=("Hinton 2002",),
    )
    yield density(
        "cd_k_local",
        f"{HOME}.cd_k:CDk",
        summary="contrastive divergence whose chains never jump: Hinton's own",
        refs=("Hinton 2002",),
        params={"jumps": 0},
    )
    yield density(
        "pcd",
        f"{HOME}.pcd:PCD",
        summary="persistent contrastive divergence: push up where chains that are never restarted stand",
        refs=(
            "Tieleman 2008",
            "Younes 1999",
        ),
    )
    yield density(
        "mle_langevin",
        f"{HOME}.mle_langevin:MLELangevin",
        summary="push up where long Langevin chains from noise end",
        refs=(
            "Nijkamp et al. 2019",
            "Nijkamp et al. 2020",
        ),
    )
    yield density(
        "mle_hmc",
        f"{HOME}.mle_hmc:MLEHMC",
        summary="push up where persistent Hamiltonian chains stand",
        refs=(
            "Duane et al. 1987",
            "Neal 2011",
        ),
    )


def _comparisons() -> Iterator[MethodSpec]:
    """Data told from noise, from their own disturbed copies, or from a generator's."""
    yield normalized(
        "nce",
        f"{HOME}.nce:NCE",
        summary="noise-contrastive estimation: tell data from Gaussian noise",
        refs=(
            "Gutmann & Hyvarinen 2010",
            "Gutmann & Hyvarinen 2012",
        ),
    )
    yield density(
        "rank_nce",
        f"{HOME}.rank_nce:RankNCE",
        summary="find the data point among Gaussian noise",
        refs=(
            "Ma & Collins 2018",
            "van den Oord et al. 2018",
        ),
    )
    yield density(
        "cnce",
        f"{HOME}.cnce:CNCE",
        summary="tell data from their own disturbed copies",
        refs=("Ceylan & Gutmann 2018",),
    )
    yield ranking(
        "cd_kick",
        f"{HOME}.cd_kick:CDKick",
        summary="kick data at random, descend without noise, push up where they end",
        refs=("LeCun et al. 2006",),
    )
    yield ranking(
        "margin",
        f"{HOME}.margin:Margin",
        summary="data at least a margin below uniform draws and disturbed data",
        refs=(
            "LeCun et al. 2006",
            "Zhao, Mathieu & LeCun 2017",
        ),
    )
    yield ranking(
        "gan_ratio",
        f"{HOME}.gan_ratio:GANRatio",
        summary="the discriminator of an adversarial generator",
        refs=("Goodfellow et al. 2014",),
    )
    yield density(
        "energy_discrepancy",
        f"{HOME}.energy_discrepancy:EnergyDiscrepancy",
        summary="the energy of data against the free energy of their neighborhood",
        refs=("Schroder et al. 2023",),
    )


def _flips() -> Iterator[MethodSpec]:
    """Bits, and the states one flip away."""
    yield density(
        "mpf",
        f"{HOME}.mpf:MPF",
        summary="minimum probability flow to the states one flip away",
        refs=("Sohl-Dickstein, Battaglino & DeWeese 2011",),
    )
    yield density(
        "ratio_matching",
        f"{HOME}.ratio_matching:RatioMatching",
        summary="ratio matching: score matching for bits",
        refs=("Hyvarinen 2007",),
    )
    yield density(
        "pseudo_likelihood",
        f"{HOME}.pseudo_likelihood:PseudoLikelihood",
        summary="the likelihood of each bit given all the others",
        refs=("Besag 1975",),
    )
