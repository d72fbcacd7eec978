"""A2: use a regularization term that measures the volume of space that has low energy."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A2."""
    yield MethodSpec(
        "sparse_coding",
        "ebmbench_plugins.a2_regularized_code.sparse_coding:SparseCoding",
        Strategy.A2,
        EnergyKind.RANKING,
        "linear dictionary with an L1 code, inferred by FISTA",
        ("Olshausen & Field 1996", "Mairal et al. 2009", "Beck & Teboulle 2009"),
    )
