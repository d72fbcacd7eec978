"""Seeds: named axes, pinned for good, and nothing that leaks into the global generator."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from ebmbench.training.seeding import generator, initialization, seed_of

PINNED = {
    ("noise", 3): 40251928646263052,
    ("train", 0, 0): 12293117605465309,
    ("init", 0): 11432649636895915,
    ("validation", 1): 49343286906763177,
}


@pytest.mark.parametrize("axes", PINNED)
def test_seeds_are_what_they_were(axes: tuple[str | int, ...]) -> None:
    """Stored results are only comparable as long as these never move."""
    assert seed_of(*axes) == PINNED[axes]


def test_draws_are_what_they_were() -> None:
    drawn = torch.rand(2, generator=generator("train", 0, 0))
    assert drawn.tolist() == pytest.approx([0.5833805799484253, 0.23879992961883545], abs=1e-7)


def test_axes_that_look_alike_are_told_apart() -> None:
    """Joining names without a separator, or numbers with texts, would make these collide."""
    axes: list[tuple[str | int, ...]] = [
        ("a", "b"),
        ("ab",),
        ("b", "a"),
        ("a", 1),
        ("a", "1"),
        ("a1",),
        ("a", 1, 2),
        ("a", 12),
        ("train", 0, 1),
        ("train", 1, 0),
    ]
    seeds = {each: seed_of(*each) for each in axes}
    assert len(set(seeds.values())) == len(axes)
    assert all(0 <= seed < 2**56 for seed in seeds.values())


def test_axes_are_independent() -> None:
    """The draws of different axes are uncorrelated: |r| of 2000 pairs stays within five standard errors."""
    names = ("train", "validation", "test", "noise", "init", "order")
    rows = {name: torch.randn(2000, generator=generator(name, 0), dtype=torch.float64) for name in names}
    for one, other in combinations(names, 2):
        correlation = float(torch.corrcoef(torch.stack([rows[one], rows[other]]))[0, 1])
        assert abs(correlation) < 5 / 2000**0.5, (one, other)


def test_a_generator_is_its_own() -> None:
    """Drawing from one neither moves another of the same name nor the global one."""
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = generator("noise", 0), generator("noise", 0)
    expected = torch.rand(4, generator=first)
    torch.rand(100, generator=generator("noise", 1))
    assert torch.equal(torch.rand(4, generator=second), expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_initialization_gives_a_seed_its_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        with initialization(seed):
            return torch.nn.Linear(3, 3).weight.detach().clone()

    torch.manual_seed(1)
    one = weights(0)
    torch.manual_seed(2)
    again, other = weights(0), weights(1)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_initialization_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    with initialization(0):
        torch.rand(1000)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_initialization_leaves_it_alone_when_building_raises() -> None:
    def build() -> None:
        with initialization(0):
            torch.rand(1000)
            raise ZeroDivisionError

    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        build()
    assert torch.equal(torch.random.get_rng_state(), before)
