"""SIGReg and the density of an encoder's Jacobian against closed forms, quadrature and autograd, and wrong twins."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import johnsonsu, multivariate_normal, norm
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import MapModel, Surface, input_gradient
from ebmbench.datasets.plane import Moons
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a2_regularized_code.jepa import FLOOR, JEPA, Embedding, Encoder, epps_pulley, log_stretch
from tests.factories import make_problem
from tests.stand_ins import Scaling, standing_in

N = 256
PLANE = make_problem(square(6), NetConfig(features=8, width=16))


def normals(n: int, dim: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, dim, generator=Generator().manual_seed(seed), dtype=torch.float64)


# --- the statistic of Epps and Pulley ---


def double_sum(x: Tensor, width: float) -> Tensor:
    """The same integral over all frequencies in closed form: a sum over pairs (Baringhaus & Henze 1988), (N,) -> ()."""
    s, n = width**2, len(x)
    smaller = s / (1 + s)
    pairs = width * torch.exp(-s * (x[:, None] - x).square() / 2).sum() / n
    singles = math.sqrt(smaller) * torch.exp(-smaller * x.square() / 2).sum()
    return math.sqrt(2 * math.pi) * (pairs - 2 * singles + n * math.sqrt(s / (1 + 2 * s)))


SAMPLES: dict[str, Callable[[Tensor], Tensor]] = {
    "normal": lambda z: z,
    "twice as wide": lambda z: 2 * z,
    "shifted": lambda z: z + 0.7,
    "uniform": lambda z: (2 * torch.special.ndtr(z) - 1) * math.sqrt(3),
    "two modes": lambda z: z.sign() + 0.2 * z,
}


@pytest.mark.parametrize(("width", "knots"), [(1.0, 17), (3.0, 17), (6.0, 33)])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_statistic_is_the_double_sum_but_for_its_tails(name: str, width: float, knots: int) -> None:
    """Frequencies beyond three widths weigh 0.3 %, and no gap of a sample of N exceeds 4 N."""
    x = SAMPLES[name](normals(N, 1))
    found, expected = float(epps_pulley(x, knots, width)), float(double_sum(x[:, 0], width))
    assert found == pytest.approx(expected, rel=0.02)


def integrand(x: Tensor, t: float, width: float) -> float:
    phi = complex(torch.exp(1j * t * x).mean())
    return len(x) * abs(phi - math.exp(-t * t / 2)) ** 2 * math.exp(-((t / width) ** 2) / 2)


TWINS: dict[str, Callable[[Tensor, float], float]] = {
    "no N": lambda x, w: float(epps_pulley(x, 401, w)) / len(x),
    "half of the axis": lambda x, w: float(epps_pulley(x, 401, w)) / 2,
    "a narrower weight": lambda x, w: float(epps_pulley(x, 401, w / math.sqrt(2))),
    "samples of half the width": lambda x, w: float(epps_pulley(x / 2, 401, w)),
}


@pytest.mark.parametrize("width", [1.0, 3.0])
def test_with_many_knots_it_is_the_integral_and_no_wrong_twin_is(width: float) -> None:
    x = SAMPLES["two modes"](normals(40, 1))
    expected = 2 * quad(lambda t: integrand(x[:, 0], t, width), 0, 3 * width, epsabs=1e-10, limit=200)[0]
    assert float(epps_pulley(x, 401, width)) == pytest.approx(expected, rel=1e-3)
    for name, twin in TWINS.items():
        assert twin(x, width) != pytest.approx(expected, rel=0.05), name


def expectation(law: Callable[[float], float], n: int, width: float = 1.0) -> float:
    """Of n draws of a symmetric law phi, against the normal one g: E|phi_n - g|^2 = |phi - g|^2 + (1 - phi^2) / n."""

    def density(t: float) -> float:
        gap = n * (law(t) - math.exp(-t * t / 2)) ** 2 + 1 - law(t) ** 2
        return gap * math.exp(-((t / width) ** 2) / 2)

    return 2 * float(quad(density, 0, 3 * width)[0])


LAWS: dict[str, Callable[[float], float]] = {
    "normal": lambda t: math.exp(-t * t / 2),
    "twice as wide": lambda t: math.exp(-2 * t * t),
    "uniform": lambda t: math.sin(math.sqrt(3) * t) / (math.sqrt(3) * t) if t else 1.0,
}


@pytest.mark.parametrize("name", LAWS)
def test_its_mean_over_samples_is_what_their_law_says(name: str) -> None:
    columns = 2000
    x = SAMPLES[name](normals(64, columns))
    found = epps_pulley(x, 17, 1.0)
    error = float(found.std()) / math.sqrt(columns)
    assert float(found.mean()) == pytest.approx(expectation(LAWS[name], 64), abs=4 * error + 2e-3)
    others = [expectation(law, 64) for other, law in LAWS.items() if other != name]
    assert min(abs(float(found.mean()) - other) for other in others) > 0.2


def test_of_normal_samples_it_does_not_grow_with_their_number() -> None:
    exact = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
    assert expectation(LAWS["normal"], 10) == pytest.approx(exact, abs=0.01)
    assert expectation(LAWS["normal"], 10_000) == pytest.approx(expectation(LAWS["normal"], 10))
    assert expectation(LAWS["uniform"], 10_000) > 50 * expectation(LAWS["uniform"], 10)


def test_slices_have_unit_length() -> None:
    """Of a normal code in 16 dimensions every slice is normal; of one a tenth longer, as of longer slices, none is."""
    method, rng = JEPA(slices=50, width=1.0), Generator().manual_seed(1)
    codes = normals(40 * 400, 16).view(40, 400, 16)
    found = torch.stack([method.regularizer(code, rng) for code in codes])
    error = float(found.std()) / math.sqrt(40)
    assert float(found.mean()) == pytest.approx(expectation(LAWS["normal"], 400), abs=4 * error)
    longer = torch.stack([method.regularizer(1.1 * code, rng) for code in codes])
    assert float(longer.mean()) > expectation(LAWS["normal"], 400) + 6 * error


def test_a_code_whose_marginals_alone_are_normal_is_found_out() -> None:
    """(z, |z| z') has normal axes no more than (z, s z), s a random sign: both pass along the axes, not in between."""
    z = normals(4000, 1)
    sign = torch.sign(normals(4000, 1, 1))
    code, method = torch.cat([z, sign * z], 1), JEPA(slices=100, width=1.0)
    axes = epps_pulley(code, 17, 1.0)
    assert float(axes.max()) < 4
    assert float(method.regularizer(code, Generator().manual_seed(1))) > 20


# --- the energy ---


class Linear(MapModel):
    """f(u) = W u, W (k, d)."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, u: Tensor) -> Tensor:
        return u @ self.weight.T


SIGMA = torch.tensor([[1.5, 0.6], [0.6, 0.5]], dtype=torch.float64)


def whitening() -> tuple[Problem, Tensor]:
    """Data of N(0, SIGMA), and the W that makes W u white."""
    problem = standing_in(cov=SIGMA, dtype=torch.float64)
    return problem, torch.linalg.inv(torch.linalg.cholesky(SIGMA)) @ torch.diag(problem.std)


def test_of_a_whitening_encoder_the_density_is_that_of_the_normal_and_the_jacobian_says_nothing() -> None:
    problem, weight = whitening()
    y = normals(50) @ torch.linalg.cholesky(SIGMA).T
    exact = -torch.from_numpy(multivariate_normal.logpdf(y.numpy(), cov=SIGMA.numpy()))
    density = Embedding(problem, Linear(weight), prior=True)
    torch.testing.assert_close(density(y), exact, atol=1e-5, rtol=0)
    alone = Embedding(problem, Linear(weight))
    torch.testing.assert_close(alone(y), -torch.linalg.slogdet(weight).logabsdet.expand(50), atol=1e-5, rtol=0)
    based = Embedding(problem, Linear(weight), base=4.0)
    torch.testing.assert_close(based(y) - alone(y), (y / problem.std).square().sum(-1) / 8)


class Bent(MapModel):
    """f(u) = asinh(u) in each coordinate: the inverse of y = sinh(z), which is what Johnson's S_U distribution is."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, u: Tensor) -> Tensor:
        return torch.asinh(self.weight * u)


def test_of_a_bent_encoder_the_density_is_johnsons_and_the_flipped_jacobian_tells_another() -> None:
    problem, y = standing_in(dtype=torch.float64), torch.sinh(normals(200))
    density, alone = Embedding(problem, Bent(), prior=True)(y), Embedding(problem, Bent())(y)
    exact = -torch.from_numpy(johnsonsu(0, 1).logpdf(y.numpy()).sum(-1))
    torch.testing.assert_close(density, exact, atol=1e-4, rtol=0)
    assert (density - 2 * alone - exact).abs().max() > 1


@pytest.mark.parametrize("codes", [1, 2, 5])
def test_the_stretch_is_the_sum_of_the_logs_of_numpys_singular_values(codes: int) -> None:
    jacobian = torch.randn(20, 3, codes, generator=Generator().manual_seed(0), dtype=torch.float64)
    expected = np.log(np.linalg.svd(jacobian.numpy(), compute_uv=False)).sum(-1)
    np.testing.assert_allclose(log_stretch(jacobian).numpy(), expected, atol=1e-3)
    np.testing.assert_allclose(log_stretch(jacobian.float()).numpy(), expected, atol=1e-3)


class Folded(MapModel):
    """f(u) = (u_1^2 / 2, u_2): its Jacobian is diag(u_1, 1)."""

    def forward(self, u: Tensor) -> Tensor:
        return torch.stack([u[:, 0].square() / 2, u[:, 1]], -1)


def test_where_the_encoder_folds_the_energy_stays_finite_and_smooth() -> None:
    surface = Embedding(standing_in(dtype=torch.float64), Folded())
    y = torch.tensor([[0.0, 0.3], [FLOOR, 0.3], [0.5, 0.3]], dtype=torch.float64)
    expected = -0.5 * torch.log(torch.tensor([1.0, 2.0, 0.25 / FLOOR**2 + 1], dtype=torch.float64)) - math.log(FLOOR)
    energy, gradient = input_gradient(surface, y)
    torch.testing.assert_close(energy, expected, atol=1e-6, rtol=0)
    slopes = torch.tensor([0.0, -0.5 / FLOOR, -0.5 / (0.25 + FLOOR**2)], dtype=torch.float64)
    torch.testing.assert_close(gradient[:, 0], slopes, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("codes", [1, 2, 7])
def test_the_jacobian_of_the_encoder_is_autograds(codes: int) -> None:
    with initialization(0):
        encoder = Encoder(PLANE, codes).double()
    u = normals(10)
    code, jacobian = encoder.with_jacobian(u)
    torch.testing.assert_close(code, encoder(u))
    expected = torch.func.vmap(torch.func.jacrev(lambda row: encoder(row[None])[0]))(u)
    torch.testing.assert_close(jacobian.mT, expected)


def test_a_density_needs_a_code_of_the_dimensions_of_the_data() -> None:
    assert JEPA(prior=True, codes=3).supports(PLANE) is not None
    assert JEPA(prior=True, codes=2).supports(PLANE) is None
    assert JEPA(prior=True, codes=None).supports(PLANE) is None
    assert JEPA(codes=3).supports(PLANE) is None


class Overlaid(MapModel):
    """Left and right of a quantile of N(0, 1), each mapped onto all of N(0, 1): two preimages of every code."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, u: Tensor) -> Tensor:
        level, q = torch.special.ndtr(u[:, 0]), self.share
        return torch.stack([torch.special.ndtri(torch.where(level < q, level / q, (1 - level) / (1 - q))), u[:, 1]], -1)


def test_an_encoder_that_folds_is_normal_too_and_tells_a_wrong_density() -> None:
    """SIGReg asks for the law of f(y) alone: that of one whose preimages are two is exact, and exp(-F) is p / share."""
    share, y = 0.25, normals(N)
    surface = Embedding(standing_in(dtype=torch.float64), Overlaid(share), prior=True)
    code, method = surface.infer(y), JEPA(slices=100, width=3.0)
    at_best = expectation(LAWS["normal"], N, 3.0)
    assert float(method.regularizer(code, Generator().manual_seed(1))) < 2 * at_best
    right = -torch.from_numpy(norm.logpdf(y.numpy())).sum(-1)
    excess = torch.where(torch.special.ndtr(y[:, 0]) < share, -math.log(share), -math.log(1 - share))
    near = surface.encoder.with_jacobian(y)[1][:, 0, 0].abs() < 100
    torch.testing.assert_close((right - surface(y))[near], excess.double()[near], atol=1e-4, rtol=0)


# --- training ---


@cache
def best_scale(noise: float, tradeoff: float, width: float) -> float:
    """The a for which f(u) = a u on N(0, I) has the least expected loss: a little below 1."""

    def loss(a: float) -> float:
        regularizer = expectation(lambda t: math.exp(-((a * t) ** 2) / 2), N, width)
        return tradeoff * regularizer + (1 - tradeoff) * (a * noise) ** 2 / 4

    return float(minimize_scalar(loss, bounds=(0.2, 3.0), method="bounded").x)


class Flipped(JEPA):
    """The wrong twin: away from the normal law."""

    def regularizer(self, code: Tensor, rng: Generator) -> Tensor:
        return -super().regularizer(code, rng)


def scaling(method: JEPA, a: float, steps: int) -> Embedding:
    surface = Embedding(standing_in(), Scaling(a), prior=True)
    stepper, data, noise = method.stepper(surface), Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        stepper.step(Batch(torch.randn(N, 2, generator=data)), noise, step / steps)
    found = stepper.eval_surface()
    assert isinstance(found, Embedding)
    return found


@pytest.mark.parametrize("start", [0.4, 2.0])
def test_on_normal_data_the_scale_is_that_of_the_expected_loss(start: float) -> None:
    facts = {"noise": 1.0, "tradeoff": 0.05, "width": 1.0}
    truth = best_scale(**facts)
    assert 0.85 < truth < 0.97
    found = scaling(JEPA(lr=0.02, ema=0.9, warmup=5, slices=4, batch=N, **facts), start, 200)
    a = float(found.get_parameter("encoder.a"))
    assert a == pytest.approx(truth, abs=0.03)
    y = normals(20).float()
    exact = a * a * y.square().sum(-1) / 2 + math.log(2 * math.pi) - 2 * math.log(a)
    torch.testing.assert_close(found(y), exact, atol=1e-4, rtol=0)


def test_the_flipped_regularizer_leaves_the_scale() -> None:
    facts = {"noise": 0.1, "tradeoff": 0.05, "width": 1.0}
    found = scaling(Flipped(lr=0.02, ema=0.9, warmup=5, slices=4, batch=N, **facts), 0.7, 100)
    assert abs(float(found.get_parameter("encoder.a")) - best_scale(**facts)) > 0.15


def test_prediction_pulls_the_encoder_flat_along_the_noise() -> None:
    """The noise is that of the data's own spread in each coordinate, and the error is s^2 a^2 / 4 of f(u) = a u."""
    surface = Embedding(standing_in(dtype=torch.float64), Scaling(2.0))
    batch, method = Batch(normals(4000)), JEPA(noise=0.5, tradeoff=1e-9, slices=1)
    with torch.no_grad():
        assert float(method.loss(surface, batch, Generator().manual_seed(0))) == pytest.approx(0.25, rel=0.05)


def test_training_on_moons_makes_the_codes_normal() -> None:
    method = JEPA(prior=True, codes=None, base=None, slices=8, width=3.0)
    with initialization(0):
        surface = method.build(
            make_problem(Moons().domain, NetConfig(), rows=Moons().sample(500, Generator()).y.float())
        )
    y = Moons().sample(2000, Generator().manual_seed(7)).y.float()
    before = distance(method, surface, y)
    stepper, rng, data = method.stepper(surface), Generator().manual_seed(0), Generator().manual_seed(1)
    for step in range(150):
        stepper.step(Batch(Moons().sample(method.batch, data).y.float()), rng, step / 150)
    assert distance(method, stepper.eval_surface(), y) < before / 3


def distance(method: JEPA, surface: Surface, y: Tensor) -> float:
    assert isinstance(surface, Embedding)
    with torch.no_grad():
        return float(method.regularizer(surface.infer(y), Generator().manual_seed(3)))
