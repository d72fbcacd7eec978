"""Ratio matching."""

from __future__ import annotations

import torch
from torch import Tensor

from ebmbench_plugins.c2_chosen_points.flips import FlipMethod


class RatioMatching(FlipMethod):
    """Match the ratios p(y) / p(y^i), y^i being y with bit i flipped: score matching for bits.

    L = E_data sum_i sigmoid(F(y) - F(y^i))^2 (Hyvarinen 2007, Some extensions of score matching, eq. 17). Bounded, so
    that no single datum rules. Shapes: y (B, d), neighbors (B, d, d).
    It fails where data are far apart in flips: the weights of separate modes are not compared. Its gradient vanishes
    at data whose energy is far above their neighbors', so that it learns slowly from a bad start.
    """

    def contrast(self, gap: Tensor) -> Tensor:
        """sigmoid(gap)^2."""
        return torch.sigmoid(gap).square()
