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
    yield MethodSpec(
        "lista",
        "ebmbench_plugins.a2_regularized_code.lista:LISTA",
        Strategy.A2,
        EnergyKind.RANKING,
        "sparse coding whose code is predicted by a few learned steps",
        ("Gregor & LeCun 2010",),
    )
    yield MethodSpec(
        "sparse_ae",
        "ebmbench_plugins.a2_regularized_code.sparse_ae:SparseAE",
        Strategy.A2,
        EnergyKind.RANKING,
        "auto-encoder with an L1 penalty on its code and a nonlinear decoder",
        ("Ranzato et al. 2007",),
    )
    yield MethodSpec(
        "vae",
        "ebmbench_plugins.a2_regularized_code.vae:VAE",
        Strategy.A2,
        EnergyKind.NORMALIZED,
        "variational auto-encoder, its code integrated out on a lattice",
        ("Kingma & Welling 2014", "Burda, Grosse & Salakhutdinov 2016"),
    )
    yield MethodSpec(
        "vqvae",
        "ebmbench_plugins.a2_regularized_code.vqvae:VQVAE",
        Strategy.A2,
        EnergyKind.NORMALIZED,
        "auto-encoder whose code is one of K, with a prior on the codes",
        ("van den Oord, Vinyals & Kavukcuoglu 2017",),
    )
    yield MethodSpec(
        "glo",
        "ebmbench_plugins.a2_regularized_code.glo:GLO",
        Strategy.A2,
        EnergyKind.RANKING,
        "a decoder whose best code is searched for each datum",
        ("Bojanowski et al. 2018",),
    )
