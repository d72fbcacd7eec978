"""A2: use a regularization term that measures the volume of space that has low energy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl

normalized = partial(MethodSpec, strategy=Strategy.A2, kind=EnergyKind.NORMALIZED)
ranking = partial(MethodSpec, strategy=Strategy.A2, kind=EnergyKind.RANKING)


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    """The methods of A2."""
    what = "linear dictionary with an L1 code, inferred by FISTA"
    yield ranking(
        "sparse_coding",
        f"{__name__}.sparse_coding:SparseCoding",
        summary=what,
        refs=("Olshausen & Field 1996", "Mairal et al. 2009", "Beck & Teboulle 2009"),
    )
    what = "sparse coding whose code is predicted by a few learned steps"
    yield ranking("lista", f"{__name__}.lista:LISTA", summary=what, refs=("Gregor & LeCun 2010",))
    what = "auto-encoder with an L1 penalty on its code and a nonlinear decoder"
    yield ranking("sparse_ae", f"{__name__}.sparse_ae:SparseAE", summary=what, refs=("Ranzato et al. 2007",))
    what = "variational auto-encoder, its code integrated out on a lattice"
    yield normalized(
        "vae", f"{__name__}.vae:VAE", summary=what, refs=("Kingma & Welling 2014", "Burda, Grosse & Salakhutdinov 2016")
    )
    what = "auto-encoder whose code is one of K, with a prior on the codes"
    yield normalized(
        "vqvae", f"{__name__}.vqvae:VQVAE", summary=what, refs=("van den Oord, Vinyals & Kavukcuoglu 2017",)
    )
    what = "a decoder whose best code is searched for each datum"
    yield ranking("glo", f"{__name__}.glo:GLO", summary=what, refs=("Bojanowski et al. 2018",))
    jepa = partial(MethodSpec, target=f"{__name__}.jepa:JEPA", strategy=Strategy.A2)
    papers = ("Balestriero & LeCun 2025", "Balestriero et al. 2025", "Epps & Pulley 1983")
    what = "encoder held to a normal law, its Jacobian the energy (JEPA-SCORE)"
    yield jepa("jepa", kind=EnergyKind.RANKING, summary=what, refs=papers)
    what = "the same, of a code as wide as y, whose density is changed into that of y"
    density = {"prior": True, "codes": None, "base": None, "slices": 16, "width": 6.0, "knots": 33}
    yield jepa("jepa_density", kind=EnergyKind.DENSITY, summary=what, refs=papers, params=density)
