"""One surface held against what is known of the data: what metrics are computed from, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.exponentials import exp
from ebmbench.contracts.records import EnergyKind, Protocol
from ebmbench.contracts.surface import Surface, input_gradient
from ebmbench.errors import NotApplicable
from ebmbench.metrics.calibration import fit_beta, held_out_isotonic, isotonic_log_density, level_of
from ebmbench.metrics.cuts import MAX_LOG_Z_ERROR, Cuts, Cutter, joined
from ebmbench.metrics.pits import fall, lowest
from ebmbench.truth.normalizer import Array, Bounded, as_array, log_normalizer
from ebmbench.truth.truth import Truth

T = TypeVar("T")
Rows = Literal["cells", "inside", "test", "validation"]
"""Where a log Z is asked for: one for all of them, unless each row has a context of its own."""
CHUNK = 2048
"""Rows of a surface evaluated at once."""
DESCENTS, DESCENT_STEPS = 64, 20
"""From the lattice's lowest places, to find pits that lie between its points; first by half a cell's width."""
DEFAULT = Protocol()


class Evaluation:
    """One surface held against the truth. Everything is computed once, when first asked for, in float64 on the CPU.

    Args:
        surface: the energy.
        truth: what is known of the data.
        kind: what the energy means.
        validation: held-out points that the temperature is fitted to.
        test: points that nothing was chosen by.
        seed: of the random numbers that sampling needs.
        like: a tensor with the dtype and device that the surface wants its input in.
        protocol: how many samples are drawn.
        thorough: test points and the method's own samples are looked at too, for pits that the support does not see.
    """

    def __init__(
        self,
        surface: Surface,
        truth: Truth,
        kind: EnergyKind,
        validation: Batch,
        test: Batch,
        seed: int,
        like: Tensor,
        protocol: Protocol = DEFAULT,
        thorough: bool = True,
    ) -> None:
        self.surface, self.truth, self.kind = surface, truth, kind
        self.validation, self.test, self.seed, self.like, self.protocol = validation, test, seed, like, protocol
        self.thorough, self.reference = thorough, test
        self._found: dict[object, object] = {}

    def once(self, compute: Callable[[Evaluation], T]) -> T:
        """What ``compute`` finds of this evaluation: computed when first asked for, then kept."""
        if compute not in self._found:
            self._found[compute] = compute(self)
        return self._found[compute]  # type: ignore[return-value]

    @torch.no_grad()
    def energy_at(self, y: Tensor, x: Tensor | None = None) -> Array:
        """F at the rows of y, given x where there is one."""
        batch = Batch(y, x).to(self.like)
        parts = (batch[start : start + CHUNK] for start in range(0, len(batch), CHUNK))
        return np.concatenate([as_array(self.surface.given(part.x)(part.y)) for part in parts])

    @cached_property
    def energy(self) -> Array:
        """F on the support."""
        return self.energy_at(self.truth.normalizer.support.points)

    @cached_property
    def whole(self) -> Cuts:
        """The cells of the support."""
        support = self.truth.normalizer.support
        every = np.arange(len(support.points))
        return Cuts(support.points, support.cell, self.truth.log_weight, self.energy, every)

    @cached_property
    def parts(self) -> Cuts:
        """The parts of those cells of the support that are too coarse for the energy."""
        whole, domain = self.whole, self.truth.normalizer.domain
        if not whole.cell.any():  # states have no inside
            return whole.part(np.arange(0))
        try:
            beta = self._beta_on_support if self.kind is EnergyKind.RANKING else 1.0
            resolved = self._log_z_on_support(beta).error <= MAX_LOG_Z_ERROR
        except NotApplicable:  # no density, and nothing to be resolved
            return whole.part(np.arange(0))
        return Cutter(self.energy_at, whole, domain, beta, resolved).cut(*self._visited)

    @property
    def _visited(self) -> tuple[Tensor, Array]:
        """Where data lie, the method's own samples, where the lattice's lowest places lead down to, and F there."""
        points, energy = [self.validation.y], [self.energy_validation]
        if self.thorough:
            points.append(self.test.y)
            energy.append(self.energy_test)
        for led_to in ("native_samples", "below_the_lattice") if self.thorough else ():
            with suppress(Exception):  # what a sampler or a gradient raises is said where it is asked for
                found: Tensor = getattr(self, led_to)
                energy.append(self.energy_at(found))
                points.append(found)
        return torch.cat([part.double() for part in points]), np.concatenate(energy)

    @property
    def below_the_lattice(self) -> Tensor:
        """Where the lowest places of the lattice lead down to (n, d), in float64."""
        lattice = self.truth.normalizer.domain
        low = lowest(self.energy_inside.reshape(lattice.shape), DESCENTS)
        start, width = lattice.points[low].to(self.like), float(lattice.cell.max())
        return fall(self.surface, start, width / 2, DESCENT_STEPS).cpu().double()

    @cached_property
    def cells(self) -> Cuts:
        """The support, with parts in the place of the cells that are too coarse for the energy."""
        if not len(self.parts.source):
            return self.whole
        return joined([self.whole.part(np.setdiff1d(self.whole.source, self.parts.source)), self.parts])

    @cached_property
    def log_p(self) -> Array:
        """The true log density on the cells, normalized there."""
        known = self.truth.log_p
        if not len(self.parts.source):
            return known
        kept = known[self.cells.source[: -len(self.parts.source)]]
        found = np.append(kept, self.truth.log_p_at(Batch(self.parts.points)))
        return found - log_normalizer(-found, self.cells.log_weight)

    @property
    def energy_inside(self) -> Array:
        """F on the domain's part of the support."""
        return self.energy[self.truth.inside]

    @cached_property
    def energy_validation(self) -> Array:
        """F at the validation points."""
        return self.energy_at(self.validation.y, self.validation.x)

    @cached_property
    def energy_test(self) -> Array:
        """F at the test points."""
        return self.energy_at(self.test.y, self.test.x)

    @cached_property
    def energy_gradient_test(self) -> Array:
        """grad F at the test points."""
        self.truth.require_continuous("bits have no gradient")
        batch = self.test.to(self.like)
        parts = (batch[start : start + CHUNK] for start in range(0, len(batch), CHUNK))
        return np.concatenate([as_array(input_gradient(self.surface.given(part.x), part.y)[1]) for part in parts])

    @cached_property
    def log_p_test(self) -> Array:
        """log p at the test points."""
        return self.truth.log_p_at(self.test)

    @cached_property
    def score_test(self) -> Array:
        """grad log p at the test points."""
        return self.truth.score_at(self.test)

    def log_z(self, beta: float) -> Bounded:
        """log of the integral of exp(-beta F), and how far it may be off.

        Raises:
            NotNormalizable: if it does not exist.
        """
        if beta not in self._found:
            self._found[beta] = self._log_z(beta)
        return self._found[beta]  # type: ignore[return-value]

    def _log_z(self, beta: float) -> Bounded:
        parts = self.parts
        if not len(parts.source):
            return self._log_z_on_support(beta)
        energy = self.energy.copy()
        energy[parts.source] = np.inf  # their parts stand in their place
        rest = self.truth.normalizer.log_z(energy, beta)
        value = float(np.logaddexp(rest.value, log_normalizer(parts.energy, parts.log_weight, beta)))
        return Bounded(value, float(np.exp(rest.value - value)) * rest.error)

    def log_z_of(self, rows: Rows, beta: float) -> Array | float:
        """log of the integral of exp(-beta F) that holds at each of these rows."""
        return self.log_z(beta).value

    def slices(self, inside: bool = False) -> Sequence[Any]:
        """What indexes the parts of the cells, or of the domain's, that an energy can be compared within: all."""
        return (slice(None),)

    def isotonic(self, energy: Array, log_p: Array, log_weight: Array) -> Array:
        """The best density that decreases with an energy, in each of the slices."""
        return isotonic_log_density(energy, log_p, log_weight)

    def _log_z_on_support(self, beta: float) -> Bounded:
        key = ("support", beta)
        if key not in self._found:
            self._found[key] = self.truth.normalizer.log_z(self.energy, beta)
        return self._found[key]  # type: ignore[return-value]

    @cached_property
    def beta(self) -> float:
        """The best inverse temperature on the validation points.

        Raises:
            NotApplicable: if there is none.
        """
        known = self._beta_on_support
        if not len(self.parts.source):
            return known
        return fit_beta(self.cells.energy, self.cells.log_weight, self.energy_validation)

    @cached_property
    def _beta_on_support(self) -> float:
        self._require_finite_validation()
        if np.ptp(self.energy_validation) == 0 and np.ptp(self.energy_inside) == 0:
            raise NotApplicable("no temperature fits: the energy is constant")
        return fit_beta(self.energy, self.truth.log_weight, self.energy_validation)

    def _require_finite_validation(self) -> None:
        impossible = int(np.isposinf(self.energy_validation).sum())
        if impossible:
            where = f"{impossible} of {len(self.validation)} validation points"
            raise NotApplicable(f"no temperature fits: the energy is infinite at {where}")

    def log_z_inside(self, beta: float) -> float:
        """log of the integral of exp(-beta F) over the domain alone."""
        inside = self.cells.source < self.truth.inside.stop
        return log_normalizer(self.cells.energy[inside], self.cells.log_weight[inside], beta)

    def mass_inside(self, beta: float) -> float:
        """The share of the mass of exp(-beta F) that lies in the domain."""
        return float(np.exp(self.log_z_inside(beta) - self.log_z(beta).value))

    @cached_property
    def log_z_refined(self) -> float:
        """log of the integral of exp(-F) over the domain on a lattice twice as fine."""
        finer = self.truth.normalizer.refined()
        return log_normalizer(self.energy_at(finer.points), as_array(finer.log_weight))

    @cached_property
    def smoothed_log_p(self) -> Array:
        """The truth blurred by the surface's own noise, as log density on the support, normalized there."""
        sigma = self.surface.smoothing
        if sigma is None:
            raise NotApplicable("the surface does not say what noise blurs it")
        return self.truth.blurred_log_p(sigma)

    @cached_property
    def iso_log_density(self) -> Array:
        """The best density that decreases with F, on the cells."""
        return self.isotonic(self.cells.energy, self.log_p, self.cells.log_weight)

    @cached_property
    def iso_log_density_inside(self) -> Array:
        """The same on the domain's part of the support; where p is not known, fitted to the validation points there."""
        if self.truth.on_support and not len(self.parts.source):
            return self.iso_log_density[self.truth.inside]
        if self.truth.on_support:
            return isotonic_log_density(self.energy, self.truth.log_p, self.truth.log_weight)[self.truth.inside]
        levels, log_density = self._isotonic_fit
        return log_density[level_of(self.energy_inside, levels)]

    @cached_property
    def iso_log_density_test(self) -> Array:
        """The log density at the test points that decreases with F and fits the validation points best."""
        levels, log_density = self._isotonic_fit
        return log_density[level_of(self.energy_test, levels)]

    @cached_property
    def _isotonic_fit(self) -> tuple[Array, Array]:
        inside = self.truth.inside
        return held_out_isotonic(self.energy_validation, self.energy[inside], self.truth.log_weight[inside])

    @cached_property
    def spread(self) -> float:
        """Root mean square of the standard deviations of the data: the true ones, or else those of the test points."""
        known = self.truth.spread
        return float(self.test.y.double().var(0).mean().sqrt()) if known is None else known

    @cached_property
    def native_samples(self) -> Tensor:
        """Samples (n, d) in float64 of the method's own sampler."""
        if not self.surface.samples_natively:
            raise NotApplicable("the method has no sampler of its own")
        with torch.no_grad():
            generator = torch.Generator(self.like.device).manual_seed(self.seed)
            surface, n = self.surface, self.protocol.samples
            if self.reference.x is not None:
                n = min(n, len(self.reference))
                surface = surface.given(self.reference[:n].to(self.like).x)
            return surface.sample(n, generator).detach().cpu().double()

    @cached_property
    def common_samples(self) -> Tensor:
        """Samples (n, d) in float64: points by their mass under exp(-beta* F), and a uniform place in their cells.

        No Markov chain, and no error of one. A state of bits has no inside: it is the sample.
        """
        n, generator = self.protocol.samples, torch.Generator().manual_seed(self.seed)
        cells = self.cells
        log_mass = -self.beta * cells.energy + cells.log_weight - self.log_z(self.beta).value
        cumulative = torch.from_numpy(np.cumsum(exp(log_mass)))
        place = torch.rand(n, generator=generator, dtype=torch.float64) * cumulative[-1]
        index = torch.searchsorted(cumulative, place).clamp_max(len(cumulative) - 1)
        cell = cells.cell[index]
        return cells.points[index] + (torch.rand(cell.shape, generator=generator, dtype=torch.float64) - 0.5) * cell
