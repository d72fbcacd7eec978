"""A conditional energy held against the truth, context by context, and what it predicts of y given x."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.metrics.annealed import AnnealedEvaluation
from ebmbench.metrics.calibration import fit_conditional_beta, fit_odds_beta, isotonic_log_density
from ebmbench.metrics.cuts import Cuts
from ebmbench.metrics.evaluation import Evaluation, Rows
from ebmbench.truth.conditional import ConditionalLattice
from ebmbench.truth.futures import HELD, FuturesTruth
from ebmbench.truth.normalizer import Array, Bounded
from ebmbench.truth.truth import Truth


class ConditionalEvaluation(Evaluation):
    """One surface held against the truth at the contexts of the first test points, each with a lattice of its own.

    The test points are those of these contexts alone, and so many are the validation points, which have lattices too.
    What the method itself draws is held against all.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lattice = self.truth.normalizer
        assert isinstance(lattice, ConditionalLattice)
        self.lattice, self.reference = lattice, self.test
        self.test, self.validation = self.test[: len(lattice)], self.validation[: len(lattice)]

    @cached_property
    def energy(self) -> Array:
        """F on the support, every context's own."""
        return self.energy_at(self.lattice.support.points, self.lattice.support_contexts)

    @property
    def parts(self) -> Cuts:
        """None: no cell is cut."""
        return self.whole.part(np.arange(0))

    @cached_property
    def _validation_lattice(self) -> ConditionalLattice:
        assert self.validation.x is not None
        one = self.lattice.each
        return ConditionalLattice(one.box, self.validation.x, one.side, one.shift)

    @cached_property
    def _validation_energy(self) -> Array:
        lattice = self._validation_lattice
        return self.energy_at(lattice.support.points, lattice.support_contexts)

    def _log_z(self, beta: float) -> Bounded:
        values, error = self._log_z_each("test", beta)
        return Bounded(float(values.mean()), error)

    def _log_z_each(self, rows: Literal["test", "validation"], beta: float) -> tuple[Array, float]:
        """log of the integral of exp(-beta F) given each context of these rows (N,), and the mean of their errors."""
        key = (rows, beta)
        if key not in self._found:
            held = rows == "test"
            lattice, energy = (
                (self.lattice, self.energy) if held else (self._validation_lattice, self._validation_energy)
            )
            self._found[key] = lattice.log_z_each(energy, beta)
        return self._found[key]  # type: ignore[return-value]

    def log_z_of(self, rows: Rows, beta: float) -> Array | float:
        """log of the integral of exp(-beta F) for each of these rows, given its context."""
        if rows in ("test", "validation"):
            return self._log_z_each(rows, beta)[0]
        spread = self.lattice.on_support(self._log_z_each("test", beta)[0][:, None])
        return spread if rows == "cells" else spread[self.truth.inside]

    @cached_property
    def beta(self) -> float:
        """The best inverse temperature on the validation points, one for all contexts.

        Raises:
            NotApplicable: if there is none.
        """
        self._require_finite_validation()
        lattice = self._validation_lattice
        rows = lattice.by_context(self._validation_energy)
        found = fit_conditional_beta(rows, lattice.each.log_weight, self.energy_validation)
        if np.isnan(found):
            raise NotApplicable("no temperature fits: the energy is constant")
        return found

    def log_z_inside(self, beta: float) -> float:
        """The mean over contexts of log of the integral of exp(-beta F) over the domain alone."""
        return self.lattice.log_z_inside(self.energy, beta)

    def mass_inside(self, beta: float) -> float:
        """The share of the mass of exp(-beta F) that lies in the domain, given the contexts."""
        inside = self.truth.inside
        log_q = -beta * self.energy[inside] - self.log_z_of("inside", beta)
        return float(exp(log_q + self.truth.log_weight[inside]).sum())

    def slices(self, inside: bool = False) -> list[np.ndarray[Any, Any]]:
        """The places of each context on the cells, or on the domain's."""
        place = self.lattice.by_context(np.arange(len(self.energy), dtype=np.float64)).astype(np.intp)
        return list(place[:, : self.lattice.sizes[0]] if inside else place)

    def isotonic(self, energy: Array, log_p: Array, log_weight: Array) -> Array:
        """The best density that decreases with an energy, given each context, on the support."""
        found = np.empty_like(energy)
        for place in self.slices():
            found[place] = isotonic_log_density(energy[place], log_p[place], self._one_weight)
        return found

    @property
    def _one_weight(self) -> Array:
        return self.lattice.each.log_weight

    @property
    def iso_log_density_inside(self) -> Array:
        """The same on the domain's part of the support."""
        return self.iso_log_density[self.truth.inside]

    @cached_property
    def common_samples(self) -> Tensor:
        """None: the draws of each context are held against its own test point (``best_of_10``)."""
        raise NotApplicable("draws of y differ from context to context: best_of_10 holds them against the data")

    def draws(self, log_density: Array, n: int) -> Tensor:
        """``n`` draws given each context (N, n, d) of a density on the support: a cell, and a uniform place in it."""
        one, generator = self.lattice.each.support, Generator().manual_seed(self.seed)
        mass = exp(self.lattice.by_context(log_density) + self._one_weight)
        cumulative = torch.from_numpy(np.cumsum(mass, 1))
        place = torch.rand(len(cumulative), n, generator=generator, dtype=torch.float64) * cumulative[:, -1:]
        index = torch.searchsorted(cumulative, place).clamp_max(cumulative.shape[1] - 1)
        cell = one.cell[index]
        return one.points[index] + (torch.rand(cell.shape, generator=generator, dtype=torch.float64) - 0.5) * cell


class FuturesEvaluation(Evaluation):
    """One surface held against the futures of the first test points, where no lattice of y can be laid.

    What is asked of a future is asked with each row's own noise on it: a picture without any is like no datum.
    """

    truth: FuturesTruth

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reference, self.test, self.validation = self.test, self.test[:HELD], self.validation[:HELD]

    def energy_of_futures(self, batch: Batch) -> Array:
        """F of each of the futures of these rows with the row's own noise on it, (B, K)."""
        assert batch.x is not None
        points = self.truth.transplanted(batch)
        many = points.shape[1]
        return self.energy_at(points.flatten(0, 1), batch.x.repeat_interleave(many, 0)).reshape(-1, many)

    @cached_property
    def test_futures(self) -> Array:
        """Those of the test points."""
        return self.energy_of_futures(self.test)

    @cached_property
    def beta(self) -> float:
        """The inverse temperature at which the odds of the futures are likeliest to have led to the validation points.

        Raises:
            NotApplicable: if there is none.
        """
        self._require_finite_validation()
        came_true = self.truth.came_true(self.validation).numpy()
        found = fit_odds_beta(self.energy_of_futures(self.validation), came_true)
        if np.isnan(found):
            raise NotApplicable("no temperature fits: no future has a lower energy than another, or one has none")
        return found


def evaluation_of(truth: Truth) -> type[Evaluation]:
    """How a surface is held against it."""
    if isinstance(truth, FuturesTruth):
        return FuturesEvaluation
    if truth.normalizer.anneals:
        return AnnealedEvaluation
    return ConditionalEvaluation if isinstance(truth.normalizer, ConditionalLattice) else Evaluation


def prediction_error(evaluation: Evaluation, guesses: Tensor) -> float:
    """rms(y - the nearest guess) / rms(y - m(x)) over the first test points, m(x) the true conditional mean.

    Args:
        evaluation: gives the test points, one for each context.
        guesses: (n, k, d), of as many of them.
    """
    n = len(guesses)
    y, mean = evaluation.test.y[:n].double(), torch.from_numpy(evaluation.truth.mean_given[:n])
    nearest = (y[:, None] - guesses).square().sum(-1).amin(1)
    return float((nearest.mean() / (y - mean).square().sum(-1).mean()).sqrt())
