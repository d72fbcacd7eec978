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
    yield MethodSpec(
        "dae_plain",
        "ebmbench_plugins.c3_denoising.dae:DAE",
        Strategy.C3,
        EnergyKind.RANKING,
        "dae with the lecture's own energy, the reconstruction error at the point itself: low between modes too",
        ("Vincent et al. 2008", "Alain & Bengio 2014"),
        {"energy_noise": 0.0},
    )
    yield MethodSpec(
        "dae_single",
        "ebmbench_plugins.c3_denoising.dae:DAE",
        Strategy.C3,
        EnergyKind.RANKING,
        "dae trained at one noise level",
        ("Vincent et al. 2008", "Alain & Bengio 2014"),
        {"noise_low": 0.1, "noise_high": 0.1},
    )
    yield MethodSpec(
        "dae_potential",
        "ebmbench_plugins.c3_denoising.dae_potential:DAEPotential",
        Strategy.C3,
        EnergyKind.SMOOTHED,
        "denoising auto-encoder whose map is a step down its energy: denoising score matching",
        ("Vincent 2011",),
    )
    yield MethodSpec(
        "masked_ae",
        "ebmbench_plugins.c3_denoising.masked_ae:MaskedAE",
        Strategy.C3,
        EnergyKind.RANKING,
        "each coordinate predicted from the others by a softmax; energy = minus the pseudo-log-likelihood",
        ("Devlin et al. 2019", "Salazar et al. 2020"),
    )
    yield MethodSpec(
        "masked_ae_mse",
        "ebmbench_plugins.c3_denoising.masked_ae:MaskedAE",
        Strategy.C3,
        EnergyKind.RANKING,
        "each coordinate predicted from the others by its mean; energy = squared error: it blurs",
        ("Devlin et al. 2019",),
        {"head": "mean"},
    )
