"""C3 against closed forms: the optimal denoiser of normal data, and the conditionals of normal data and of bits.

Each with the sign of its loss flipped finds something else.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary, square
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import MapModel, Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.parts.autoencoder import ReconstructionSurface
from ebmbench.parts.denoising import ScoreSurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a4_score_matching.dsm import DSM
from ebmbench_plugins.c3_denoising.dae import DAE
from ebmbench_plugins.c3_denoising.dae_potential import DAEPotential
from ebmbench_plugins.c3_denoising.masked_ae import Bins, MaskedAE, MaskedSurface
from tests.factories import make_problem

CORRELATION, NOISE = 0.8, 0.5
SIGMA = torch.tensor([[1.0, CORRELATION], [CORRELATION, 1.0]])
Head = Literal["softmax", "mean"]
SMALL = NetConfig(features=8, scales=(0.5, 1.0), width=32, depth=2)
GAUSSIAN = make_problem(square(5), SMALL, cov=SIGMA)


class Normal(Dataset):
    """N(0, SIGMA)."""

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.randn(n, 2, generator=generator) @ torch.linalg.cholesky(SIGMA).T)


def flipped(method: GradientMethod) -> GradientMethod:
    """The wrong twin."""

    class Flipped(type(method)):  # type: ignore[misc]
        def loss(self, surface: Surface, batch: Batch, rng: Generator) -> Tensor:
            value: Tensor = super().loss(surface, batch, rng)
            return -value

    twin: GradientMethod = Flipped(**method.model_dump())
    return twin


def train(method: GradientMethod, surface: Surface, dataset: Dataset, steps: int) -> Surface:
    stepper = method.stepper(surface)
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        stepper.step(Batch(dataset.sample(method.batch, data).y.float()), noise, step / steps)
    return stepper.eval_surface()


# --- the denoiser ----------------------------------------------------------------------------------------------------


class Linear(MapModel):
    """G(u) = A u, in the place of the auto-encoder's map."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.eye(2))

    def forward(self, u: Tensor) -> Tensor:
        return u @ self.a.T


def linear_denoiser(method: GradientMethod, steps: int) -> Tensor:
    surface = ReconstructionSurface(GAUSSIAN, 0.0, 4, Linear())
    return train(method, surface, Normal(), steps).get_parameter("map.a").data


def optimal() -> Tensor:
    wiener: Tensor = SIGMA @ torch.linalg.inv(SIGMA + NOISE**2 * torch.eye(2))
    return wiener


ONE_LEVEL = DAE(noise_low=NOISE, noise_high=NOISE, lr=0.02, warmup=5, ema=0.98)


@pytest.mark.long
def test_dae_finds_the_optimal_denoiser_of_normal_data() -> None:
    """G(y) = S (S + s^2 I)^-1 y."""
    torch.testing.assert_close(linear_denoiser(ONE_LEVEL, 500), optimal(), atol=0.03, rtol=0)


def test_a_flipped_dae_does_not() -> None:
    assert not float((linear_denoiser(flipped(ONE_LEVEL), 50) - optimal()).abs().max()) < 0.2


def test_the_plain_energy_sees_the_point_and_the_other_a_cloud_about_it() -> None:
    catalog = load_catalog()
    shapes = {}
    for name in ("dae", "dae_plain", "dae_single"):
        entry = catalog.methods[name]
        surface = entry.load()(**entry.spec.params).build(GAUSSIAN)
        assert isinstance(surface, ReconstructionSurface)
        shapes[name] = len(surface.cloud)
        if name == "dae_plain":
            y = torch.randn(20, 2, generator=Generator().manual_seed(0))
            torch.testing.assert_close(surface(y), (y - surface.map(y)).square().sum(-1))
    assert shapes == {"dae": 6, "dae_plain": 1, "dae_single": 6}


def test_one_noise_level_is_one_noise_level() -> None:
    entry = load_catalog().methods["dae_single"]
    method = entry.load()(**entry.spec.params)
    assert isinstance(method, DAE)
    seen: list[Tensor] = []

    class Spy(MapModel):
        def forward(self, u: Tensor) -> Tensor:
            seen.append(u)
            return u

    surface = ReconstructionSurface(GAUSSIAN, 0.0, 4, Spy())
    method.loss(surface, Batch(torch.zeros(50_000, 2)), Generator().manual_seed(0))
    assert float(seen[0].std()) == pytest.approx(0.1, rel=0.02)
    assert float(seen[0].square().mean(-1).var()) == pytest.approx(0.1**4, rel=0.1), "chi-square, not a mixture of them"


# --- the conservative denoiser ---------------------------------------------------------------------------------------


def twin_losses(noise: float) -> tuple[Tensor, Tensor, float]:
    """The gradients of dae_potential's and dsm's losses on one surface, one batch, one noise; and 2 s^2."""
    problem = make_problem(square(5), cov=2.0 * torch.eye(2))
    with initialization(0):
        surface = DAEPotential(noise=noise).build(problem)
    assert isinstance(surface, ScoreSurface)
    batch = Batch(torch.randn(64, 2, generator=Generator().manual_seed(3)))
    losses = [
        method.loss(surface, batch, Generator().manual_seed(4))
        for method in (DAEPotential(noise=noise), DSM(noise=noise))
    ]
    return losses[0], losses[1], 2 * surface.smoothing**2


@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_the_denoising_error_is_that_of_score_matching_times_a_constant(noise: float) -> None:
    """E |y + s e - s^2 grad F - y|^2 = 2 s^2 E |s grad F - e|^2 / 2, to the last draw."""
    denoising, matching, factor = twin_losses(noise)
    torch.testing.assert_close(denoising, factor * matching, rtol=1e-4, atol=0)
    assert not torch.isclose(denoising, matching / factor, rtol=0.1)


# --- the masked auto-encoder -----------------------------------------------------------------------------------------


@cache
def masked(head: Head, flip: bool = False, steps: int = 400) -> MaskedSurface:
    method: GradientMethod = MaskedAE(head=head, noise=0.0)
    with initialization(0):
        surface = method.build(GAUSSIAN)
    found = train(flipped(method) if flip else method, surface, Normal(), steps)
    assert isinstance(found, MaskedSurface)
    return found


def conditional(y: Tensor) -> Tensor:
    """-log p(y_i | the other), (B, 2) -> (B, 2)."""
    variance = 1 - CORRELATION**2
    error = y - CORRELATION * y.flip(-1)
    return error.square() / (2 * variance) + 0.5 * math.log(2 * math.pi * variance)


def excess(surface: MaskedSurface) -> float:
    """Mean over data of -log q(y_i | rest) + log p(y_i | rest): the KL of the conditionals, in nats a coordinate."""
    y = Normal().sample(20_000, Generator().manual_seed(8)).y
    with torch.no_grad():
        found = surface.energies(y, surface.predict(surface.standardize(y)))
    return float((found - conditional(y)).mean())


@pytest.mark.long
def test_the_softmax_finds_the_conditionals_of_normal_data() -> None:
    assert abs(excess(masked("softmax"))) < 0.03


def test_a_flipped_softmax_does_not() -> None:
    assert not abs(excess(masked("softmax", flip=True, steps=50))) < 0.5


@pytest.mark.long
def test_the_bins_are_a_density() -> None:
    """Each conditional sums to one over the box, and between two centers its logarithm is linear."""
    surface = masked("softmax")
    assert isinstance(surface, Bins)
    y = torch.zeros(2000, 2)
    y[:, 1] = torch.linspace(-5, 5, 2001)[:-1] + 5 / 2000
    with torch.no_grad():
        log_p = -surface.energies(y, surface.predict(surface.standardize(y)))[:, 1]
    assert float(log_p.exp().sum() * 10 / 2000) == pytest.approx(1, abs=0.01)
    width = 10 / 64
    between = torch.tensor([[0.0, 0.5 * width + k * width / 4] for k in range(5)])
    with torch.no_grad():
        line = -surface.energies(between, surface.predict(surface.standardize(between)))[:, 1]
    torch.testing.assert_close(line.diff(n=2), torch.zeros(3), atol=1e-4, rtol=0)


@pytest.mark.long
def test_a_prediction_does_not_see_what_it_predicts() -> None:
    surface = masked("softmax")
    y = torch.randn(5, 2, generator=Generator().manual_seed(9))
    moved = y + torch.tensor([0.7, 0.0])
    with torch.no_grad():
        before, after = surface.predict(y), surface.predict(moved)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.allclose(before[:, 1], after[:, 1])


@pytest.mark.long
def test_the_other_head_finds_the_conditional_mean() -> None:
    surface, y = masked("mean"), Normal().sample(2000, Generator().manual_seed(10)).y
    with torch.no_grad():
        found = surface.predict(y).squeeze(-1)
    assert float((found - CORRELATION * y.flip(-1)).square().mean().sqrt()) < 0.06


def test_a_flipped_mean_does_not() -> None:
    surface, y = masked("mean", flip=True, steps=50), Normal().sample(2000, Generator().manual_seed(10)).y
    with torch.no_grad():
        found = surface.predict(y).squeeze(-1)
    assert not float((found - CORRELATION * y.flip(-1)).square().mean().sqrt()) < 0.3


MACHINE = BoltzmannMachine(units=5)


@cache
def masked_bits(head: Head = "softmax", flip: bool = False, steps: int = 500) -> MaskedSurface:
    method: GradientMethod = MaskedAE(head=head)
    half = torch.full((5,), 0.3)
    with initialization(0):
        surface = method.build(make_problem(Binary(5), NetConfig(width=32), mean=half))
    found = train(flipped(method) if flip else method, surface, MACHINE, steps)
    assert isinstance(found, MaskedSurface)
    return found


def bit_energies(surface: MaskedSurface) -> tuple[Tensor, Tensor, Tensor]:
    """The energies of each bit in each state as found and in closed form (2^d, d), and the probabilities."""
    y = MACHINE.domain.support(2).points
    bias, weights = MACHINE.parameters
    with torch.no_grad():
        found = surface.energies(y.float(), surface.predict(surface.standardize(y.float()))).double()
    return found, softplus((1 - 2 * y) * (bias + y @ weights)), MACHINE.log_prob(y).exp()


@pytest.mark.long
def test_the_softmax_finds_the_conditionals_of_bits() -> None:
    """Weighted by the truth, the excess is the KL of the conditionals; the energy is minus the pseudo-likelihood."""
    found, truth, p = bit_energies(masked_bits())
    excess = float((p[:, None] * (found - truth)).sum(0).mean())
    assert -1e-6 < excess < 0.003
    y = MACHINE.domain.support(2).points.float()
    surface = masked_bits()
    with torch.no_grad():
        energy = surface(y).double()
    assert float((p * (energy - truth.sum(-1)).abs()).sum()) < 0.25


def test_a_flipped_softmax_of_bits_does_not() -> None:
    found, truth, p = bit_energies(masked_bits(flip=True, steps=50))
    assert not float((p[:, None] * (found - truth)).sum(0).mean()) < 0.1


@pytest.mark.long
def test_on_bits_the_mean_is_the_probability() -> None:
    """Nothing is blurred: the mean of the signs is 2 p - 1."""
    surface, y = masked_bits("mean"), MACHINE.domain.support(2).points
    bias, weights = MACHINE.parameters
    with torch.no_grad():
        found = surface.predict(surface.standardize(y.float())).squeeze(-1).double()
    truth = 2 * torch.sigmoid(bias + y @ weights) - 1
    p = MACHINE.log_prob(y).exp()[:, None]
    assert float((p * (found - truth).square()).sum(0).mean().sqrt()) < 0.06


def test_one_coordinate_is_refused() -> None:
    assert "no others" in str(MaskedAE().obstacle(make_problem(Binary(1))))
