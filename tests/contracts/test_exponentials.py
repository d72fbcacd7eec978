"""Exponentials against numpy's and torch's own, to the last bits, where these underflow too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ebmbench.contracts.exponentials import LEAST, exp, logsumexp

HARD = [0.0, -1e-300, -50.0, -79.0, -81.0, -699.0, -745.0, -5e4, -np.inf, 3.0]


def test_exp_is_numpys_and_exactly_zero_where_it_is_nothing() -> None:
    log = np.array([*HARD, np.nan, 709.0, 710.0])
    with np.errstate(over="ignore"):
        due = np.exp(log)
        found = exp(log)
    due[log < LEAST] = 0.0
    np.testing.assert_array_equal(found, due)
    assert exp(np.array([-np.inf])).tolist() == [0.0]
    assert exp(np.full((2, 3), -1e9)).shape == (2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logsumexp_is_torchs(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    terms = 10 ** torch.linspace(-2, 4, 50, dtype=dtype)[:, None] * torch.randn(
        50, 33, generator=generator, dtype=dtype
    )
    for dim in (0, 1, -1):
        torch.testing.assert_close(logsumexp(terms, dim), torch.logsumexp(terms, dim), rtol=1e-6, atol=0)
    many = torch.full((100_000,), -90.0, dtype=dtype)
    many[0] = 0
    assert float(logsumexp(many)) == pytest.approx(0, abs=1e-15), "what is lost in rounding is lost however often"


def test_its_gradient_is_the_softmax() -> None:
    terms = torch.tensor(HARD[:-2], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(logsumexp(terms), terms)
    torch.testing.assert_close(found, torch.softmax(terms.detach(), -1), rtol=1e-12, atol=1e-30)


def test_infinities_and_nan_are_torchs() -> None:
    inf, nan = float("inf"), float("nan")
    terms = torch.tensor([[-inf, -inf], [inf, 0], [inf, -inf], [nan, 0], [-inf, 2]])
    torch.testing.assert_close(logsumexp(terms), torch.logsumexp(terms, -1), equal_nan=True)
