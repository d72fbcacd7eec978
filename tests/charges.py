"""What each method computes in a step, by hand from the sizes of nets and batches, beside what it is charged.

A product of (n, k) and (k, m) is 2 n k m operations forward, and as many again for each of its factors that needs a
gradient. A net's first layer has no gradient to give to data; the random frequencies of its features have none to take.

``python -m tests.charges`` writes the table of docs/charges.md, and that which cards read.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import scipy.optimize
from torch import Generator

from ebmbench.cards.measured import FOLDER
from ebmbench.training.counting import Costs
from tests.catalogued import BITS, CONDITIONAL_ONLY, GIVEN, NAMES, batch_of, begun, is_reference, meter_of


@dataclass(frozen=True)
class Net:
    """The products of a row through the shared layers: random features, hidden layers, a line."""

    inputs: int = 2
    outputs: int = 1
    features: int = 64
    width: int = 128
    depth: int = 2

    @property
    def phase(self) -> int:
        return 2 * self.inputs * self.features

    @property
    def first(self) -> int:
        return 2 * (self.inputs + 2 * self.features) * self.width

    @property
    def rest(self) -> int:
        return 2 * self.width**2 * (self.depth - 1)

    @property
    def last(self) -> int:
        return 2 * self.width * self.outputs

    @property
    def forward(self) -> int:
        return self.phase + self.first + self.rest + self.last

    @property
    def trained(self) -> int:
        """Forward, and back to the weights."""
        return self.phase + 2 * self.first + 3 * (self.rest + self.last)

    @property
    def trained_through(self) -> int:
        """And on to what it was given."""
        return 2 * self.phase + 3 * (self.first + self.rest + self.last)

    @property
    def gradient(self) -> int:
        """Energy and input gradient without a graph: back through all but the line, whose weights it begins with."""
        return self.forward + self.rest + self.first + self.phase

    @property
    def gradient_trained(self) -> int:
        """A loss on the input gradient: each product of both ways back to both factors; the energy is not asked."""
        forth = self.phase + 2 * self.first + 3 * self.rest + self.last
        return forth + 3 * self.rest + 3 * self.first + 2 * self.phase

    def tangents_trained(self, directions: int) -> int:
        """A loss on the outputs and how they change along so many directions."""
        along = self.phase + 2 * self.first + 3 * (self.rest + self.last)
        return self.trained + directions * along

    def curvature_trained(self, directions: int) -> int:
        """A loss on the input gradient and the curvature along so many directions."""
        along = self.phase + 2 * self.first + 3 * self.rest
        bends = 3 * 2 * self.width * self.depth + 2 * 2 * self.features
        return self.gradient_trained + directions * (along + bends)


ENERGY, BITS_ENERGY = Net(), Net(inputs=6, features=0)
MAP, CODER = Net(outputs=2), Net(inputs=1, outputs=2)
"""On the plane; the decoder of one code, and half of a coupling."""
NOISE = 2 * 2 * 2
"""A draw from a normal of the plane: a product with its Cholesky factor."""


def level_net_trained() -> int:
    """The net of ``dsm_multi``: seven features of the level beside each layer's input, derivatives in both."""
    n, times = ENERGY, 7
    first, rest = n.first + 2 * times * n.width, n.rest + 2 * times * n.width
    forth = n.phase + 2 * first + 3 * rest + n.last
    damping = 2 * n.phase
    return forth + damping + 3 * rest + 3 * first + 2 * n.phase


def gan() -> int:
    """The net's loss to the net's weights; the generator's loss through the net, not to its weights, to its own."""
    through = 2 * ENERGY.forward
    return 256 * MAP.trained + 512 * ENERGY.trained + 256 * through


def flow(outputs: int, layers: int) -> int:
    """Nets of one coordinate; all but the first see what an earlier one has made."""
    net = Net(inputs=1, outputs=outputs)
    return net.trained + (layers - 1) * net.trained_through


def lista() -> int:
    """Eight atoms: into the code, four times across it, and out."""
    through, across = 2 * 2 * 8, 2 * 8 * 8
    return 2 * through + 4 * 3 * across + 3 * through


def sparse_ae() -> int:
    """64 codes, and one hidden layer of 128 from them."""
    return Net(outputs=64).trained + 3 * 2 * (64 * 128 + 128 * 2)


def jepa(codes: int, slices: int) -> int:
    """Two views of 256 rows through the net and the identity; the codes of one onto the slices, and back."""
    return 512 * (Net(outputs=codes).trained + 2 * 2 * codes) + 256 * 2 * 2 * codes * slices


def cae_encoder() -> int:
    """128 sigmoids there and back; the penalty sums squared weights, a vector that is multiplied forth and back."""
    return 2 * 2 * 2 * 128 + 3 * 2 * 2 * 128 + 2 * 2 * 128


def saturating_ae() -> int:
    """256 clipped lines there, and back."""
    return 2 * 2 * 2 * 256 + 3 * 2 * 2 * 256


def fista() -> int:
    """Eight atoms, 200 iterations, then the dictionary's statistics and the error."""
    return 2 * 2 * 8 + 200 * 2 * 8 * 8 + 2 * 2 * 8 + 2 * 8 * 8 + 2 * 2 * 8


FLOPS: dict[str, int] = {
    "mle_grid": (256 + 44 * 44 + 4 * (12 * 12 - 6 * 6)) * ENERGY.trained,
    "snl": (256 + 1024) * ENERGY.trained + 1024 * NOISE,
    "nce": (256 + 4 * 256) * ENERGY.trained + 1024 * NOISE,
    "rank_nce": (256 + 1024) * ENERGY.trained + 1024 * NOISE,
    "cnce": 5 * 256 * ENERGY.trained,
    "energy_discrepancy": 9 * 256 * ENERGY.trained,
    "cd_k": 11 * 256 * ENERGY.gradient + 256 * (ENERGY.forward + NOISE) + 512 * ENERGY.trained,
    "cd_k_local": 11 * 256 * ENERGY.gradient + 512 * ENERGY.trained,
    "cd_kick": 5 * 256 * ENERGY.gradient + 512 * ENERGY.trained,
    "cd_kick_roll": 20 * 256 * ENERGY.gradient + 512 * ENERGY.trained,
    "pcd": 5 * 256 * ENERGY.gradient + 256 * (ENERGY.forward + NOISE) + 512 * ENERGY.trained,
    "mle_hmc": 6 * 256 * ENERGY.gradient + 256 * (ENERGY.forward + NOISE) + 512 * ENERGY.trained,
    "mle_langevin": 40 * 64 * ENERGY.gradient + 64 * NOISE + (256 + 64) * ENERGY.trained,
    "margin": 3 * 256 * ENERGY.trained,
    "gan_ratio": gan(),
    "dsm": 512 * ENERGY.gradient_trained,
    "dsm_multi": 512 * level_net_trained(),
    "sm_exact": 256 * ENERGY.curvature_trained(2),
    "ssm": 256 * ENERGY.curvature_trained(1),
    "ssm_vr": 256 * ENERGY.curvature_trained(1),
    "fd_ssm": 3 * 256 * ENERGY.trained,
    "dae": 512 * MAP.trained,
    "dae_plain": 512 * MAP.trained,
    "dae_single": 512 * MAP.trained,
    "dae_potential": 512 * ENERGY.gradient_trained,
    "masked_ae": 256 * 2 * Net(inputs=1, outputs=64).trained,
    "masked_ae_mse": 256 * 2 * Net(inputs=1).trained,
    "cae": 256 * MAP.tangents_trained(2),
    "cae_hutchinson": 256 * MAP.tangents_trained(1),
    "cae_encoder": 256 * cae_encoder(),
    "saturating_ae": 256 * saturating_ae(),
    "sparse_coding": 4096 * fista(),
    "lista": 256 * lista(),
    "sparse_ae": 256 * sparse_ae(),
    "vae": 256 * Net(outputs=4).trained + 8 * 256 * MAP.trained_through,
    "vqvae": 256 * MAP.trained + 256 * MAP.trained_through + 64 * MAP.forward,
    "glo": 512 * CODER.forward + 256 * CODER.trained,
    "jepa": jepa(codes=16, slices=64),
    "jepa_density": jepa(codes=2, slices=16),
    "nsf": 512 * flow(outputs=3 * 32 - 1, layers=2),
    "realnvp": 256 * flow(outputs=2, layers=8),
    "kmeans_sgd": 0,
    "kmeans": 500 * 2 * 2 * (64 + 1),
    "kmeans_free": 500 * 2 * 2 * (64 + 1),
    "gmm": 500 * 64 * 2 * (2 * 2 + 2 + 2 * 2),  # whitening, sums, sums of squares
    "pca": 500 * (2 * 2 * 2 + 2 * 2 * 2),  # the covariance; then onto the axis and back, for the loss
    "ppca": 500 * 2 * 2 * 2,
    "mdn@given": 256 * Net(inputs=1, outputs=8 * 3).trained,
    "kmeans_net@given": 256 * Net(inputs=1, outputs=8).trained,
    "mle_enum@binary": (1024 + 2**6) * BITS_ENERGY.trained,
    "mpf@binary": 256 * (1 + 6) * BITS_ENERGY.trained,
    "ratio_matching@binary": 256 * (1 + 6) * BITS_ENERGY.trained,
    "pseudo_likelihood@binary": 256 * (1 + 6) * BITS_ENERGY.trained,
    "masked_ae@binary": 256 * 6 * Net(inputs=5, features=0).trained,
    "masked_ae_mse@binary": 256 * 6 * Net(inputs=5, features=0).trained,
}
"""The floating-point operations of a step."""

TRAINED = [name for name in (*NAMES, *CONDITIONAL_ONLY) if not is_reference(name)]
DOCUMENT = Path(__file__).parents[1] / "docs" / "charges.md"
PACKAGED = FOLDER / "charges.csv"
HEAD = """\
# What each method is charged

One step of each method at its default parameters: the floating-point work of its matrix products as the harness counts
it, beside what formulas give that are written by hand from the sizes of nets and batches (`tests/charges.py`), and the
passes that it is charged. A pass is the work of one row forward through the shared energy network, 66,560 operations on
the plane; nobody pays less than one for each row of data. The work is that of the second step, on two moons, on six
bits or on two branches; of `ica`, which ends with its first, that one. A test holds counted over by hand within 2 %.
`python -m tests.charges` writes this table.

| method | rows a step | by hand (Mflop) | counted (Mflop) | counted / by hand | passes | passes a row |
|---|---|---|---|---|---|---|
"""


KINDS = {"binary": " on bits", "given": " given x"}


def unit_of(name: str) -> int:
    """The operations of a pass on its data; of one coordinate and its context as many as on the plane."""
    return (BITS_ENERGY if name.endswith(BITS) else ENERGY).forward


@cache
def charged(name: str) -> tuple[Costs, int]:
    """What the second step of a method is charged, and its rows of data; the first may do more."""
    surface, stepper = begun(name)
    rng, meter = Generator().manual_seed(0), meter_of(name, surface)
    before = Costs()
    for step in range(1 if name == "ica" else 2):
        before = copy.copy(meter.total)
        batch = batch_of(name, stepper, step)
        with meter.step(step, len(batch), partial(stepper.foreign_work, batch)):
            stepper.step(batch, rng, step / 10)
    found = Costs(*(b - a for a, b in zip(astuple(before), astuple(meter.total), strict=True)))
    return found, len(batch)


@cache
def by_hand(name: str) -> int:
    """What the formula of a method gives; that of ICA goes with how often L-BFGS asks for its likelihood."""
    if name != "ica":
        return FLOPS[name]
    minimize: Any = scipy.optimize.minimize
    objective = mock.Mock()

    def counted(likelihood: Callable[[Any], Any], *rest: Any, **options: Any) -> Any:
        objective.side_effect = likelihood
        return minimize(objective, *rest, **options)

    with mock.patch.object(scipy.optimize, "minimize", counted):
        charged.__wrapped__(name)
    assert objective.call_count > 2
    covariance, look = 500 * 2 * 2 * 2, 2 * 500 * 2 * 2 * 2
    return covariance + objective.call_count * look


def table() -> Iterator[str]:
    """A line a method."""
    for name in TRAINED:
        (found, rows), hand = charged(name), by_hand(name)
        ratio = f"{found.flops / hand:.4f}" if hand else "-"
        yield (
            f"| `{name.partition('@')[0]}`{KINDS.get(name.partition('@')[2], '')} | {rows} | "
            f"{hand / 1e6:.3f} | {found.flops / 1e6:.3f} | {ratio} | {found.passes:,.0f} | {found.passes / rows:.2f} |"
        )


def packaged() -> Iterator[str]:
    """The same for the cards of methods: a line of ``charges.csv`` each."""
    yield "method,data,rows,mflop,passes"
    for name in TRAINED:
        found, rows = charged(name)
        data = "bits" if name.endswith(BITS) else "given" if name.endswith(GIVEN) else "plane"
        yield f"{name.partition('@')[0]},{data},{rows},{found.flops / 1e6:.3f},{found.passes:.0f}"


if __name__ == "__main__":
    DOCUMENT.write_text(HEAD + "\n".join(table()) + "\n")
    PACKAGED.write_text("\n".join(packaged()) + "\n")
