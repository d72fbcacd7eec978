"""Energies with a latent variable: F(y) = min_z E(y, z), and the free energy F_beta."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ebmbench.contracts.exponentials import logsumexp


def minimum(energies: Tensor) -> tuple[Tensor, Tensor]:
    """F(y) = min_z E(y, z) over an enumerated z: ``energies`` (B, K) -> (the minimum (B,), its z (B,))."""
    value, index = energies.min(-1)
    return value, index


def free_energy(energies: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """F_beta(y) = -(1/beta) log mean_z exp(-beta E(y, z)), ``energies`` (B, K) -> (B,).

    The mean, not the sum (the 1/|Z| convention): min_z E <= F_beta <= mean_z E, and F_beta tends to mean_z E as beta
    tends to zero.
    """
    return -(logsumexp(-beta * energies) - math.log(energies.shape[-1])) / beta


def squared_distances(u: Tensor, places: Tensor) -> Tensor:
    """|u_i - places_j|^2, (B, d) and (K, d) -> (B, K); not by the product, whose rounding drowns small distances."""
    return torch.cdist(u, places, compute_mode="donot_use_mm_for_euclid_dist").square()


def lattice(dim: int, n: int) -> Tensor:
    """The nodes of a regular lattice of ``n`` each way on [-1, 1]^dim that lie in the unit ball, (K, dim)."""
    axis = torch.linspace(-1, 1, n)
    nodes = torch.cartesian_prod(*[axis] * dim).view(-1, dim)
    return nodes[nodes.norm(dim=-1) <= 1 + 1e-6]


def normal_lattice(dim: int, n: int) -> Tensor:
    """``n``^dim nodes that are equally probable under N(0, I): the mean over them is a quadrature of the normal.

    Along each axis the medians of n intervals of equal probability. With ``free_energy`` at beta = 1 of -log p(y | z)
    it gives -log of the integral of p(y | z) N(z; 0, I).
    """
    axis = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n).float()
    return torch.cartesian_prod(*[axis] * dim).view(-1, dim)
