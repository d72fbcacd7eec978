"""Surfaces that see the data in units of their own spread."""

from __future__ import annotations

import torch
from torch import Generator

from ebmbench.contracts.domain import square
from ebmbench.parts.standardized import StandardizedSurface
from tests.factories import make_problem

DATA = torch.randn(500, 2, generator=Generator().manual_seed(0), dtype=torch.float64) @ torch.tensor(
    [[3.0, 1.0], [0.0, 0.2]], dtype=torch.float64
) + torch.tensor([10.0, -1.0], dtype=torch.float64)


def test_the_data_are_about_the_origin_with_variances_of_one() -> None:
    """Axis by axis: it scales, and does not whiten."""
    u = StandardizedSurface(make_problem(square(5), rows=DATA)).standardize(DATA)
    torch.testing.assert_close(u.mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(u.var(0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(torch.corrcoef(u.T), torch.corrcoef(DATA.T))
    assert abs(float(torch.corrcoef(u.T)[0, 1])) > 0.9


def test_the_moments_are_kept_with_the_model() -> None:
    fitted = StandardizedSurface(make_problem(square(5), rows=DATA))
    blank = StandardizedSurface(make_problem(square(5), rows=torch.randn(9, 2, dtype=torch.float64)))
    assert not torch.allclose(blank.standardize(DATA), fitted.standardize(DATA))
    blank.load_state_dict(fitted.state_dict())
    assert torch.equal(blank.standardize(DATA), fitted.standardize(DATA))


def test_the_moments_of_the_problem_stay_its_own() -> None:
    """Two surfaces of one problem share nothing that one of them could change."""
    problem = make_problem(square(5), rows=DATA)
    first, second = StandardizedSurface(problem), StandardizedSurface(problem)
    first.mean.zero_()
    first.std.fill_(7.0)
    torch.testing.assert_close(second.mean, DATA.mean(0))
    torch.testing.assert_close(problem.mean, DATA.mean(0))
