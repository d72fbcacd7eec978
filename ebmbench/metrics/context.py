"""What a metric is given: an evaluation seen through one calibration, or one sampler."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ebmbench.contracts.records import EnergyKind
from ebmbench.errors import NotApplicable
from ebmbench.metrics.cuts import MAX_LOG_Z_ERROR
from ebmbench.metrics.evaluation import Evaluation, Rows
from ebmbench.truth.normalizer import Array
from ebmbench.truth.truth import Truth

DOUBTS = (0.03, 0.1, 0.3, 1.0)
"""Nats that log Z may be off by, in steps: reports list a remark once."""


@dataclass(frozen=True)
class EvalContext:
    """An evaluation seen through one calibration (``raw``, ``beta``, ``iso``) or sampler (``common``, ``native``)."""

    evaluation: Evaluation
    variant: str = ""
    remarks: list[str] = field(default_factory=list, compare=False)
    """What a reader must know of a value that was computed."""

    @property
    def truth(self) -> Truth:
        """What is known of the data."""
        return self.evaluation.truth

    @property
    def beta_used(self) -> float:
        """The inverse temperature of this calibration."""
        if self.variant == "iso":
            raise NotApplicable("a recalibrated order has no temperature")
        return self.evaluation.beta if self.variant == "beta" else 1.0

    @property
    def log_z(self) -> float:
        """log of the integral of exp(-beta F), with a remark where the support is too coarse for it."""
        self._remark_coarse()
        return self.evaluation.log_z(self.beta_used).value

    def _remark_coarse(self) -> None:
        error = self.evaluation.log_z(self.beta_used).error
        if error > MAX_LOG_Z_ERROR:
            self.remarks.append(self._doubt(error))

    def _doubt(self, error: float) -> str:
        if not self.truth.normalizer.anneals:
            return f"the lattice is coarse for this energy: log Z may be off by more than {MAX_LOG_Z_ERROR}"
        step = next((step for step in DOUBTS if error <= step), DOUBTS[-1])
        return f"log Z lies between the bounds of annealing: it may be off by as much as {step:g}"

    def log_z_of(self, rows: Rows) -> Array | float:
        """``log_z`` at each of these rows: that of its context, where there is one.

        Of held-out rows, where it is not known, the zero that a normalized energy claims, remarked upon as a claim.
        """
        reason = self.truth.normalizer.reason
        claims = self.evaluation.kind is EnergyKind.NORMALIZED and self.beta_used == 1
        if rows in ("test", "validation") and reason and claims:
            if self.truth.normalizer.anneals:
                try:
                    return self.log_z
                except NotApplicable as unknown:
                    reason = str(unknown)
            self.remarks.append(f"log Z = 0 as the energy claims, not checked: {reason}")
            return 0.0
        self._remark_coarse()
        return self.evaluation.log_z_of(rows, self.beta_used)

    @property
    def log_weight(self) -> Array:
        """log volumes of the evaluation's cells."""
        return self.evaluation.cells.log_weight

    @property
    def log_p(self) -> Array:
        """The true log density on the evaluation's cells."""
        return self.evaluation.log_p

    @property
    def log_q(self) -> Array:
        """The calibrated log density on the evaluation's cells."""
        if self.variant == "iso":
            return self.evaluation.iso_log_density
        return -self.beta_used * self.evaluation.cells.energy - self.log_z_of("cells")

    @property
    def log_q_test(self) -> Array:
        """The calibrated log density at each test point, with log Z as it is known: no claim."""
        return np.asarray(-self.beta_used * self.evaluation.energy_test - self.log_z, dtype=np.float64)

    @property
    def log_q_inside(self) -> Array:
        """The same on the lattice of the domain."""
        if self.variant == "iso":
            return self.evaluation.iso_log_density_inside
        return -self.beta_used * self.evaluation.energy_inside - self.log_z_of("inside")

    @property
    def nll_test(self) -> Array:
        """-log q at each test point."""
        return self._nll(self.evaluation.energy_test, "test")

    @property
    def nll_validation(self) -> Array:
        """-log q at each validation point."""
        return self._nll(self.evaluation.energy_validation, "validation")

    def _nll(self, energy: Array, rows: Rows) -> Array:
        return np.asarray(self.beta_used * energy + self.log_z_of(rows), dtype=np.float64)

    def samples(self, n: int) -> Tensor:
        """The first ``n`` of this variant's samples."""
        found = self.evaluation.native_samples if self.variant == "native" else self.evaluation.common_samples
        return found[:n]

    def reference(self, n: int) -> Tensor:
        """The first ``n`` test points."""
        return self.evaluation.reference.y[:n].double()
