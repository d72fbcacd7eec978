"""C3: train a function that maps points off the data manifold to points on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

smoothed = partial(MethodSpec, strategy=Strategy.C3, kind=EnergyKind.SMOOTHED)
ranking = partial(MethodSpec, strategy=Strategy.C3, kind=EnergyKind.RANKING)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C3."""
    what = "denoising auto-encoder on a ladder of noise levels; energy = reconstruction error"
    yield ranking(
        "dae",
        f"{__name__}.dae:DAE",
        summary=what,
        refs=("Vincent et al. 2008", "Alain & Bengio 2014"),
        tuned_on=("rings",),
    )
    what = "dae with the lecture's own energy, the reconstruction error at the point itself: low between modes too"
    yield ranking(
        "dae_plain",
        f"{__name__}.dae:DAE",
        summary=what,
        refs=("Vincent et al. 2008", "Alain & Bengio 2014"),
        params={"energy_noise": 0.0},
    )
    what = "dae trained at one noise level"
    yield ranking(
        "dae_single",
        f"{__name__}.dae:DAE",
        summary=what,
        refs=("Vincent et al. 2008", "Alain & Bengio 2014"),
        params={"noise_low": 0.1, "noise_high": 0.1},
    )
    what = "denoising auto-encoder whose map is a step down its energy: denoising score matching"
    yield smoothed(
        "dae_potential",
        f"{__name__}.dae_potential:DAEPotential",
        summary=what,
        refs=("Vincent 2011",),
        tuned_on=("8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral"),
    )
    what = "each coordinate predicted from the others by a softmax; energy = minus the pseudo-log-likelihood"
    yield ranking(
        "masked_ae", f"{__name__}.masked_ae:MaskedAE", summary=what, refs=("Devlin et al. 2019", "Salazar et al. 2020")
    )
    what = "each coordinate predicted from the others by its mean; energy = squared error: it blurs"
    yield ranking(
        "masked_ae_mse",
        f"{__name__}.masked_ae:MaskedAE",
        summary=what,
        refs=("Devlin et al. 2019",),
        params={"head": "mean"},
    )
