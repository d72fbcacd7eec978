"""The smooth network: the shared one without its fine scales."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor

from ebmbench.contracts.records import NetConfig
from ebmbench.parts.coarse import coarse_net
from ebmbench.parts.nets import FourierNet
from ebmbench.training.seeding import initialization


@pytest.mark.parametrize(
    ("features", "scales", "kept"),
    [
        (64, (1.0, 2.0, 4.0, 8.0), 64),
        (9, (1.0, 2.0, 4.0), 8),  # an odd number cannot be spread evenly over two scales
        (5, (3.0,), 5),
        (0, (1.0, 2.0), 0),
    ],
)
def test_it_has_as_many_features_as_two_scales_can_share(features: int, scales: tuple[float, ...], kept: int) -> None:
    net = cast(FourierNet, coarse_net(2, 3, NetConfig(features=features, scales=scales, width=16, depth=3)))
    assert net.frequencies.shape == (2, kept)
    assert [p.shape for p in net.hidden.parameters() if p.ndim == 2] == [(16, 2 + 2 * kept), (16, 16), (16, 16)]
    assert net(torch.zeros(4, 2)).shape == (4, 3)


def fastest(net: FourierNet) -> Tensor:
    return net.frequencies.abs().max()


def test_its_features_are_at_the_two_lowest_scales() -> None:
    """The shared net's frequencies have standard deviations 1 and 8 here; the coarse one's are 1 and 2."""
    config = NetConfig(features=4000, scales=(1.0, 2.0, 8.0, 8.0))
    with initialization(0):
        coarse, shared = cast(FourierNet, coarse_net(1, 1, config)), FourierNet(1, 1, config)
    first, second = torch.split(coarse.frequencies, 2000, 1)
    assert float(first.std()) == pytest.approx(1, rel=0.05)
    assert float(second.std()) == pytest.approx(2, rel=0.05)
    assert float(fastest(coarse)) < 10 < float(fastest(shared))
