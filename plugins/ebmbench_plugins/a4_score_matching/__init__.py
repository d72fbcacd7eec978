"""A4: minimize the gradient and maximize the curvature around data points."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

_HERE = "ebmbench_plugins.a4_score_matching"


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A4."""
    yield MethodSpec(
        "sm_exact",
        f"{_HERE}.sm_exact:SMExact",
        Strategy.A4,
        EnergyKind.DENSITY,
        "score matching with the exact Laplacian",
        ("Hyvarinen 2005",),
    )
    yield MethodSpec(
        "ssm",
        f"{_HERE}.ssm:SSM",
        Strategy.A4,
        EnergyKind.DENSITY,
        "score matching along random directions",
        ("Song et al. 2019",),
    )
    yield MethodSpec(
        "ssm_vr",
        f"{_HERE}.ssm:SSM",
        Strategy.A4,
        EnergyKind.DENSITY,
        "curvature along random directions, gradient whole",
        ("Song et al. 2019",),
        {"reduced": True},
    )
    yield MethodSpec(
        "fd_ssm",
        f"{_HERE}.fd_ssm:FDSSM",
        Strategy.A4,
        EnergyKind.DENSITY,
        "score matching along random directions by differences of energies",
        ("Pang et al. 2020",),
    )
    yield MethodSpec(
        "dsm",
        f"{_HERE}.dsm:DSM",
        Strategy.A4,
        EnergyKind.SMOOTHED,
        "denoising score matching at one noise level",
        ("Vincent 2011", "Hyvarinen 2005"),
    )
    yield MethodSpec(
        "dsm_multi",
        f"{_HERE}.dsm_multi:DSMMulti",
        Strategy.A4,
        EnergyKind.SMOOTHED,
        "denoising score matching at all noise levels, with the score in time",
        ("Song & Ermon 2019", "Choi et al. 2022"),
    )
