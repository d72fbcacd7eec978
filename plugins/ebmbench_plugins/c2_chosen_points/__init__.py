"""C2: push down the energy of data points, push up on chosen locations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

normalized = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.NORMALIZED)
density = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.DENSITY)
ranking = partial(MethodSpec, strategy=Strategy.C2, kind=EnergyKind.RANKING)

FIVE = ("8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral")
CHAINS = ("8gaussians", "moons", "rings", "pink_spiral")
TUNED_ON = {
    "cd_k": CHAINS,
    "cd_k_local": CHAINS,
    "pcd": CHAINS,
    "mle_langevin": FIVE,
    "nce": ("moons", "pink_spiral"),
    "rank_nce": ("moons", "pink_spiral"),
    "cnce": ("pink_spiral",),
    "cd_kick": ("rings",),
    "energy_discrepancy": ("8gaussians", "rings"),
}
"""The data by whose exact density a default was chosen (docs/defaults.md)."""


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C2."""
    yield from (replace(spec, tuned_on=TUNED_ON.get(spec.name, ())) for spec in _methods())


def _methods() -> Iterator[MethodSpec]:
    what = "contrastive divergence: push up where a few Langevin steps lead from the data"
    yield density("cd_k", f"{__name__}.cd_k:CDk", summary=what, refs=("Hinton 2002",))
    what = "contrastive divergence whose chains never jump: Hinton's own"
    yield density("cd_k_local", f"{__name__}.cd_k:CDk", summary=what, refs=("Hinton 2002",), params={"jumps": 0})
    what = "persistent contrastive divergence: push up where chains that are never restarted stand"
    yield density("pcd", f"{__name__}.pcd:PCD", summary=what, refs=("Tieleman 2008", "Younes 1999"))
    what = "push up where long Langevin chains from noise end"
    yield density(
        "mle_langevin",
        f"{__name__}.mle_langevin:MLELangevin",
        summary=what,
        refs=("Nijkamp et al. 2019", "Nijkamp et al. 2020"),
    )
    what = "push up where persistent Hamiltonian chains stand"
    yield density("mle_hmc", f"{__name__}.mle_hmc:MLEHMC", summary=what, refs=("Duane et al. 1987", "Neal 2011"))
    what = "noise-contrastive estimation: tell data from Gaussian noise"
    yield normalized(
        "nce", f"{__name__}.nce:NCE", summary=what, refs=("Gutmann & Hyvarinen 2010", "Gutmann & Hyvarinen 2012")
    )
    what = "find the data point among Gaussian noise"
    yield density(
        "rank_nce", f"{__name__}.rank_nce:RankNCE", summary=what, refs=("Ma & Collins 2018", "van den Oord et al. 2018")
    )
    what = "tell data from their own disturbed copies"
    yield density("cnce", f"{__name__}.cnce:CNCE", summary=what, refs=("Ceylan & Gutmann 2018",))
    what = "kick data at random, descend without noise, push up where they end"
    yield ranking("cd_kick", f"{__name__}.cd_kick:CDKick", summary=what, refs=("LeCun et al. 2006",))
    what = "the same with a descent that goes a third of the kick: the lecture's own"
    rolling = {"descent_steps": 20, "descent_step": 0.002}
    yield ranking(
        "cd_kick_roll", f"{__name__}.cd_kick:CDKick", summary=what, refs=("LeCun et al. 2006",), params=rolling
    )
    what = "data at least a margin below uniform draws and disturbed data"
    yield ranking(
        "margin", f"{__name__}.margin:Margin", summary=what, refs=("LeCun et al. 2006", "Zhao, Mathieu & LeCun 2017")
    )
    what = "the discriminator of an adversarial generator"
    yield ranking("gan_ratio", f"{__name__}.gan_ratio:GANRatio", summary=what, refs=("Goodfellow et al. 2014",))
    what = "the energy of data against the free energy of their neighborhood"
    yield density(
        "energy_discrepancy",
        f"{__name__}.energy_discrepancy:EnergyDiscrepancy",
        summary=what,
        refs=("Schroder et al. 2023",),
    )
    what = "minimum probability flow to the states one flip away"
    yield density("mpf", f"{__name__}.mpf:MPF", summary=what, refs=("Sohl-Dickstein, Battaglino & DeWeese 2011",))
    what = "ratio matching: score matching for bits"
    yield density("ratio_matching", f"{__name__}.ratio_matching:RatioMatching", summary=what, refs=("Hyvarinen 2007",))
    what = "the likelihood of each bit given all the others"
    yield density(
        "pseudo_likelihood", f"{__name__}.pseudo_likelihood:PseudoLikelihood", summary=what, refs=("Besag 1975",)
    )
