"""One surface held against what is known of data that no lattice covers: log Z by chains, between two bounds."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np

from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import input_gradient
from ebmbench.errors import NotApplicable
from ebmbench.metrics.calibration import fit_beta
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.truth.annealing import Whitened, log_z_bounds, weighted_energies
from ebmbench.truth.bounds import Bounds, judged
from ebmbench.truth.normalizer import Array, Bounded

BETA_ROUNDS, BETA_FACTOR, BETA_STAYS = 8, 4.0, 0.05
"""How often beta is fitted to chains of the last, the factor that it may move by, when it is left (in logarithms)."""


class AnnealedEvaluation(Evaluation):
    """One surface whose log Z is annealed: what needs a support has none, and says why.

    On the way of a training nothing is annealed: chains would take longer than the training itself.
    """

    def _log_z(self, beta: float) -> Bounded:
        self._require_the_end()
        known = self.truth.dataset.has_density
        return judged(self.bounds(beta), self.log_weight_test(beta) if known else None)

    def _require_the_end(self) -> None:
        if not self.thorough:
            raise NotApplicable("chains are annealed when training has ended, and not on the way")

    def bounds(self, beta: float) -> Bounds:
        """log of the integral of exp(-beta F) between two bounds.

        Chains come back from draws of a normalized energy's own sampler, and else from data.
        """
        exact = self.kind is EnergyKind.NORMALIZED and beta == 1 and self.surface.samples_natively
        start = self.native_samples if exact else self.validation.y
        return log_z_bounds(self._whitened(beta), start, exact, self.seed)

    def _whitened(self, beta: float) -> Whitened:
        return Whitened(partial(input_gradient, self.surface), self.validation.y, self.like, beta)

    def log_weight_test(self, beta: float) -> Array:
        """-beta F - log p at the test points."""
        return np.asarray(-beta * self.energy_test - self.log_p_test, dtype=np.float64)

    @cached_property
    def beta(self) -> float:
        """The best inverse temperature on the validation points.

        The integral of exp(-beta F) is the mean of exp(-beta F) / p over these; where p is not known it is over chains
        that were annealed to exp(-beta F), again and again until beta stays.

        Raises:
            NotApplicable: if there is none.
        """
        self._require_finite_validation()
        held = self.energy_validation
        if np.ptp(held) == 0:
            raise NotApplicable("no temperature fits: the energy is constant")
        if self.truth.dataset.has_density:
            return fit_beta(held, -self.truth.log_p_at(self.validation), held)
        self._require_the_end()
        beta = float(np.sqrt(self.validation.y.shape[1] / 2) / held.std())
        for _ in range(BETA_ROUNDS):
            scaled, log_weight = weighted_energies(self._whitened(beta), self.seed)
            wanted = fit_beta(scaled / beta, log_weight + scaled, held) / beta
            beta *= float(np.clip(wanted, 1 / BETA_FACTOR, BETA_FACTOR))
            if abs(np.log(wanted)) < BETA_STAYS:
                return beta
        raise NotApplicable("no temperature fits: chains that are annealed to it do not agree with each other")
