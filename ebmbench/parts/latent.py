"""Energies with a latent variable: F(y) = min_z E(y, z), and the free energy F_beta."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def minimum(energies: Tensor) -> tuple[Tensor, Tensor]:
    """F(y) = min_z E(y, z) over an enumerated z: ``energies`` (B, K) -> (the minimum (B,), its z (B,))."""
    value, index = energies.min(-1)
    return value, index


def free_energy(energies: Tensor, beta: float = 1.0) -> Tensor:
    """F_beta(y) = -(1/beta) log mean_z exp(-beta E(y, z)), ``energies`` (B, K) -> (B,).

    The mean, not the sum (the 1/|Z| convention): min_z E <= F_beta <= mean_z E, and F_beta tends to mean_z E as beta
    tends to zero.
    """
    return -(torch.logsumexp(-beta * energies, -1) - math.log(energies.shape[-1])) / beta
