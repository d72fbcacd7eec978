"""A3: F(y) = C(y, G(y)), make G(y) as constant as possible with respect to y."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A3."""
    yield MethodSpec(
        "cae",
        "ebmbench_plugins.a3_contraction.cae:CAE",
        Strategy.A3,
        EnergyKind.RANKING,
        "contractive auto-encoder, the whole reconstruction made constant",
        ("Rifai et al. 2011", "Alain & Bengio 2014"),
    )
    yield MethodSpec(
        "cae_hutchinson",
        "ebmbench_plugins.a3_contraction.cae:CAE",
        Strategy.A3,
        EnergyKind.RANKING,
        "contractive auto-encoder, the penalty estimated along one random direction",
        ("Rifai et al. 2011", "Hutchinson 1989"),
        {"slices": 1},
    )
    yield MethodSpec(
        "cae_encoder",
        "ebmbench_plugins.a3_contraction.cae_encoder:CAEEncoder",
        Strategy.A3,
        EnergyKind.RANKING,
        "contractive auto-encoder of one sigmoid layer with tied weights, the code made constant",
        ("Rifai et al. 2011",),
    )
    yield MethodSpec(
        "saturating_ae",
        "ebmbench_plugins.a3_contraction.saturating_ae:SaturatingAE",
        Strategy.A3,
        EnergyKind.RANKING,
        "auto-encoder whose units are pushed into saturation",
        ("Goroshin & LeCun 2013",),
    )
