"""log Z by annealed importance sampling from a normal to exp(-F), and back: a lower and an upper bound, and their gap.

From t = 0 to 1 chains follow exp(-F_t), F_t = (1 - t) U + t F, U = -log N(mean, 2 cov) with the moments of data: wider
than these, so as to come upon mass of exp(-F) beside them. A chain gathers
log w = sum_k (t_k - t_{k-1}) (U - F)(y_{k-1}) and moves by a Metropolis-adjusted step that leaves exp(-F_t) invariant.
Then E w = Z, so that log mean w is below log Z but for a chance of e^-a to be above it by a (Neal 2001); run backwards
from exact draws of exp(-F), E 1/w = 1/Z, and -log mean 1/w is above it in the same sense (Grosse, Ghahramani & Adams
2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.parts.noise import normal, uniform
from ebmbench.parts.samplers import Hmc, WithGradient
from ebmbench.truth.bounds import Bounds
from ebmbench.truth.normalizer import Array, as_array

CHAINS = 128
TEMPERATURES = 800
"""Of the chains each way: a fixed charge, whatever the energy is."""
LEAPFROGS = 1
"""Of a step at each temperature: with one, more temperatures are had for the same work."""
PILOT_CHAINS, PILOT_TEMPERATURES = 64, 100
"""Of a run before, which finds the steps' sizes and where temperatures must lie close."""
WIDENING = 2.0
"""The covariance of the normal in units of the data's: mass far beyond it is not found."""
RIDGE = 1e-6
"""Added to the covariance in units of its mean variance: data may lie in a plane."""
FIRST_STEP = 0.5
SETTLING = 100
"""Trajectories at t = 1 of chains that begin at data and not at draws of exp(-F)."""


@dataclass(frozen=True)
class Schedule:
    """Temperatures from 0 to 1 (K + 1,), and the sizes of the steps at each (K + 1,)."""

    temperatures: Array
    steps: Array


class Whitened:
    """The energy of z = L^-1 (y - mean), L L' = 2 cov, beside that of the normal, which is |z|^2 / 2 there.

    Args:
        with_gradient: from y (B, d) to F (B,) and its gradient (B, d).
        data: (n, d) rows by whose moments the normal is shaped.
        like: with the dtype and on the device that F wants its input in.
        beta: what F is multiplied by.
    """

    def __init__(self, with_gradient: WithGradient, data: Tensor, like: Tensor, beta: float = 1.0) -> None:
        rows, dim = data.double().cpu(), data.shape[1]
        cov = torch.cov(rows.T).reshape(dim, dim)
        root = WIDENING**0.5 * torch.linalg.cholesky(
            cov + RIDGE * cov.diagonal().mean() * torch.eye(dim, dtype=cov.dtype)
        )
        self.mean, self.root = rows.mean(0).to(like), root.to(like)
        self.back = torch.linalg.inv(root).to(like)
        self.with_gradient, self.like, self.beta = with_gradient, like, beta
        self.log_volume = float(root.diagonal().log().sum())
        self.log_base = 0.5 * dim * math.log(2 * math.pi)
        self.last = (like.new_empty(0),) * 3

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.mean)

    def white(self, y: Tensor) -> Tensor:
        """(B, d) -> (B, d)."""
        found: Tensor = (y.to(self.like) - self.mean) @ self.back.T
        return found

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """beta F at z in float64 with the volume of the change of variables (B,), its gradient (B, d), U (B,)."""
        energy, gradient = self.with_gradient(self.mean + z @ self.root.T)
        base = 0.5 * z.square().sum(-1) + self.log_base
        self.last = (self.beta * energy.double() - self.log_volume, self.beta * gradient @ self.root, base.double())
        return self.last

    def at(self, t: float) -> WithGradient:
        """F_t and its gradient; what was last evaluated stays in ``last``."""

        def tempered(z: Tensor) -> tuple[Tensor, Tensor]:
            energy, gradient, base = self.parts(z)
            return (1 - t) * base + t * energy, (1 - t) * z + t * gradient

        return tempered


class Anneal:
    """Chains on their way along a path of temperatures; each row of z is one.

    Args:
        energy: in white coordinates.
        z: (B, d) where they start.
        rng: moves them.
    """

    def __init__(self, energy: Whitened, z: Tensor, rng: Generator) -> None:
        self.energy, self.z, self.rng = energy, z, rng
        self.held = energy.parts(z)
        self.kernel = Hmc(FIRST_STEP, LEAPFROGS)
        self.one = torch.ones((), dtype=z.dtype, device=z.device)

    @property
    def work(self) -> Tensor:
        """U - F at the chains (B,), in float64: what a step of the temperature is multiplied by."""
        return self.held[2] - self.held[0]

    def move(self, t: float, size: float | None = None) -> None:
        """One trajectory at a temperature, of a given size; of an adapted one where none is given."""
        if size is not None:
            self.kernel.log_step.fill_(math.log(size))
        energy, gradient, base = self.held
        tempered = (1 - t) * base + t * energy, (1 - t) * self.z + t * gradient
        new = self.kernel.propose(self.energy.at(t), self.z, *tempered, self.rng, self.one)
        accept = uniform((len(self.z),), self.z, self.rng).log() < new.log_ratio
        self.z = torch.where(accept[:, None], new.y, self.z)
        kept = zip(self.energy.last, self.held, strict=True)
        self.held = tuple(torch.where(accept if a.ndim == 1 else accept[:, None], a, b) for a, b in kept)  # type: ignore[assignment]
        if size is None:
            drift = 0.2 * (float(accept.double().mean()) - self.kernel.target)
            self.kernel.log_step.add_(drift).clamp_(math.log(self.kernel.least_step), 1.0)


@torch.no_grad()
def pilot(energy: Whitened, rng: Generator, temperatures: int) -> Schedule:
    """Steps that are accepted often enough, and temperatures at equal distances of the work's standard deviation."""
    grid = np.linspace(0, 1, PILOT_TEMPERATURES + 1) ** 3
    chains = Anneal(energy, normal((PILOT_CHAINS, energy.dim), energy.like, rng), rng)
    spread, sizes = [], []
    for t in grid:
        chains.move(float(t))
        low, high = np.quantile(np.nan_to_num(as_array(chains.work)), [0.1, 0.9])
        spread.append((high - low) / 2.563)
        sizes.append(float(chains.kernel.log_step))
    density = np.maximum(spread, 1e-3 * max(spread))
    length = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (density[1:] + density[:-1]) / 2)])
    placed = np.interp(np.linspace(0, length[-1], temperatures + 1), length, grid)
    placed[0], placed[-1] = 0.0, 1.0
    return Schedule(placed, np.exp(np.interp(placed, grid, sizes)))


@torch.no_grad()
def forward(energy: Whitened, schedule: Schedule, chains: int, rng: Generator) -> Array:
    """log w of chains from the normal to exp(-F), (B,): log mean w is below log Z."""
    return _forth(energy, schedule, chains, rng)[0]


def _forth(energy: Whitened, schedule: Schedule, chains: int, rng: Generator) -> tuple[Array, Array]:
    """The log weights, and F at the ends of the chains: together a sample of exp(-F)."""
    going = Anneal(energy, normal((chains, energy.dim), energy.like, rng), rng)
    log_weight = torch.zeros(chains, dtype=torch.float64)
    times, sizes = schedule.temperatures, schedule.steps
    for k in range(1, len(times)):
        log_weight += float(times[k] - times[k - 1]) * going.work.cpu()
        if k < len(times) - 1:
            going.move(float(times[k]), float(sizes[k]))
    return as_array(log_weight), as_array(going.held[0])


@torch.no_grad()
def backward(energy: Whitened, schedule: Schedule, start: Tensor, rng: Generator, settle: int = 0) -> Array:
    """log w of chains from draws of exp(-F) (B, d) to the normal, (B,): -log mean 1/w is above log Z.

    Args:
        energy: of white coordinates.
        schedule: that of ``forward``.
        start: draws of exp(-F), or points that ``settle`` trajectories make such of.
        rng: moves the chains.
        settle: trajectories at t = 1 before the way back.
    """
    going = Anneal(energy, energy.white(start), rng)
    times, sizes = schedule.temperatures, schedule.steps
    for _ in range(settle):
        going.move(1.0, float(sizes[-1]))
    log_weight = torch.zeros(len(start), dtype=torch.float64)
    for k in range(len(times) - 1, 0, -1):
        log_weight += float(times[k] - times[k - 1]) * going.work.cpu()
        if k > 1:
            going.move(float(times[k - 1]), float(sizes[k - 1]))
    return as_array(log_weight)


def log_z_bounds(energy: Whitened, start: Tensor, exact: bool, seed: int) -> Bounds:
    """log Z of an energy between two bounds.

    Args:
        energy: in white coordinates.
        start: (n, d) where the chains that come back begin.
        exact: whether these are draws of exp(-F). If not, chains run from them at t = 1 for a while, and the upper
            bound is one only as far as such chains come to all of the mass.
        seed: of the chains.

    Raises:
        NotApplicable: if exp(-F) is nowhere a number.
    """
    rng = Generator(energy.like.device).manual_seed(seed)
    schedule = pilot(energy, rng, TEMPERATURES)
    forth = forward(energy, schedule, CHAINS, rng)
    back = backward(energy, schedule, start[:CHAINS], rng, 0 if exact else SETTLING)
    return Bounds.of(forth, back)


@torch.no_grad()
def weighted_energies(energy: Whitened, seed: int) -> tuple[Array, Array]:
    """beta F, up to a constant, at chains that went to exp(-beta F), and their log weights; two of (B,).

    They go at a quarter of the temperatures: a temperature is fitted in several rounds.
    """
    rng = Generator(energy.like.device).manual_seed(seed)
    log_weight, found = _forth(energy, pilot(energy, rng, TEMPERATURES // 4), CHAINS, rng)
    return found + energy.log_volume, log_weight
