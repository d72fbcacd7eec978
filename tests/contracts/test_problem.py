"""What a method may know: moments in closed form, and parts that are made anew each time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ebmbench.contracts.domain import Binary, Box, square
from ebmbench.contracts.problem import Noise, units
from ebmbench.contracts.records import NetConfig
from tests.factories import Normal, make_problem

NET = NetConfig(features=8, scales=(1.0, 2.0), width=6, depth=1)
MEAN = torch.tensor([1.0, -2.0])
COV = torch.tensor([[4.0, 1.2], [1.2, 9.0]])


def test_the_spread_is_the_root_mean_square_of_the_deviations() -> None:
    problem = make_problem(square(5), NET, mean=MEAN, cov=COV)
    assert problem.std.tolist() == [2, 3]
    assert problem.spread == pytest.approx(math.sqrt((4 + 9) / 2))
    assert problem.dim == 2


def test_moments_are_those_of_the_rows() -> None:
    rows = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
    problem = make_problem(square(5), NET, rows)
    assert problem.mean.tolist() == [1, 2]
    torch.testing.assert_close(problem.cov, torch.tensor([[4 / 3, 0.0], [0.0, 16 / 3]]))


def test_a_blank_problem_has_the_moments_of_a_standard_normal() -> None:
    """What a stored model is rebuilt on: shapes alone."""
    problem = make_problem(Box((0.0,) * 3, (1.0,) * 3), NET)
    assert torch.equal(problem.mean, torch.zeros(3))
    assert torch.equal(problem.cov, torch.eye(3))
    assert problem.truth is None
    assert problem.context is None


def test_the_box_is_the_domain_where_it_is_one() -> None:
    assert make_problem(square(5), NET).box == square(5)
    with pytest.raises(TypeError, match="expected a box, got Binary"):
        _ = make_problem(Binary(4), NET).box


def test_noise_is_the_normal_of_the_moments_that_is_asked_for() -> None:
    problem = make_problem(square(5), NET, mean=MEAN, cov=COV)
    y = torch.tensor([[0.0, 0.0], [1.0, -2.0], [3.0, 1.0]])
    for scale in (1.0, 2.5):
        expected = torch.distributions.MultivariateNormal(MEAN, scale * COV).log_prob(y)  # type: ignore[no-untyped-call]
        torch.testing.assert_close(problem.gaussian(scale).log_prob(y), expected)
    torch.testing.assert_close(problem.gaussian().log_prob(y), problem.gaussian(1.0).log_prob(y))


def test_the_energy_net_stands_on_a_base_measure_of_the_data_and_on_bits_on_none() -> None:
    """Far away F grows like |u|^2 / 8 in the data's own units; on bits any two states may be equally likely."""
    problem = make_problem(square(5), NET, mean=MEAN, cov=COV)
    far = MEAN + 1e4 * torch.tensor([[2.0, 3.0]])
    assert problem.energy_net()(far).item() == pytest.approx(2 * 1e8 / 8, rel=1e-3)
    bits = make_problem(Binary(2), NET).energy_net()
    assert abs(bits(torch.full((1, 2), 1e4)).item()) < 1e5


def test_maps_go_from_standardized_points_to_as_many_outputs() -> None:
    assert make_problem(square(5), NET).map_net()(torch.zeros(3, 2)).shape == (3, 2)


def test_parts_are_made_anew_and_share_nothing() -> None:
    problem = make_problem(square(5), NET, mean=MEAN, cov=COV)
    y = torch.tensor([[0.3, 0.1]])

    def differ(first: Tensor, second: Tensor) -> bool:
        return not torch.equal(first, second)

    assert differ(problem.energy_net()(y), problem.energy_net()(y))
    assert differ(problem.map_net()(y), problem.map_net()(y))
    noise = problem.gaussian()
    before = noise.log_prob(y)
    for buffer in noise.buffers():
        buffer.zero_()
    assert torch.equal(problem.mean, MEAN)
    assert torch.equal(problem.gaussian().log_prob(y), before)


def test_only_what_is_given_the_truth_has_it() -> None:
    truth = Normal()
    assert make_problem(truth.domain, NET, truth=truth).truth is truth


def test_a_noise_that_leaves_something_out_says_so() -> None:
    noise = Noise()
    with pytest.raises(NotImplementedError):
        noise.log_prob(torch.zeros(1, 1))
    with pytest.raises(NotImplementedError):
        noise.sample(1, torch.Generator())


def test_pixels_are_measured_in_one_unit() -> None:
    """The root mean square of their standard deviations: 4 and 1 of variance have sqrt 2.5 both."""
    cov = torch.diag(torch.tensor([4.0, 1.0]))
    assert units(Box((0.0, 0.0), (1.0, 1.0)), cov).tolist() == [2.0, 1.0]
    alike = units(Box((0.0, 0.0), (1.0, 1.0), (1, 2)), cov)
    torch.testing.assert_close(alike, torch.full((2,), 2.5).sqrt())
