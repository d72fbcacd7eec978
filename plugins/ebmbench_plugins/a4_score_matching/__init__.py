"""A4: minimize the gradient and maximize the curvature around data points."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

density = partial(MethodSpec, strategy=Strategy.A4, kind=EnergyKind.DENSITY)
smoothed = partial(MethodSpec, strategy=Strategy.A4, kind=EnergyKind.SMOOTHED)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A4."""
    what = "score matching with the exact Laplacian"
    yield density("sm_exact", f"{__name__}.sm_exact:SMExact", summary=what, refs=("Hyvarinen 2005",))
    what = "score matching along random directions"
    yield density("ssm", f"{__name__}.ssm:SSM", summary=what, refs=("Song et al. 2019",))
    what = "curvature along random directions, gradient whole"
    yield density("ssm_vr", f"{__name__}.ssm:SSM", summary=what, refs=("Song et al. 2019",), params={"reduced": True})
    what = "score matching along random directions by differences of energies"
    yield density("fd_ssm", f"{__name__}.fd_ssm:FDSSM", summary=what, refs=("Pang et al. 2020",))
    what = "denoising score matching at one noise level"
    yield smoothed(
        "dsm",
        f"{__name__}.dsm:DSM",
        summary=what,
        refs=("Vincent 2011", "Hyvarinen 2005"),
        tuned_on=("8gaussians", "rings"),
    )
    what = "denoising score matching at all noise levels, with the score in time"
    yield smoothed(
        "dsm_multi",
        f"{__name__}.dsm_multi:DSMMulti",
        summary=what,
        refs=("Song & Ermon 2019", "Choi et al. 2022"),
        tuned_on=("rings",),
    )
