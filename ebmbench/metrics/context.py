"""What metrics are computed from: one surface held against a ruler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ebmbench.contracts import Dataset, EnergyKind
from ebmbench.datasets.domain import Binary, Box
from ebmbench.metrics.calibration import (
    Array,
    fit_beta,
    held_out_isotonic,
    isotonic_log_density,
    level_of,
    log_normalizer,
)
from ebmbench.metrics.ruler import NotApplicable, Ruler, as_array
from ebmbench.parts.gradient import input_gradient
from ebmbench.parts.surface import Surface

T = TypeVar("T")
CHUNK = 2048
"""Rows of a surface evaluated at once."""
SAMPLES = 5000
"""Samples drawn of a surface."""


class Evaluation:
    """One surface held against a ruler. Everything is computed once, when first asked for, in float64 on the CPU.

    Args:
        surface: the energy.
        ruler: the truth.
        kind: what the energy means.
        validation: (n, d) held-out points that the temperature is fitted to.
        test: (n, d) points that nothing was chosen by.
        seed: of the random numbers that sampling needs.
        like: a tensor with the dtype and device that the surface wants its input in.
    """

    def __init__(
        self,
        surface: Surface,
        ruler: Ruler,
        kind: EnergyKind,
        validation: Tensor,
        test: Tensor,
        seed: int,
        like: Tensor,
    ) -> None:
        self.surface, self.ruler, self.kind = surface, ruler, kind
        self.validation, self.test, self.seed, self.like = validation, test, seed, like
        self._found: dict[Callable[[Evaluation], object], object] = {}

    def once(self, compute: Callable[[Evaluation], T]) -> T:
        """What ``compute`` finds of this evaluation: computed when first asked for, then kept."""
        if compute not in self._found:
            self._found[compute] = compute(self)
        return self._found[compute]  # type: ignore[return-value]

    @torch.no_grad()
    def energy_at(self, y: Tensor) -> Array:
        """F at the rows of y."""
        rows = torch.split(y.to(self.like), CHUNK)
        return np.concatenate([as_array(self.surface(part)) for part in rows])

    @cached_property
    def energy(self) -> Array:
        """F on the lattice."""
        return self.energy_at(self.ruler.support.points)

    @cached_property
    def energy_validation(self) -> Array:
        """F at the validation points."""
        return self.energy_at(self.validation)

    @cached_property
    def energy_test(self) -> Array:
        """F at the test points."""
        return self.energy_at(self.test)

    @cached_property
    def energy_gradient_test(self) -> Array:
        """grad F at the test points."""
        self._need_gradients()
        parts = torch.split(self.test.to(self.like), CHUNK)
        return np.concatenate([as_array(input_gradient(self.surface, part)[1]) for part in parts])

    @cached_property
    def log_p_test(self) -> Array:
        """log p at the test points."""
        self.ruler.require_density()
        return as_array(self.ruler.dataset.log_prob(self.test))

    @cached_property
    def score_test(self) -> Array:
        """grad log p at the test points."""
        self.ruler.require_density()
        self._need_gradients()
        return as_array(self.ruler.dataset.score(self.test))

    def _need_gradients(self) -> None:
        if self.ruler.binary:
            raise NotApplicable("bits have no gradient")

    @cached_property
    def beta(self) -> float:
        """The best inverse temperature on the validation points."""
        return fit_beta(self.energy, self.ruler.log_weight, self.energy_validation)

    @cached_property
    def log_z_outside(self) -> float:
        """log of the integral of exp(-F) over the box twice as wide less the domain, on a coarser lattice."""
        domain = self.ruler.dataset.domain
        if not isinstance(domain, Box):
            raise NotApplicable("the domain has no outside")
        support = domain.scaled(2).support(self.ruler.side // 2)
        outside = ~domain.contains(support.points)
        energy = self.energy_at(support.points[outside])
        return log_normalizer(energy, as_array(support.log_weight[outside]))

    @cached_property
    def log_z_refined(self) -> float:
        """log of the integral of exp(-F) over the domain on a lattice twice as fine."""
        if self.ruler.binary:
            raise NotApplicable("all states are counted: there is nothing finer")
        support = self.ruler.dataset.domain.support(2 * self.ruler.side)
        return log_normalizer(self.energy_at(support.points), as_array(support.log_weight))

    @cached_property
    def smoothed_log_p(self) -> Array:
        """The truth blurred by the surface's own noise, as log density on the lattice, normalized there."""
        self.ruler.require_density()
        sigma = self.surface.smoothing
        if sigma is None:
            raise NotApplicable("the surface does not say what noise blurs it")
        blurred = self.ruler.dataset.smoothed(sigma)
        if blurred is None:
            raise NotApplicable("this distribution has no closed form when it is blurred")
        log_p = as_array(blurred.log_prob(self.ruler.support.points))
        return log_p - log_normalizer(-log_p, self.ruler.log_weight)

    @cached_property
    def iso_log_density(self) -> Array:
        """The best density that decreases with F, on the lattice: fitted to p, or else to the validation points."""
        if self.ruler.dataset.density_known:
            return isotonic_log_density(self.energy, self.ruler.log_p, self.ruler.log_weight)
        levels, log_density = self._isotonic_fit
        return log_density[level_of(self.energy, levels)]

    @cached_property
    def iso_log_density_test(self) -> Array:
        """The log density at the test points that decreases with F and fits the validation points best."""
        levels, log_density = self._isotonic_fit
        return log_density[level_of(self.energy_test, levels)]

    @cached_property
    def _isotonic_fit(self) -> tuple[Array, Array]:
        return held_out_isotonic(self.energy_validation, self.energy, self.ruler.log_weight)

    @cached_property
    def spread(self) -> float:
        """Root mean square of the standard deviations of the data: the true ones, or else those of the test points."""
        if self.ruler.dataset.density_known and self.ruler.has_lattice:
            return self.ruler.spread
        return float(self.test.double().var(0).mean().sqrt())

    @cached_property
    def native_samples(self) -> Tensor:
        """Samples (n, d) in float64 of the method's own sampler."""
        if not self.surface.samples_natively:
            raise NotApplicable("the method has no sampler of its own")
        with torch.no_grad():
            generator = torch.Generator(self.like.device).manual_seed(self.seed)
            return self.surface.sample(SAMPLES, generator).detach().cpu().double()

    @cached_property
    def common_samples(self) -> Tensor:
        """Samples (n, d) in float64: cells by their mass under exp(-beta* F), and a uniform place in the cell.

        No Markov chain, and no error of one. A state of bits has no inside: it is the sample.
        """
        n, generator = SAMPLES, torch.Generator().manual_seed(self.seed)
        domain = self.ruler.dataset.domain
        if not isinstance(domain, Box | Binary):
            raise NotApplicable("the common sampler needs a box or bits")
        beta = 0.0 if np.isnan(self.beta) else self.beta  # a constant energy is the uniform law
        log_mass = -beta * self.energy + self.ruler.log_weight
        cumulative = torch.from_numpy(np.cumsum(np.exp(log_mass - log_mass.max())))
        place = torch.rand(n, generator=generator, dtype=torch.float64) * cumulative[-1]
        index = torch.searchsorted(cumulative, place).clamp_max(len(cumulative) - 1)
        if isinstance(domain, Binary):
            return self.ruler.support.points[index]
        cell = (torch.tensor(domain.high) - torch.tensor(domain.low)).double() / self.ruler.side
        jitter = torch.rand(n, domain.dim, generator=generator, dtype=torch.float64) - 0.5
        return self.ruler.support.points[index] + jitter * cell


@dataclass(frozen=True)
class EvalContext:
    """An evaluation seen through one calibration (``raw``, ``beta``, ``iso``) or sampler (``common``, ``native``)."""

    evaluation: Evaluation
    variant: str = ""
    remarks: list[str] = field(default_factory=list, compare=False)
    """What a reader must know of a value that was computed."""

    @property
    def energy(self) -> Array:
        """F on the lattice, as the surface gives it."""
        return self.evaluation.energy

    @property
    def log_p(self) -> Array:
        """The true log density on the lattice."""
        return self.evaluation.ruler.log_p

    @property
    def log_weight(self) -> Array:
        """log volumes of the lattice."""
        return self.evaluation.ruler.log_weight

    @property
    def entropy(self) -> float:
        """Of the truth, in nats."""
        return self.evaluation.ruler.entropy

    @property
    def beta_used(self) -> float:
        """The inverse temperature of this calibration."""
        if self.variant == "iso":
            raise NotApplicable("a recalibrated order has no temperature")
        return self.evaluation.beta if self.variant == "beta" else 1.0

    @property
    def log_z(self) -> float:
        """log of the integral of exp(-beta F) over the lattice."""
        return log_normalizer(self.energy, self.log_weight, self.beta_used)

    @property
    def log_z_or_claim(self) -> float:
        """``log_z``; without a lattice the zero that a normalized energy claims, with a remark that it is a claim."""
        evaluation = self.evaluation
        claims = evaluation.kind is EnergyKind.NORMALIZED and self.beta_used == 1
        if evaluation.ruler.has_lattice or not claims:
            return self.log_z
        dim = evaluation.ruler.dataset.domain.dim
        self.remarks.append(f"log Z = 0 as the energy claims, not checked: no lattice covers {dim} dimensions")
        return 0.0

    @property
    def log_q(self) -> Array:
        """The calibrated log density on the lattice."""
        if self.variant == "iso":
            return self.evaluation.iso_log_density
        return -self.beta_used * self.energy - self.log_z

    @property
    def nll_test(self) -> Array:
        """-log q at each test point."""
        return np.asarray(self.beta_used * self.evaluation.energy_test + self.log_z_or_claim, dtype=np.float64)

    @property
    def nll_validation(self) -> Array:
        """-log q at each validation point."""
        return np.asarray(self.beta_used * self.evaluation.energy_validation + self.log_z_or_claim, dtype=np.float64)

    @property
    def energy_test(self) -> Array:
        """F at the test points."""
        return self.evaluation.energy_test

    @property
    def log_p_test(self) -> Array:
        """log p at the test points."""
        return self.evaluation.log_p_test

    @property
    def score_test(self) -> Array:
        """grad log p at the test points."""
        return self.evaluation.score_test

    @property
    def energy_gradient_test(self) -> Array:
        """grad F at the test points."""
        return self.evaluation.energy_gradient_test

    @property
    def dataset(self) -> Dataset:
        """The dataset."""
        return self.evaluation.ruler.dataset

    def samples(self, n: int) -> Tensor:
        """The first ``n`` of this variant's samples."""
        found = self.evaluation.native_samples if self.variant == "native" else self.evaluation.common_samples
        return found[:n]

    def reference(self, n: int) -> Tensor:
        """The first ``n`` test points."""
        return self.evaluation.test[:n].double()
