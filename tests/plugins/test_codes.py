"""A2's auto-encoders and decoders against closed forms, scikit-learn and independent loops."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Surface, input_gradient
from ebmbench.datasets.plane import Moons
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.latent import free_energy, lattice, minimum, normal_lattice, squared_distances
from ebmbench.parts.nets import FourierNet
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a2_regularized_code.glo import GLO, Generated
from ebmbench_plugins.a2_regularized_code.lista import LISTA, PredictedCode
from ebmbench_plugins.a2_regularized_code.sparse_ae import SparseAE, SparseAutoencoder
from ebmbench_plugins.a2_regularized_code.vae import VAE, Variational
from ebmbench_plugins.a2_regularized_code.vqvae import VQVAE, Quantized
from tests.factories import make_problem

SMALL = NetConfig(features=8, width=32)
PLANE = make_problem(square(6), SMALL)


def built(method: GradientMethod, problem: Problem = PLANE) -> Surface:
    with initialization(0):
        return method.build(problem)


def train(method: GradientMethod, surface: Surface, y: Tensor, steps: int) -> Surface:
    stepper, rng = method.stepper(surface), Generator().manual_seed(0)
    for k in range(steps):
        rows = torch.randint(len(y), (method.batch,), generator=rng)
        stepper.step(Batch(y[rows]), rng, k / steps)
    return stepper.eval_surface()


def moons(n: int, seed: int = 0) -> Tensor:
    return Moons().sample(n, Generator().manual_seed(seed)).y.float()


def normals(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, 2, generator=Generator().manual_seed(seed))


# --- lista ---


def unrolled(surface: PredictedCode, y: Tensor, steps: int, sign: float = 1.0) -> Tensor:
    """ISTA itself, with the surface's dictionary."""
    atoms = surface.atoms.detach()
    lipschitz = float(torch.linalg.eigvalsh(atoms @ atoms.T)[-1])
    z = torch.zeros(len(y), len(atoms))
    for _ in range(steps):
        moved = z + sign * (y - z @ atoms) @ atoms.T / lipschitz
        z = moved.sign() * (moved.abs() - surface.penalty / lipschitz).clamp_min(0)
    return z


def test_an_untrained_lista_is_ista_cut_short_and_a_flipped_step_is_not() -> None:
    surface, y = built(LISTA(depth=7)), 1.5 * normals(200)
    assert isinstance(surface, PredictedCode)
    torch.testing.assert_close(surface.infer(y), unrolled(surface, y, 7), atol=1e-5, rtol=0)
    assert not torch.allclose(surface.infer(y), unrolled(surface, y, 7, -1.0), atol=0.1)


@pytest.mark.long
def test_the_amortization_gap_is_never_negative_and_vanishes_with_the_depth_and_falls_in_training() -> None:
    y = 1.2 * normals(2000)
    gaps = {depth: built(LISTA(depth=depth)) for depth in (1, 5, 400)}
    means = {}
    for depth, surface in gaps.items():
        assert isinstance(surface, PredictedCode)
        gap = surface.amortization_gap(y)
        assert float(gap.min()) > -1e-5
        means[depth] = float(gap.mean())
    assert means[1] > means[5] > means[400]
    assert means[400] < 3e-3
    method = LISTA(batch=64)
    after = train(method, built(method), y, 300)
    assert isinstance(after, PredictedCode)
    assert float(after.amortization_gap(y).mean()) < means[5] / 2
    torch.testing.assert_close(after(y), after(-y))
    assert float(after.atoms.norm(dim=-1).max()) <= 1 + 1e-5


# --- sparse_ae ---


def test_the_energy_of_a_sparse_autoencoder_is_error_and_penalty() -> None:
    surface, y = built(SparseAE(codes=6, penalty=0.3)), normals(50)
    assert isinstance(surface, SparseAutoencoder)
    with torch.no_grad():
        z = surface.encoder(y).numpy().clip(0)
        a = z @ surface.inner.weight.numpy().T + surface.inner.bias.numpy()
        rebuilt = a / (1 + np.exp(-a)) @ surface.outer.weight.numpy().T + surface.outer.bias.numpy()
        error = 0.5 * ((y.numpy() - rebuilt) ** 2).sum(1)
        np.testing.assert_allclose(surface(y).numpy(), error + 0.3 * z.sum(1), atol=1e-5)
        assert not np.allclose(surface(y).numpy(), error, atol=1e-2)


def test_codes_cannot_shrink_into_larger_weights() -> None:
    """Half the code and twice the matrix: the same reconstruction at half the price, were it not for the projection."""
    method, y = SparseAE(codes=6, penalty=0.3), normals(50)
    surface = built(method)
    assert isinstance(surface, SparseAutoencoder)
    with torch.no_grad():
        surface.inner.weight.div_(surface.inner.weight.norm(dim=0, keepdim=True))
        before, price = surface(y), 0.3 * surface.infer(y).sum(-1)
        cast(FourierNet, surface.encoder).last.weight.mul_(0.5)
        cast(FourierNet, surface.encoder).last.bias.mul_(0.5)
        surface.inner.weight.mul_(2.0)
        torch.testing.assert_close(surface(y), before - price / 2)
        method.after_step(surface)
        assert float(surface.inner.weight.norm(dim=0).max()) <= 1 + 1e-6
        assert not torch.allclose(surface(y), before - price / 2)


@pytest.mark.long
def test_a_higher_price_makes_sparser_codes() -> None:
    y, used = moons(2000), []
    for penalty in (0.01, 0.3):
        method = SparseAE(penalty=penalty, batch=64)
        surface = train(method, built(method), y, 150)
        assert isinstance(surface, SparseAutoencoder)
        used.append(float((surface.infer(y) > 1e-3).float().mean()))
    assert used[1] < 0.7 * used[0]


# --- vae ---


class LinearCoder(nn.Module):
    """A linear mean and a constant spread: the family that holds the exact posterior of a linear decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Linear(2, 1)
        self.log_std = nn.Parameter(torch.zeros(1))

    def forward(self, u: Tensor) -> Tensor:
        mean: Tensor = self.mean(u)
        return torch.cat([mean, self.log_std.expand(len(u), 1)], -1)


def linear_vae(nodes: int = 2000) -> Variational:
    torch.manual_seed(0)
    return Variational(PLANE, LinearCoder(), nn.Linear(1, 2), normal_lattice(1, nodes))


def correlated(n: int) -> Tensor:
    return normals(n, 3) @ torch.tensor([[1.5, 0.5], [0.0, 0.4]]) + torch.tensor([0.5, -1.0])


def test_the_lattice_energy_of_a_linear_decoder_is_scikit_learns_ppca() -> None:
    y = correlated(1000).double()
    fitted = PCA(1, svd_solver="full").fit(y.numpy())
    surface = linear_vae().double()
    assert isinstance(surface.decoder, nn.Linear)
    with torch.no_grad():
        gain = math.sqrt(fitted.explained_variance_[0] - fitted.noise_variance_)
        surface.decoder.weight.copy_(torch.from_numpy(fitted.components_.T * gain))
        surface.decoder.bias.copy_(torch.from_numpy(fitted.mean_))
        surface.log_variance.fill_(math.log(fitted.noise_variance_))
        near = np.abs(fitted.transform(y.numpy())[:, 0]) < 2 * gain  # beyond, the last nodes stand too far apart
        expected = -fitted.score_samples(y.numpy())
        np.testing.assert_allclose(surface(y).numpy()[near], expected[near], atol=0.01)
        surface.log_variance.add_(0.3)
        assert np.abs(surface(y).numpy() - expected)[near].max() > 0.1


@pytest.mark.long
def test_a_linear_vae_reaches_the_likelihood_of_ppca() -> None:
    """At the optimum q is the posterior, the bound is tight, and equals the likelihood of PPCA (Lucas et al. 2019)."""
    y = correlated(4000)
    best = float(PCA(1, svd_solver="full").fit(y.numpy()).score(y.numpy()))
    for draws in (1, 8):
        method = VAE(draws=draws, lr=0.02, codes=1, ema=0.9)
        surface = train(method, linear_vae(), y, 600)
        assert isinstance(surface, Variational)
        bound = float(surface.bound(y, draws, Generator().manual_seed(5)).mean())
        assert bound == pytest.approx(best, abs=0.03)
        with torch.no_grad():
            surface.encoder.get_parameter("log_std").add_(math.log(2))
        assert float(surface.bound(y, 1, Generator().manual_seed(5)).mean()) < best - 0.2


def test_the_bound_lies_below_the_energy_and_rises_with_the_draws() -> None:
    method, y = VAE(batch=64), moons(1000)
    surface = train(method, built(method), y, 60)
    assert isinstance(surface, Variational)
    with torch.no_grad():
        bounds = [float(surface.bound(y, draws, Generator().manual_seed(1)).mean()) for draws in (1, 8, 200)]
        assert bounds[0] < bounds[1] < bounds[2] <= -float(surface(y).mean()) + 0.01


# --- vqvae ---


def test_the_soft_energy_is_scikit_learns_mixture_of_one_width() -> None:
    y = moons(500).double()
    fitted = GaussianMixture(5, covariance_type="spherical", random_state=0).fit(y.numpy())
    fitted.covariances_[:] = 0.3
    fitted.precisions_cholesky_ = 1 / np.sqrt(fitted.covariances_)
    surface = built(VQVAE(clusters=5)).double()
    assert isinstance(surface, Quantized)
    with torch.no_grad():
        surface.log_prior.copy_(torch.from_numpy(fitted.weights_).log())
        surface.log_variance.fill_(math.log(0.3))
        places = torch.from_numpy(fitted.means_)
        expected = -fitted.score_samples(y.numpy())
        np.testing.assert_allclose(surface.soft_energy(y, places).numpy(), expected, atol=1e-6)
        surface.log_prior.zero_()
        assert np.abs(surface.soft_energy(y, places).numpy() - expected).max() > 1e-2


@pytest.mark.long
@pytest.mark.parametrize("method", [VAE(batch=64), VQVAE(batch=64)], ids=lambda m: type(m).__name__)
def test_it_integrates_to_one_and_samples_what_it_says(method: GradientMethod) -> None:
    y = moons(2000)
    surface = train(method, built(method, make_problem(square(6), SMALL, y)), y, 80)
    support = square(9).support(150)
    with torch.no_grad():
        mass = support.log_weight.exp() * torch.exp(-surface(support.points.float()).double())
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    drawn = surface.sample(100_000, Generator().manual_seed(1)).double()
    second = (mass[:, None, None] * support.points[:, :, None] * support.points[:, None]).sum(0)
    torch.testing.assert_close(drawn.mean(0), (mass[:, None] * support.points).sum(0), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T @ drawn / len(drawn), second, atol=0.08, rtol=0)


def test_codes_without_memory_move_to_the_mean_of_what_they_win_as_in_lloyds_sweep() -> None:
    surface, code = built(VQVAE(clusters=4)), normals(400)
    assert isinstance(surface, Quantized)
    surface.codebook.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    winner = minimum(squared_distances(code, surface.codebook))[1]
    surface.follow(code, winner, 0.0, Generator().manual_seed(0))
    for k in range(4):
        torch.testing.assert_close(surface.codebook[k], code[winner == k].mean(0))


def test_a_code_that_wins_nothing_restarts_on_data_and_others_stay() -> None:
    surface, code = built(VQVAE(clusters=3)), normals(300)
    assert isinstance(surface, Quantized)
    surface.codebook.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0], [50.0, 50.0]]))
    winner = minimum(squared_distances(code, surface.codebook))[1]
    surface.follow(code, winner, 0.0, Generator().manual_seed(0))
    assert float((code - surface.codebook[2]).norm(dim=-1).min()) < 1e-5
    torch.testing.assert_close(surface.codebook[0], code[winner == 0].mean(0))


# --- glo ---


def test_the_energy_is_the_least_over_all_codes_and_its_gradient_that_of_the_minimum() -> None:
    surface, y = built(GLO(nodes=300)), normals(40)
    assert isinstance(surface, Generated)
    with torch.no_grad():
        table = (y[:, None] - surface.decoder(lattice(1, 300))).square().sum(-1)
        torch.testing.assert_close(surface(y), table.min(-1).values, atol=1e-5, rtol=1e-4)
        assert not torch.allclose(surface(y), table.mean(-1), atol=1e-2)
        for beta in (1.0, 10.0):
            free = free_energy(table, beta)
            assert (surface(y) <= free + 1e-5).all()
            assert (free <= table.mean(-1) + 1e-5).all()
            assert (free - surface(y) <= math.log(300) / beta + 1e-5).all()
    _, gradient = input_gradient(surface, y)
    expected = 2 * (y - surface.decoder(surface.infer(y)).detach())
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.long
def test_it_draws_a_curve_through_data_on_a_curve() -> None:
    """Half a circle: the energy falls to nearly zero on it, and is the squared distance off it."""
    angle = math.pi * torch.rand(4000, generator=Generator().manual_seed(0))
    y = torch.stack([angle.cos(), angle.sin()], -1)
    method = GLO(batch=64, nodes=200)
    surface = train(method, built(method), y, 400)
    with torch.no_grad():
        assert float(surface(y).mean()) < 0.003
        inner = angle[(angle > 0.7) & (angle < 2.4)]
        off = 1.3 * torch.stack([inner.cos(), inner.sin()], -1)
        assert float(surface(off).mean()) == pytest.approx(0.09, abs=0.03)
    straight = PCA(1).fit(y.numpy())
    assert ((y.numpy() - straight.inverse_transform(straight.transform(y.numpy()))) ** 2).sum(1).mean() > 0.05
