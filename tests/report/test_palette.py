"""The colors and shapes of strategies: each its own, also for who sees no red or no green."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from ebmbench.contracts.records import Strategy
from ebmbench.report.palette import STRATEGY_STYLE

Array = NDArray[np.float64]

# Machado, Oliveira & Fernandes (2009), severity 1
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}


def linear(color: str) -> Array:
    """Linear RGB (IEC 61966-2-1)."""
    parts = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.asarray(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4))


def lab(rgb: Array) -> Array:
    """CIE L*a*b* under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089]), 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_strategy_has_its_own_color_marker_and_shape() -> None:
    assert set(STRATEGY_STYLE) == set(Strategy)
    for parts in zip(*STRATEGY_STYLE.values(), strict=True):
        assert len(set(parts)) == len(Strategy)
    assert all(re.fullmatch("#[0-9A-F]{6}", style.color) for style in STRATEGY_STYLE.values())
    assert all(re.fullmatch("[a-z]+", style.shape) for style in STRATEGY_STYLE.values())


def test_colors_can_be_read_on_white() -> None:
    for style in STRATEGY_STYLE.values():
        luminance = linear(style.color) @ [0.2126, 0.7152, 0.0722]
        assert 1.05 / (luminance + 0.05) > 2, style


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_colors_are_told_apart(eyes: str) -> None:
    """By more than 10 units of L*a*b*, where 2 are just noticeable."""
    seen = {strategy: lab(SEEN_BY[eyes] @ linear(style.color)) for strategy, style in STRATEGY_STYLE.items()}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 10, (a, b)
