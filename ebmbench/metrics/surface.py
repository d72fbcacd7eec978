"""How far an energy surface is from the truth: functions of (F, log p, log weight) on a support, in nats.

p is the true density and q the model's, both normalized on the support; ``log_weight`` are log volumes. All arrays are
float64 with one axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ebmbench.contracts.exponentials import exp
from ebmbench.contracts.records import EnergyKind
from ebmbench.errors import NotApplicable, NotNormalizable
from ebmbench.metrics.context import EvalContext
from ebmbench.truth.normalizer import Array

Measure = Callable[[EvalContext], float]

MIN_FLOOR = 1e-6
"""Nats by which the Gaussian must fall short for skill to mean anything."""


def divergence(log_p: Array, log_q: Array, log_weight: Array) -> float:
    """KL(p || q) = integral of p log(p / q); infinite when q misses a cell that p holds, NaN where p or q is."""
    mass = exp(log_p + log_weight)
    held = ~(mass < np.finfo(np.float64).tiny)  # of less mass no density can be told from zero
    return float((mass[held] * (log_p[held] - log_q[held])).sum())


def total_variation(log_p: Array, log_q: Array, log_weight: Array) -> float:
    """1/2 integral of |p - q|, between 0 and 1."""
    return float(0.5 * np.abs(exp(log_p + log_weight) - exp(log_q + log_weight)).sum())


def ranking_area(energy: Array, log_p: Array, log_weight: Array) -> float:
    """AUROC of the energy between data and the uniform law on the support; ties count half.

    It equals 1 minus the mean, over levels, of the share of the volume below the level (Clemencon & Jakubowicz 2013):
    its ceiling is the truth's own value, not 1.
    """
    levels, index = np.unique(energy, return_inverse=True)
    mass = np.bincount(index, exp(log_p + log_weight), minlength=len(levels))
    volume = np.bincount(index, np.exp(log_weight), minlength=len(levels))
    below = np.cumsum(mass) - mass / 2
    return float((below * volume).sum() / (mass.sum() * volume.sum()))


def sampled_ranking_area(at_data: Array, energy: Array, log_weight: Array) -> float:
    """``ranking_area`` when data are points and no density: F at the points against the uniform law on the support."""
    order = np.argsort(energy)
    levels = energy[order]
    volume = np.concatenate([[0.0], np.cumsum(np.exp(log_weight[order]))])
    below, not_above = (volume[np.searchsorted(levels, at_data, side)] for side in ("left", "right"))
    return float(1 - (below + not_above).mean() / (2 * volume[-1]))


def level_set(energy: Array, log_p: Array, log_weight: Array, share: float = 0.95) -> NDArray[np.bool_]:
    """The cells of the set {F <= t} that holds ``share`` of the data, as booleans (M,); a level is in it as a whole."""
    order = np.argsort(energy, kind="stable")
    mass = np.cumsum(exp((log_p + log_weight)[order]))
    last = min(int(np.searchsorted(mass, share * mass[-1])), len(order) - 1)
    return np.asarray(energy <= energy[order[last]])


def level_volume(energy: Array, log_p: Array, log_weight: Array, share: float = 0.95) -> float:
    """The volume of the set {F <= t} that holds ``share`` of the data (minimum when F ranks like -log p)."""
    return float(np.exp(log_weight[level_set(energy, log_p, log_weight, share)]).sum())


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _where_not_normalizable(value: float) -> Callable[[Measure], Measure]:
    """The value of a metric of an energy of which exp(-F) has no integral: a finding, and remarked upon."""

    def guard(metric: Measure) -> Measure:
        @wraps(metric)
        def guarded(c: EvalContext) -> float:
            try:
                return metric(c)
            except NotNormalizable as reason:
                c.remarks.append(str(reason))
                return value

        return guarded

    return guard


@_where_not_normalizable(math.inf)
def kl(c: EvalContext) -> float:
    """KL(p || q) = integral of p log(p / q) over all of the space; infinite where exp(-F) has no integral.

    Without a lattice it is the mean over the test points, which are draws of p. Needs the exact density.
    """
    if c.truth.normalizer.anneals:
        return float((c.evaluation.log_p_test - c.log_q_test).mean())
    return divergence(c.log_p, c.log_q, c.log_weight)


def kl_reverse(c: EvalContext) -> float:
    """KL(q || p) = integral of q log(q / p) over all of the space. Needs the exact density."""
    log_p = c.log_p
    return divergence(c.log_q, log_p, c.log_weight)


@_where_not_normalizable(math.inf)
def kl_smoothed(c: EvalContext) -> float:
    """KL(p_s || q), p_s = p * N(0, s^2 I), the truth blurred by the method's noise: what a SMOOTHED energy estimates.

    Needs the exact density, and that of the blurred data in closed form.
    """
    log_p = c.evaluation.smoothed_log_p[c.evaluation.cells.source]
    return divergence(log_p, c.log_q, c.log_weight)


def tv(c: EvalContext) -> float:
    """TV = 1/2 integral of |p - q|, between 0 and 1. Needs the exact density."""
    return total_variation(c.log_p, c.log_q, c.log_weight)


@_where_not_normalizable(math.inf)
def nll(c: EvalContext) -> float:
    """NLL = mean of -log q over the test points; for ``iso`` the mean over p itself, which the density was fitted to.

    Where p is not known, ``iso`` is fitted to the validation points and read at the test points, as the others are.
    Needs test points alone.
    """
    if c.variant == "iso" and not c.truth.on_support:
        return float(-c.evaluation.iso_log_density_test.mean())
    if c.variant == "iso":
        return divergence(c.log_p, c.log_q, c.log_weight) + c.truth.entropy
    return float(c.nll_test.mean())


def nll_se(c: EvalContext) -> float:
    """se = std(-log q) / sqrt(n) over the n test points: the standard error of ``nll``. Needs test points alone."""
    return float(c.nll_test.std(ddof=1) / np.sqrt(len(c.nll_test)))


def nll_excess(c: EvalContext) -> float:
    """NLL - H(p), H(p) = -integral of p log p the entropy: ``nll`` with what nobody can explain taken away.

    Needs the exact density.
    """
    entropy = c.truth.entropy
    return nll(c) - entropy


@_where_not_normalizable(math.inf)
def nll_validation(c: EvalContext) -> float:
    """NLL = mean of -log q over the validation points: what hyper-parameters are chosen by.

    Needs validation points alone.
    """
    return float(c.nll_validation.mean())


def fisher(c: EvalContext) -> float:
    """J = 1/2 E_p |grad F + grad log p|^2 at the test points, F being the calibrated energy. Needs the exact score."""
    score = c.evaluation.score_test
    error = c.beta_used * c.evaluation.energy_gradient_test + score
    return float(0.5 * np.square(error).sum(-1).mean())


def spearman(c: EvalContext) -> float:
    """rho = the correlation of the ranks of F and of -log p at the test points. Needs the exact density."""
    c.truth.require_unconditional()
    return _rank_correlation(c.evaluation.energy_test, -c.evaluation.log_p_test)


def mean_energy(c: EvalContext) -> float:
    """E F = the mean of F over the test points. Its zero and scale are the method's own: it means nothing between two.

    Needs test points alone.
    """
    return float(c.evaluation.energy_test.mean())


def auroc(c: EvalContext) -> float:
    """AUROC = P(F(y) < F(u)), y of the data (the test points, where their law is not known), u uniform on the domain.

    Needs test points alone.
    """
    inside, energy = c.truth.inside, c.evaluation.energy_inside
    log_weight = c.truth.log_weight[inside]
    if not c.truth.on_support:
        c.truth.require_unconditional()
        return sampled_ranking_area(c.evaluation.energy_test, energy, log_weight)
    log_p = c.truth.log_p[inside]
    parts = c.evaluation.slices(inside=True)
    return float(np.mean([ranking_area(energy[part], log_p[part], log_weight[part]) for part in parts]))


def v95_ratio(c: EvalContext) -> float:
    """vol {F <= t} / vol {-log p <= t'}, t and t' = the levels below which 95 % of the data lie.

    Needs the exact density.
    """
    energy, log_p, log_weight = c.evaluation.cells.energy, c.log_p, c.log_weight
    return float(
        np.mean(
            [
                level_volume(energy[part], log_p[part], log_weight[part])
                / level_volume(-log_p[part], log_p[part], log_weight[part])
                for part in c.evaluation.slices()
            ]
        )
    )


def beta(c: EvalContext) -> float:
    """beta* = argmin over beta of mean -log q_beta on validation, q_beta ∝ exp(-beta F); 1 when it is calibrated.

    Needs validation points alone.
    """
    return c.evaluation.beta


@_where_not_normalizable(1.0)
def mass_outside(c: EvalContext) -> float:
    """Q(outside) = the share of the mass of q beyond the domain; all of it where exp(-F) has no integral.

    Needs a domain that lies within a wider space.
    """
    c.truth.normalizer.require_outside()
    return max(0.0, 1 - c.evaluation.mass_inside(c.beta_used))


def refinement(c: EvalContext) -> float:
    """log Z' - log Z of the domain, Z' = the integral on a lattice twice as fine: what the lattice misses.

    Far from zero, trust nothing of it.
    Needs a domain that a lattice covers.
    """
    return c.evaluation.log_z_refined - c.evaluation.log_z_inside(1.0)


def log_z_error(c: EvalContext) -> float:
    """log Z = log of the integral of exp(-F) of an energy that claims to be normalized.

    Needs a space that can be integrated over.
    """
    return c.log_z


def mode_mass_error(c: EvalContext) -> float:
    """1/2 sum_k |q(k) - p(k)|, q(k) = the mass of q in mode k, over the modes and what lies in none; between 0 and 1.

    Needs the exact density and modes.
    """
    owner = c.truth.owner[c.evaluation.cells.source] + 1
    ours, truth = (np.bincount(owner, exp(log_density + c.log_weight)) for log_density in (c.log_q, c.log_p))
    return float(0.5 * np.abs(ours - truth).sum())


@_where_not_normalizable(-1.0)
def skill(c: EvalContext) -> float:
    """skill = 1 - KL(p || iso(F)) / KL(p || iso(moment-matched Gaussian)), in [-1, 1]: 0 is the Gaussian, 1 the truth.

    On bits the floor is the law of independent bits with the true means in the place of the Gaussian. An energy that
    is to be a density and has no integral has no skill: -1.
    Needs the exact density.
    """
    if c.evaluation.kind is not EnergyKind.RANKING:
        c.evaluation.log_z(1.0)
    log_p, log_weight = c.truth.log_p, c.truth.log_weight
    floor = divergence(log_p, c.evaluation.isotonic(c.truth.floor_energy, log_p, log_weight), log_weight)
    if floor < MIN_FLOOR:
        raise NotApplicable("the truth ranks like its floor: there is nothing to gain on it")
    excess = divergence(c.log_p, c.evaluation.iso_log_density, c.log_weight)
    return float(np.clip(1 - excess / floor, -1, 1))


def log_density_mse(c: EvalContext) -> float:
    """MSE = the mean of (log q - log p)^2 over the test points (Schroder et al. 2023, figure 3).

    Needs the exact density.
    """
    return float(np.square(c.nll_test + c.evaluation.log_p_test).mean())


def hellinger(c: EvalContext) -> float:
    """H = sqrt(1 - integral of sqrt(p q)), the Hellinger distance, between 0 and 1. Needs the exact density."""
    overlap = exp(0.5 * (c.log_p + c.log_q) + c.log_weight).sum()
    return float(np.sqrt(max(0.0, 1 - overlap)))


def jeffreys(c: EvalContext) -> float:
    """J = KL(p || q) + KL(q || p). Needs the exact density."""
    return kl(c) + kl_reverse(c)


def mass_volume_area(c: EvalContext) -> float:
    """A = the mean over a of vol {F <= t_a}, t_a the a-quantile on data: the area under the mass-volume curve.

    Needs test points alone.
    """
    return float((1 - auroc(c)) * np.exp(c.truth.log_weight[c.truth.inside]).sum())


def iou95(c: EvalContext) -> float:
    """vol(A and B) / vol(A or B), A = F's set with 95 % of the data, B = the truth's. Needs the exact density."""
    c.truth.require_unconditional()
    ours = level_set(c.evaluation.cells.energy, c.log_p, c.log_weight)
    truth = level_set(-c.log_p, c.log_p, c.log_weight)
    volume = np.exp(c.log_weight)
    return float(volume[ours & truth].sum() / volume[ours | truth].sum())


def spearman_uniform(c: EvalContext) -> float:
    """rho = the correlation of the ranks of F and of -log p over the lattice: it sees the far field too.

    Needs the exact density.
    """
    c.truth.require_unconditional()
    return _rank_correlation(c.evaluation.energy_inside, -c.truth.log_p[c.truth.inside])


def _rank_correlation(energy: Array, known: Array) -> float:
    if energy.min() == energy.max():
        raise NotApplicable("a constant energy has no order")
    return float(spearmanr(energy, known).statistic)


def d_prime(c: EvalContext) -> float:
    """d' = (mean F of the uniform law - mean F of data) / std of F on data: a margin without scale.

    Needs test points alone.
    """
    c.truth.require_unconditional()
    energy, inside = c.evaluation.energy_inside, c.truth.inside
    if np.isinf(energy).any():
        raise NotApplicable("the energy is infinite somewhere on the domain: it has no mean")
    volume = np.exp(c.truth.log_weight[inside])
    if c.truth.on_support:
        mass = volume * exp(c.truth.log_p[inside])
        mean = float(mass @ energy)
        spread = float(np.sqrt(mass @ np.square(energy - mean)))
    else:
        mean, spread = float(c.evaluation.energy_test.mean()), float(c.evaluation.energy_test.std())
    if not spread > 0:
        raise NotApplicable("the energy is constant on data")
    return (float(volume @ energy) / float(volume.sum()) - mean) / spread
