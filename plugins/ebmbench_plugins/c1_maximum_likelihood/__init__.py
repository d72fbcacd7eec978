"""C1: maximum likelihood. Push down the energy of data points, push up everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

normalized = partial(MethodSpec, strategy=Strategy.C1, kind=EnergyKind.NORMALIZED)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C1."""
    what = "maximum likelihood, log Z by quadrature on a randomly shifted lattice"
    yield normalized(
        "mle_grid",
        f"{__name__}.mle_grid:MLEGrid",
        summary=what,
        refs=("LeCun et al. 2006, A tutorial on energy-based learning",),
        tuned_on=("checkerboard_s",),
    )
    what = "self-normalised likelihood: log Z is a parameter, the integral an expectation under Gaussian noise"
    yield normalized(
        "snl",
        f"{__name__}.snl:SNL",
        summary=what,
        refs=("arXiv 2503.07021", "Geyer 1994"),
        tuned_on=("rings", "moons", "pink_spiral"),
    )
    what = "maximum likelihood on bits, log Z by the sum over all states"
    yield normalized(
        "mle_enum",
        f"{__name__}.mle_enum:MLEEnum",
        summary=what,
        refs=("LeCun et al. 2006, A tutorial on energy-based learning",),
        tuned_on=("bars_and_stripes", "boltzmann", "ising"),
    )
