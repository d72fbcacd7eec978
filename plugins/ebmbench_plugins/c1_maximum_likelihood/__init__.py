"""C1: maximum likelihood. Push down the energy of data points, push up everywhere else."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of C1."""
    yield MethodSpec(
        "mle_grid",
        "ebmbench_plugins.c1_maximum_likelihood.mle_grid:MLEGrid",
        Strategy.C1,
        EnergyKind.NORMALIZED,
        "maximum likelihood, log Z by quadrature on a randomly shifted lattice",
        ("LeCun et al. 2006, A tutorial on energy-based learning",),
    )
    yield MethodSpec(
        "snl",
        "ebmbench_plugins.c1_maximum_likelihood.snl:SNL",
        Strategy.C1,
        EnergyKind.NORMALIZED,
        "self-normalised likelihood: log Z is a parameter, the integral an expectation under Gaussian noise",
        ("arXiv 2503.07021", "Geyer 1994"),
    )
    yield MethodSpec(
        "mle_enum",
        "ebmbench_plugins.c1_maximum_likelihood.mle_enum:MLEEnum",
        Strategy.C1,
        EnergyKind.NORMALIZED,
        "maximum likelihood on bits, log Z by the sum over all states",
        ("LeCun et al. 2006, A tutorial on energy-based learning",),
    )
