"""Which of the truths and normalizers a dataset has."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import MAX_AXES, MAX_BITS, Binary
from ebmbench.truth.conditional import ConditionalLattice, ConditionalTruth, conditional_lattice
from ebmbench.truth.futures import FuturesTruth
from ebmbench.truth.normalizer import AllStates, Annealed, Lattice, Normalizer
from ebmbench.truth.truth import Truth, TruthAtPoints, TruthOnSupport


def normalizer_of(dataset: Dataset, cells: int, seed: int | None = None, contexts: Tensor | None = None) -> Normalizer:
    """How an energy is integrated over the domain of a dataset.

    Args:
        dataset: gives the domain.
        cells: of a lattice along each axis of the plane; in three dimensions as many cells in all.
        seed: of the shift of the lattice, so that nothing can hide from all of them; None for none.
        contexts: x (n, c), where y depends on one: the first of them are given a lattice of y each.
    """
    domain, dim = dataset.domain, dataset.domain.dim
    if isinstance(domain, Binary):
        if dataset.context is not None:
            return Normalizer("states are not counted for each context x")
        many = f"{dim} bits have too many states to be visited one by one"
        return AllStates(domain.support(2)) if dim <= MAX_BITS else Normalizer(many)
    shift: list[float] = []
    if seed is not None:
        shift = (torch.rand(dim, generator=Generator().manual_seed(seed), dtype=torch.float64) - 0.5).tolist()
    if dataset.context is not None:
        if contexts is None:
            return Normalizer("no lattice is laid for each context x")
        return conditional_lattice(domain, contexts, cells, shift)
    if dim > MAX_AXES:
        return Annealed(f"no lattice covers {dim} dimensions")
    return Lattice(domain, cells if dim <= 2 else int(math.exp(2 / dim * math.log(cells)) + 1e-9), shift)


def truth_of(dataset: Dataset, cells: int, seed: int | None = None, contexts: Tensor | None = None) -> Truth:
    """What is known of a dataset.

    Args:
        dataset: the data.
        cells: of a lattice along each axis of the plane.
        seed: of its shift.
        contexts: x (n, c), where y depends on one.
    """
    normalizer = normalizer_of(dataset, cells, seed, contexts)
    if not dataset.has_density:
        return Truth(dataset, normalizer)
    if normalizer.reason and contexts is not None and dataset.futures(contexts[:1]) is not None:
        return FuturesTruth(dataset, normalizer, contexts)
    if normalizer.reason:
        return TruthAtPoints(dataset, normalizer)
    conditional = isinstance(normalizer, ConditionalLattice)
    return (ConditionalTruth if conditional else TruthOnSupport)(dataset, normalizer)
