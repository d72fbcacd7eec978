"""Minimum probability flow."""

from __future__ import annotations

from torch import Tensor

from ebmbench_plugins.c2_chosen_points.flips import FlipMethod


class MPF(FlipMethod):
    """Stop the flow of probability from data to their neighbors.

    L = E_data sum_i exp((F(y) - F(y^i)) / 2), y^i being y with bit i flipped (Sohl-Dickstein, Battaglino & DeWeese
    2011, eq. 11, with one-flip connectivity). It is the rate at which probability would leave the data under dynamics
    whose equilibrium is p_F; the paper leaves out neighbors that are data too, which a stream has no list of: the
    terms of such a pair balance at the truth, and the minimum is the same. Shapes: y (B, d), neighbors (B, d, d).
    It fails where data are far apart in flips: the weights of separate modes are not compared. The exponential makes a
    rare datum of high energy outweigh all others.
    """

    def contrast(self, gap: Tensor) -> Tensor:
        """exp(gap / 2)."""
        return (gap / 2).exp()
