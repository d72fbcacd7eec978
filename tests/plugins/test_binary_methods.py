"""The methods on bits, on Boltzmann machines small enough for sums over all states.

At the true energy the exact gradient of each objective is zero; fits to T draws err like 1 / sqrt(T); the stepper finds
the couplings from a stream, and with its sign flipped it does not.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Binary
from ebmbench.contracts.surface import EnergyModel, Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.parts.gradient import GradientMethod
from ebmbench_plugins.c1_maximum_likelihood.mle_enum import MLEEnum
from ebmbench_plugins.c2_chosen_points.flips import FlipMethod, flipped_once, gaps
from ebmbench_plugins.c2_chosen_points.mpf import MPF
from ebmbench_plugins.c2_chosen_points.pseudo_likelihood import PseudoLikelihood
from ebmbench_plugins.c2_chosen_points.ratio_matching import RatioMatching
from tests.factories import make_problem
from tests.stand_ins import standing_in

UNITS = 5
MACHINE = BoltzmannMachine(units=UNITS)
STATES = MACHINE.domain.support(2).points
PAIRS = list(itertools.combinations(range(UNITS), 2))
FEATURES = torch.cat([STATES, torch.stack([STATES[:, i] * STATES[:, j] for i, j in PAIRS], -1)], -1)
"""F = -features . theta: the energy of a fully visible Boltzmann machine is linear in its parameters."""

FLIPS: dict[str, FlipMethod] = {
    "mpf": MPF(),
    "ratio_matching": RatioMatching(),
    "pseudo_likelihood": PseudoLikelihood(),
}
NAMES = [*FLIPS, "mle_enum"]
every = pytest.mark.parametrize("name", NAMES)


def true_theta() -> Tensor:
    bias, weights = MACHINE.parameters
    return torch.cat([bias, torch.stack([weights[i, j] for i, j in PAIRS])])


class Linear(EnergyModel):
    """F(y) = -b.y - y'Wy / 2, in the place of the energy net."""

    def __init__(self, theta: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(theta.clone())

    def forward(self, y: Tensor) -> Tensor:
        pairs = [y[:, i] * y[:, j] for i, j in PAIRS]
        return -torch.cat([y, torch.stack(pairs, -1)], -1) @ self.theta


def surface_of(name: str, theta: Tensor) -> Surface:
    return method_of(name).build(standing_in(Linear(theta), domain=MACHINE.domain, dtype=theta.dtype))


def method_of(name: str, **fields: float) -> GradientMethod:
    return MLEEnum(**fields) if name == "mle_enum" else type(FLIPS[name])(**fields)


GAPS = FEATURES[:, None] - FEATURES[MACHINE.domain.index(flipped_once(STATES).flatten(0, 1))].view(
    len(STATES), UNITS, -1
)


def objectives(name: str, theta: Tensor, weights: Tensor) -> Tensor:
    """The objective of each replicate on its own weights over the states: theta (R, P), weights (R, 2^d) -> (R,)."""
    if name == "mle_enum":
        energy = -theta @ FEATURES.T
        return (weights * energy).sum(-1) + torch.logsumexp(-energy, -1)
    gap = -torch.einsum("sip,rp->rsi", GAPS, theta)
    return (weights * FLIPS[name].contrast(gap).sum(-1)).sum(-1)


def fit(name: str, weights: Tensor) -> Tensor:
    """The minimum of each replicate's objective, by LBFGS in float64."""
    theta = torch.zeros(len(weights), FEATURES.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=300, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = objectives(name, theta, weights).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return theta.detach()


# --- the neighborhood ------------------------------------------------------------------------------------------------


def test_neighbors_differ_in_one_bit_each() -> None:
    flipped = flipped_once(STATES)
    differ = flipped != STATES[:, None]
    assert torch.equal(differ, torch.eye(UNITS, dtype=torch.bool).expand_as(differ))
    assert set(flipped.flatten().tolist()) == {0.0, 1.0}


@every
def test_the_loss_is_the_objective_that_is_studied_here(name: str) -> None:
    theta = torch.randn(FEATURES.shape[1], generator=Generator().manual_seed(3), dtype=torch.float64)
    batch = STATES[[3, 7, 7, 20]]
    loss = method_of(name).loss(surface_of(name, theta), Batch(batch), Generator())
    weights = torch.bincount(MACHINE.domain.index(batch), minlength=len(STATES)).double() / 4
    torch.testing.assert_close(loss, objectives(name, theta[None], weights[None])[0])


def test_gaps_are_the_logits_of_the_conditionals() -> None:
    """F(y) - F(y^i) = -log p(y_i | rest) / p(1 - y_i | rest), and another bit's flip is another number."""
    bias, weights = MACHINE.parameters
    logit = (2 * STATES - 1) * (bias + STATES @ weights)
    torch.testing.assert_close(gaps(Linear(true_theta()), STATES), -logit)


# --- at the truth ----------------------------------------------------------------------------------------------------


@every
def test_the_exact_gradient_at_the_true_energy_is_zero(name: str) -> None:
    """For every parameter, and not by being zero everywhere: it is far from zero at twice the energy."""
    p = MACHINE.log_prob(STATES).exp()[None]
    found = []
    for scale in (1.0, 2.0):
        theta = (scale * true_theta())[None].requires_grad_(True)
        (gradient,) = torch.autograd.grad(objectives(name, theta, p).sum(), theta)
        found.append(float(gradient.abs().max()))
    assert found[0] < 1e-12
    assert found[1] > 1e-3


def test_a_wrong_exponent_is_seen() -> None:
    """Probability flow without its square root is another objective, whose minimum is not the truth."""

    class Wrong(MPF):
        def contrast(self, gap: Tensor) -> Tensor:
            return gap.exp()

    p = MACHINE.log_prob(STATES).exp()
    theta = true_theta().requires_grad_(True)
    gap = -torch.einsum("sip,p->si", GAPS, theta)
    (gradient,) = torch.autograd.grad((p * Wrong().contrast(gap).sum(-1)).sum(), theta)
    assert float(gradient.abs().max()) > 1e-2


# --- from data -------------------------------------------------------------------------------------------------------

SIZES = (1000, 4000, 16_000, 64_000)
REPLICATES = 30


@pytest.mark.long
@every
def test_the_error_falls_like_one_over_the_root_of_the_data(name: str) -> None:
    generator, errors = Generator().manual_seed(5), []
    p = MACHINE.log_prob(STATES).exp()
    for size in SIZES:
        draws = torch.multinomial(p, REPLICATES * size, replacement=True, generator=generator).view(REPLICATES, size)
        weights = torch.stack([torch.bincount(row, minlength=len(p)) for row in draws]).double() / size
        errors.append(float((fit(name, weights) - true_theta()).square().mean().sqrt()))
    slope = np.polyfit(np.log(SIZES), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.06)
    assert errors[-1] < 0.05


def test_an_inconsistent_objective_has_no_such_slope() -> None:
    """The wrong twin: the truth of another machine is as far from the fits whatever the size."""
    p = MACHINE.log_prob(STATES).exp()
    other = 0.8 * true_theta()
    errors = []
    for size in (SIZES[0], SIZES[-1]):
        draws = torch.multinomial(p, size, replacement=True, generator=Generator().manual_seed(6))
        weights = torch.bincount(draws, minlength=len(p)).double()[None] / size
        errors.append(float((fit("pseudo_likelihood", weights) - other).square().mean().sqrt()))
    assert errors[-1] > errors[0] / 2


FAST = {"lr": 0.05, "ema": 0.98, "warmup": 5}


def trained(method: GradientMethod, name: str, steps: int) -> Surface:
    stepper = method.stepper(surface_of(name, torch.zeros(FEATURES.shape[1])))
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        stepper.step(Batch(MACHINE.sample(256, data).y.float()), noise, step / steps)
    return stepper.eval_surface()


def divergence(surface: Surface) -> float:
    """KL(p || q), by the sum over states."""
    log_p = MACHINE.log_prob(STATES)
    with torch.no_grad():
        log_q = torch.log_softmax(-surface(STATES.float()).double(), 0)
    return float((log_p.exp() * (log_p - log_q)).sum())


@pytest.mark.long
@every
def test_an_objective_finds_the_machine(name: str) -> None:
    surface = trained(method_of(name, **FAST), name, 400)
    assert divergence(surface) < 0.005
    (theta,) = surface.parameters()
    assert float((theta - true_theta()).abs().max()) < 0.35


@pytest.mark.long
@every
def test_a_flipped_objective_does_not(name: str) -> None:
    method = method_of(name, **FAST)

    class Flipped(type(method)):  # type: ignore[misc]
        def loss(self, surface: Surface, batch: Batch, rng: Generator) -> Tensor:
            value: Tensor = super().loss(surface, batch, rng)
            return -value

    assert divergence(surface_of(name, torch.zeros(FEATURES.shape[1]))) > 0.1
    assert not divergence(trained(Flipped(**FAST), name, 60)) < 0.1


def test_mle_enum_is_normalized_with_the_averaged_parameters() -> None:
    surface = trained(method_of("mle_enum", **FAST), "mle_enum", 30)
    with torch.no_grad():
        assert float(torch.logsumexp(-surface(STATES.float()), 0)) == pytest.approx(0, abs=1e-5)


def test_mle_enum_refuses_what_it_cannot_enumerate() -> None:
    assert MLEEnum().obstacle(make_problem(Binary(16))) is None
    assert MLEEnum().obstacle(make_problem(Binary(17))) == "17 bits have too many states"
