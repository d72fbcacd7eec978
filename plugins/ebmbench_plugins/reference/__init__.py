"""Rows to compare with: the truth above, the floors below. Never ranked."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

HERE = "ebmbench_plugins.reference.rows"


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The reference rows."""
    yield MethodSpec(
        "oracle", f"{HERE}:Oracle", Strategy.REFERENCE, EnergyKind.NORMALIZED, "the true energy, -log p: the ceiling"
    )
    yield MethodSpec(
        "untrained",
        f"{HERE}:Untrained",
        Strategy.REFERENCE,
        EnergyKind.DENSITY,
        "the shared energy net before training: the floor of everybody's network",
    )
    yield MethodSpec(
        "gaussian",
        f"{HERE}:MomentMatched",
        Strategy.REFERENCE,
        EnergyKind.NORMALIZED,
        "the normal with the data's mean and covariance: skill 0",
    )
    yield MethodSpec(
        "independent",
        f"{HERE}:Independent",
        Strategy.REFERENCE,
        EnergyKind.NORMALIZED,
        "bits with the data's means, independent of one another: the floor of binary data",
    )
