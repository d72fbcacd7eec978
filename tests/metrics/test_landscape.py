"""Minima and saddles of small landscapes drawn by hand, and of mixtures whose saddles have closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from torch import Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, Moons, PinkSpiral, Rings, SmoothCheckerboard
from ebmbench.errors import NotApplicable
from ebmbench.metrics import landscape
from ebmbench.metrics.context import EvalContext
from tests.factories import Pair, TrueEnergy, make_evaluation


def held(dataset: Dataset, surface: Surface | None = None, variant: str = "beta", cells: int = 200) -> EvalContext:
    evaluation = make_evaluation(surface or TrueEnergy(dataset), dataset, cells=cells, n=(1000, 3000))
    return EvalContext(evaluation, variant)


def test_minima_and_saddles_of_a_landscape_drawn_by_hand() -> None:
    energy = np.array(
        [
            [9.0, 9.0, 9.0, 9.0, 9.0, 9.0],
            [9.0, 1.0, 5.0, 2.0, 9.0, 4.0],
            [9.0, 9.0, 9.0, 9.0, 7.0, 9.0],
            [9.0, 9.0, 9.0, 9.0, 9.0, 9.0],
        ]
    )
    minima, saddles = landscape.sweep(energy, np.array([7, 9, 11]))
    by_bottom = dict(zip(minima.bottom.tolist(), minima.depth.tolist(), strict=True))
    assert by_bottom == {7: math.inf, 9: 3.0, 11: 3.0}  # 5 - 2 between the first two, 7 - 4 to the third
    assert saddles.tolist() == [[1, 5, 7], [5, 2, 7], [7, 7, 4]]


def minimax(energy: np.ndarray, a: int, b: int) -> float:
    """The lowest level at which the two cells are connected, by labelling every level: slow, and independent."""
    for level in np.unique(energy):
        found, _ = label(energy <= level, np.ones((3, 3)))
        if found.flat[a] and found.flat[a] == found.flat[b]:
            return float(level)
    raise AssertionError


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=30, max_size=30),
    st.lists(st.integers(0, 29), min_size=2, max_size=3, unique=True),
)
def test_saddles_are_those_of_labelled_level_sets(values: list[int], marks: list[int]) -> None:
    energy = np.array(values, dtype=np.float64).reshape(5, 6)
    _, saddles = landscape.sweep(energy, np.array(marks))
    for (i, a), (j, b) in pairwise(enumerate(marks)):
        assert saddles[i, j] == max(minimax(energy, a, b), energy.flat[a])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=30, max_size=30), st.integers(1, 6))
def test_minima_of_a_depth_are_counted_as_by_labelled_level_sets(values: list[int], least: int) -> None:
    """Pools of {F <= t} are the minima that began at or below t and have not ended at or below it (ties: any order)."""
    energy = np.array(values, dtype=np.float64).reshape(5, 6)
    minima, _ = landscape.sweep(energy, np.array([0]))
    begins = energy.flat[minima.bottom]
    for level in range(10):
        pools = label(energy <= level, np.ones((3, 3)))[1]
        assert ((begins <= level) & (begins + minima.depth > level)).sum() == pools
    assert (minima.depth >= least).sum() >= 1


@pytest.mark.long
def test_the_barrier_between_two_normals_is_the_closed_form() -> None:
    """-log p at the middle minus at a center: 2^2 / (2 s^2) - log 2, up to the tails."""
    pair = Pair(sigma=0.5)
    c = held(pair, cells=300)
    found = c.evaluation.once(landscape.terrain).truth
    assert landscape._heights(found)[0] == pytest.approx(8 - math.log(2), abs=0.02)  # a cell wide
    assert (found.minima.depth >= 1).sum() == 2
    assert landscape.barrier_ratio(c) == pytest.approx(1, abs=0.05)


@pytest.mark.long
def test_a_barrier_half_as_high_reads_a_half() -> None:
    """Wider normals of the same centers; the fitted temperature is held at one to see the energy's own barrier."""
    pair, wide = Pair(sigma=0.5), Pair(sigma=0.5 * math.sqrt(2))
    c = held(pair, TrueEnergy(wide))
    c.evaluation.__dict__["beta"] = 1.0
    assert landscape.barrier_ratio(c) == pytest.approx((4 - math.log(2)) / (8 - math.log(2)), rel=0.02)


@pytest.mark.long
def test_all_modes_are_found_and_one_that_is_lost_is_missed() -> None:
    truth = EightGaussians()
    assert landscape.minima_recall(held(truth)) == 1
    assert landscape.minima_spurious(held(truth)) == 0

    class Lost(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            centers = truth.nodes()[0][:6]
            return -torch.logsumexp(-torch.cdist(y, centers).square() / (2 * truth.sigma**2), -1)

    assert landscape.minima_recall(held(truth, Lost(truth), "iso")) == 6 / 8


@pytest.mark.long
def test_a_minimum_between_the_modes_is_spurious() -> None:
    truth = EightGaussians()

    class Haunted(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y) - 30 * torch.exp(-y.square().sum(-1) / (2 * 0.3**2))

    assert landscape.minima_spurious(held(truth, Haunted(truth))) == 1


@pytest.mark.long
def test_a_dent_shallower_than_a_nat_is_none() -> None:
    """Without the least depth every ripple would be a minimum (the twin)."""
    truth = EightGaussians()

    class Rippled(TrueEnergy):
        def forward(self, y: Tensor) -> Tensor:
            return super().forward(y) + 0.2 * torch.cos(20 * y).sum(-1)

    found = held(truth, Rippled(truth)).evaluation.once(landscape.relief_at_beta)
    assert (found.minima.depth >= landscape.MIN_DEPTH).sum() == 8
    assert len(found.minima.depth) > 50


@pytest.mark.long
@pytest.mark.parametrize("dataset", [PinkSpiral(), SmoothCheckerboard()], ids=["one piece", "no barriers"])
def test_no_minima_are_asked_for_where_the_truth_has_none(dataset: Dataset) -> None:
    with pytest.raises(NotApplicable, match=r"one piece|not parted"):
        landscape.minima_recall(held(dataset))


def test_gaps_of_rings_lie_between_the_rings() -> None:
    c = held(Rings())
    radius = c.evaluation.once(landscape.gaps).norm(dim=-1)
    off = (radius[:, None] - torch.tensor(Rings().radii, dtype=torch.float64)).abs().min(1).values / Rings().sigma
    assert float(off.min()) > 2.0
    assert float((off > 3).double().mean()) > 0.95


@pytest.mark.long
def test_an_energy_that_is_low_between_the_modes_fails_the_antimode_test() -> None:
    """|grad log p|^2 vanishes between the modes as it does on them: the plain denoising auto-encoder's own energy."""
    truth = Moons()

    class Squared(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return truth.score(y).square().sum(-1)

    assert landscape.antimode(held(truth)) == 0
    assert landscape.antimode(held(truth, Squared())) > 0.2
    assert landscape.auroc_between(held(truth)) > 0.99
    assert landscape.auroc_between(held(truth, Squared())) < 0.95


def test_data_in_one_piece_have_no_gaps() -> None:
    with pytest.raises(NotApplicable, match="no gap"):
        landscape.gaps(held(Rings(radii=(0.1,), sigma=0.5)).evaluation)
