"""A3: F(y) = C(y, G(y)), make G(y) as constant as possible with respect to y."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

ranking = partial(MethodSpec, strategy=Strategy.A3, kind=EnergyKind.RANKING)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A3."""
    what = "contractive auto-encoder, the whole reconstruction made constant"
    yield ranking(
        "cae",
        f"{__name__}.cae:CAE",
        summary=what,
        refs=("Rifai et al. 2011", "Alain & Bengio 2014"),
        tuned_on=("8gaussians", "rings"),
    )
    what = "contractive auto-encoder, the penalty estimated along one random direction"
    yield ranking(
        "cae_hutchinson",
        f"{__name__}.cae:CAE",
        summary=what,
        refs=("Rifai et al. 2011", "Hutchinson 1989"),
        params={"slices": 1},
        tuned_on=("8gaussians", "rings"),
    )
    what = "contractive auto-encoder of one sigmoid layer with tied weights, the code made constant"
    yield ranking("cae_encoder", f"{__name__}.cae_encoder:CAEEncoder", summary=what, refs=("Rifai et al. 2011",))
    what = "auto-encoder whose units are pushed into saturation"
    yield ranking(
        "saturating_ae", f"{__name__}.saturating_ae:SaturatingAE", summary=what, refs=("Goroshin & LeCun 2013",)
    )
