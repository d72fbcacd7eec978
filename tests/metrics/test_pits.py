"""Going down from a lattice: the bottoms of bowls and the tips of cones, whose places are known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ebmbench.contracts.surface import Surface
from ebmbench.metrics.pits import fall, lowest


class Cone(Surface):
    """The distance from a place, to a power."""

    def __init__(self, place: tuple[float, float], power: float) -> None:
        super().__init__()
        self.place, self.power = torch.tensor(place, dtype=torch.float64), power

    def forward(self, y: Tensor) -> Tensor:
        return (y - self.place).square().sum(-1) ** (self.power / 2)


def test_the_lowest_places_are_those_no_higher_than_their_neighbors() -> None:
    grid = np.array([[5.0, 4, 9, 9], [4, 1, 9, 2], [9, 9, np.inf, 9], [0, 9, 9, 9]])
    assert lowest(grid, 3).tolist() == [12, 5, 7]
    assert lowest(grid, 2).tolist() == [12, 5]
    assert lowest(np.array([np.inf, np.inf]), 3).tolist() == []
    assert lowest(np.array([3.0, 1, 2, 0, 5]), 3).tolist() == [3, 1], "on one axis too"


def test_falling_ends_at_the_bottom_of_a_bowl_and_at_the_tip_of_a_cone() -> None:
    """Within a hundredth of the first step; steps of one length would pass over the tip again and again."""
    start = torch.tensor([[0.02, 0.0], [0.0, 0.015], [-0.01, -0.01]], dtype=torch.float64)
    for power in (1.0, 2.0, 0.5):
        end = fall(Cone((0.003, -0.004), power), start, 0.02, 40)
        assert float((end - torch.tensor([0.003, -0.004])).norm(dim=-1).max()) < 2e-4


def test_nothing_climbs_and_what_is_flat_stays() -> None:
    """A step over the bottom is not taken; where there is no gradient there is no step."""
    cone = Cone((0.0, 0.0), 1.0)
    start = torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for steps in (1, 2, 5):
        assert bool((cone(fall(cone, start, 0.7, steps)) <= cone(start)).all())

    class Flat(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return 0 * y.sum(-1)

    assert torch.equal(fall(Flat(), start, 0.1, 3), start)
