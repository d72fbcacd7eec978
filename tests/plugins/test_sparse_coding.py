"""A2 against closed forms and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import sparse_encode
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench_plugins.a2_regularized_code.sparse_coding import Dictionary, SparseCoding, fista
from tests.factories import make_problem

PROBLEM = make_problem(square(6))


def dictionary(atoms: int, seed: int = 0) -> Tensor:
    directions = torch.randn(atoms, 2, generator=Generator().manual_seed(seed), dtype=torch.float64)
    unit: Tensor = directions / directions.norm(dim=-1, keepdim=True)
    return unit


def objective(u: Tensor, atoms: Tensor, z: Tensor, penalty: float) -> Tensor:
    return 0.5 * (u - z @ atoms).square().sum(-1) + penalty * z.abs().sum(-1)


def test_codes_equal_scikit_learns() -> None:
    u = torch.randn(200, 2, generator=Generator().manual_seed(1), dtype=torch.float64)
    atoms = dictionary(12)
    ours = objective(u, atoms, fista(u, atoms, 0.1, 2000), 0.1)
    code = sparse_encode(u.numpy(), atoms.numpy(), algorithm="lasso_lars", alpha=0.1)
    theirs = objective(u, atoms, torch.from_numpy(code), 0.1)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


def test_the_solution_satisfies_the_optimality_conditions_and_ista_without_shrinking_does_not() -> None:
    """|D^T (u - D z)| <= penalty everywhere, with equality and the code's sign where the code is not zero."""
    u = torch.randn(100, 2, generator=Generator().manual_seed(2), dtype=torch.float64) * 2
    atoms = dictionary(8)
    z = fista(u, atoms, 0.2, 3000)
    pull = (u - z @ atoms) @ atoms.T
    assert (pull.abs() <= 0.2 + 1e-5).all()
    active = z.abs() > 1e-4
    torch.testing.assert_close(pull[active], 0.2 * z[active].sign(), atol=1e-4, rtol=0)
    least_squares = u @ torch.linalg.pinv(atoms)
    assert not ((u - least_squares @ atoms) @ atoms.T + 0.2 * least_squares.sign()).abs().max() < 1e-4


@pytest.mark.long
def test_the_default_number_of_iterations_is_enough() -> None:
    method = SparseCoding()
    u = torch.randn(2000, 2, generator=Generator().manual_seed(3), dtype=torch.float64) * 1.5
    atoms = dictionary(method.atoms)
    short = objective(u, atoms, fista(u, atoms, method.penalty, method.iterations), method.penalty)
    long = objective(u, atoms, fista(u, atoms, method.penalty, 3000), method.penalty)
    assert float((short - long).max()) < 2e-3


def duality_gap(u: Tensor, atoms: Tensor, z: Tensor, penalty: float) -> Tensor:
    """Primal minus dual energy: the dual point is the error, shrunk until |D^T w| <= penalty (Boyd et al. 2007, 3)."""
    error = u - z @ atoms
    shrink = (penalty / (error @ atoms.T).abs().amax(-1)).clamp_max(1.0)
    dual = 0.5 * u.square().sum(-1) - 0.5 * (u - shrink[:, None] * error).square().sum(-1)
    return objective(u, atoms, z, penalty) - dual


@pytest.mark.long
def test_the_duality_gap_certifies_the_default_codes_and_rejects_codes_cut_short() -> None:
    method = SparseCoding()
    u = torch.randn(2000, 2, generator=Generator().manual_seed(3), dtype=torch.float64) * 1.5
    atoms = dictionary(method.atoms)
    best = objective(u, atoms, fista(u, atoms, method.penalty, 5000), method.penalty)
    for iterations in (5, method.iterations):
        code = fista(u, atoms, method.penalty, iterations)
        gap = duality_gap(u, atoms, code, method.penalty)
        assert (gap >= objective(u, atoms, code, method.penalty) - best - 1e-9).all()
        assert (float(gap.mean()) < 2e-3) == (iterations == method.iterations)


def test_one_atom_in_one_dimension_is_hubers_function() -> None:
    u = torch.linspace(-3, 3, 61, dtype=torch.float64)[:, None]
    z = fista(u, torch.ones(1, 1, dtype=torch.float64), 0.5, 200)
    energy = objective(u, torch.ones(1, 1, dtype=torch.float64), z, 0.5)
    a = u.squeeze(-1).abs()
    huber = torch.where(a <= 0.5, 0.5 * a**2, 0.5 * a - 0.125)
    torch.testing.assert_close(energy, huber, atol=1e-9, rtol=0)


def surface(seed: int = 0) -> Dictionary:
    torch.manual_seed(seed)
    return Dictionary(PROBLEM, SparseCoding(iterations=3000)).double()


@pytest.mark.long
def test_the_energy_is_convex_even_and_zero_at_the_mean() -> None:
    f = surface()
    a, b = (torch.randn(500, 2, generator=Generator().manual_seed(s), dtype=torch.float64) * 2 for s in (4, 5))
    assert float((f((a + b) / 2) - (f(a) + f(b)) / 2).max()) < 1e-6
    torch.testing.assert_close(f(a), f(-a), atol=1e-9, rtol=0)
    assert float(f(torch.zeros(1, 2, dtype=torch.float64))) == 0
    assert (f(a) <= 0.5 * a.square().sum(-1) + 1e-9).all()


def test_the_input_gradient_is_that_of_the_minimum() -> None:
    """The envelope theorem: holding the code fixed gives the derivative of min_z E."""
    f = surface()
    y = torch.tensor([[1.3, -0.7], [0.4, 2.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(f(y).sum(), y)
    for axis in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = 1e-4
        slope = (f(y.detach() + step) - f(y.detach() - step)) / 2e-4
        torch.testing.assert_close(gradient[:, axis], slope, atol=1e-4, rtol=0)


def learned(flip: bool) -> float:
    """How well the atoms learned on sparse combinations of two oblique directions match them: the smaller cosine."""
    truth = torch.tensor([[1.0, 0.0], [math.cos(1.0), math.sin(1.0)]])
    g = Generator().manual_seed(6)
    active = torch.rand(8192, 2, generator=g) < 0.3
    y = torch.randn(8192, 2, generator=g) * active @ truth
    method = SparseCoding(atoms=2, penalty=0.1, iterations=100)
    torch.manual_seed(1)
    f = Dictionary(PROBLEM, method)
    for k in range(400):
        batch = y[(k * 64) % 8192 :][:64]
        method.step(f, Batch(batch * torch.tensor([1.0, -1.0]) if flip else batch), g)
    unit = f.atoms / f.atoms.norm(dim=-1, keepdim=True)
    return float((unit @ truth.T).abs().amax(0).min())


@pytest.mark.long
def test_learning_finds_the_directions_of_sparse_sources_and_on_mirrored_data_does_not() -> None:
    assert learned(flip=False) > 0.999
    assert learned(flip=True) < 0.9


def test_atoms_stay_within_the_unit_ball() -> None:
    method = SparseCoding()
    f = method.build(PROBLEM)
    assert isinstance(f, Dictionary)
    for k in range(20):
        method.step(f, Batch(torch.randn(64, 2, generator=Generator().manual_seed(k)) * 5), Generator())
    assert float(f.atoms.norm(dim=-1).max()) <= 1 + 1e-6


def test_a_code_depends_on_its_row_alone() -> None:
    u = torch.randn(64, 2, generator=Generator().manual_seed(7), dtype=torch.float64)
    atoms = dictionary(16)
    whole = fista(u, atoms, 0.1, 60)
    torch.testing.assert_close(torch.cat([fista(row, atoms, 0.1, 60) for row in torch.split(u, 5)]), whole)
    assert pytest.approx(0) == float((fista(u.flip(0), atoms, 0.1, 60).flip(0) - whole).abs().max())
