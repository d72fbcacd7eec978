"""The curves and points that data scatter about: nearest points against closed forms and brute force."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.records import DatasetSpec
from ebmbench.datasets import ebmbench_datasets
from ebmbench.datasets.plane import EightGaussians, PinkSpiral, Rings

WITHOUT = {"checkerboard", "checkerboard_s", "pinwheel", "cos", "funnel", "banana", "laplace_ica"}


def built(spec: DatasetSpec) -> Dataset:
    cls = CatalogEntry(spec, "ebmbench:datasets").load()
    dataset: Dataset = cls(**spec.params)
    return dataset


APART = ("binary", "dimensions")
"""Tracks of data that have no curves of the plane."""
EVERY = {spec.name: built(spec) for spec in ebmbench_datasets()}
ALL = {name: dataset for name, dataset in EVERY.items() if dataset.track not in APART and dataset.context is None}
WITH = sorted(set(ALL) - WITHOUT)
NOISY = [name for name in WITH if ALL[name].has_density]


def test_who_has_one() -> None:
    assert {name for name, dataset in ALL.items() if dataset.manifold is None} == WITHOUT
    assert load_catalog().datasets.keys() >= EVERY.keys()


@pytest.mark.long
@pytest.mark.parametrize("name", NOISY)
def test_data_are_their_nearest_point_and_noise(name: str) -> None:
    """The offset from the nearest point has the width's variance along the normal; along a curve there is none."""
    dataset = ALL[name]
    manifold = dataset.manifold
    assert manifold is not None
    y = dataset.sample(20_000, Generator().manual_seed(0)).y
    offset = (y - manifold.closest(y)).square().sum(-1).mean() / manifold.width**2
    expected = 1 if manifold.dim else 2
    assert float(offset) == pytest.approx(expected, rel=0.16)  # curves end, bend and cross: a little more or less


@pytest.mark.parametrize("name", WITH)
def test_drawn_points_lie_on_it_and_the_normal_leads_away(name: str) -> None:
    manifold = ALL[name].manifold
    assert manifold is not None
    points, normal = manifold.draw(500, Generator().manual_seed(1))
    assert torch.allclose(manifold.closest(points), points, atol=1e-9)
    assert torch.allclose(normal.norm(dim=-1), torch.ones(500, dtype=torch.float64))
    step = 0.2 * manifold.width
    back = manifold.closest(points + step * normal)
    held = (back - points).norm(dim=-1) < 0.02 * manifold.width
    assert float(held.double().mean()) > 0.97  # not at crossings


@pytest.mark.parametrize("name", NOISY)
def test_drawn_points_and_noise_are_the_data(name: str) -> None:
    """The first two moments of manifold + noise agree with the sampler's own."""
    dataset = ALL[name]
    manifold = dataset.manifold
    assert manifold is not None
    points, _ = manifold.draw(40_000, Generator().manual_seed(2))
    noise = torch.randn(len(points), 2, generator=Generator().manual_seed(3), dtype=torch.float64)
    ours, theirs = points + manifold.width * noise, dataset.sample(40_000, Generator().manual_seed(4)).y
    spread = float(theirs.std())
    assert torch.allclose(ours.mean(0), theirs.mean(0), atol=0.03 * spread)
    assert torch.allclose(torch.cov(ours.T), torch.cov(theirs.T), atol=0.05 * spread**2)


def test_nearest_point_of_circles_is_the_closed_form() -> None:
    y = 3 * torch.randn(2000, 2, generator=Generator().manual_seed(5), dtype=torch.float64)
    rings = Rings()
    distance = y.norm(dim=-1, keepdim=True)
    radii = torch.tensor(rings.radii, dtype=torch.float64)
    nearest = radii[(distance - radii).abs().argmin(1)][:, None] * y / distance
    found = rings.manifold.closest(y)
    assert torch.allclose(found, nearest, atol=1e-3)
    assert torch.allclose((found - y).norm(dim=-1), (nearest - y).norm(dim=-1), atol=1e-6)


@pytest.mark.long
def test_nearest_point_of_the_spiral_is_that_of_a_fine_search() -> None:
    spiral = PinkSpiral()
    y = torch.randn(300, 2, generator=Generator().manual_seed(6), dtype=torch.float64)
    t = torch.linspace(0, 2 * math.pi, 200_001, dtype=torch.float64)
    best = torch.cat([torch.cdist(rows, spiral.curve(t)).min(1).values for rows in torch.split(y, 20)])
    ours: Tensor = (spiral.manifold.closest(y) - y).norm(dim=-1)
    assert torch.allclose(ours, best, atol=1e-5)


def test_nearest_center_of_clusters() -> None:
    dataset = EightGaussians()
    y = dataset.sample(500, Generator().manual_seed(7)).y
    mode = dataset.assign_mode(y)
    near = mode >= 0
    assert near.sum() > 490
    assert torch.equal(dataset.manifold.closest(y[near]), dataset.manifold.centers[mode[near]])


def test_without_noise_the_data_lie_on_the_curve() -> None:
    curve = ALL["pink_spiral_curve"]
    assert curve.manifold is not None
    y = curve.sample(2000, Generator().manual_seed(8)).y
    assert not curve.has_density
    assert torch.allclose(curve.manifold.closest(y), y, atol=1e-3)
    assert float((curve.manifold.closest(y) - y).norm(dim=-1).max()) < 1e-6
