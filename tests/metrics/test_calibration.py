"""Temperature and order: what an energy says once its scale is fitted, or once only its ranking is kept."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from sklearn.isotonic import IsotonicRegression

from ebmbench.contracts.domain import square
from ebmbench.metrics.calibration import fit_beta, held_out_isotonic, isotonic_log_density, level_of
from ebmbench.truth.normalizer import Array, log_normalizer
from tests.factories import Bowl, Normal, make_evaluation

SUPPORT = square(9).support(200)
POINTS: Array = SUPPORT.points.numpy()
LOG_WEIGHT: Array = SUPPORT.log_weight.numpy()
RADIUS2: Array = np.square(POINTS).sum(-1)
STANDARD: Array = -RADIUS2 / 2 - math.log(2 * math.pi)
"""log N(0, I) on the lattice."""


# --- beta -------------------------------------------------------------------------------------------------------------


def held_out(n: int, seed: int) -> Array:
    """|y|^2 / 2 of draws from N(0, I)."""
    half: Array = np.square(np.random.default_rng(seed).standard_normal((n, 2))).sum(-1) / 2
    return half


@pytest.mark.parametrize("a", [0.01, 1.0, 300.0])
def test_beta_of_a_scaled_energy_is_its_inverse(a: float) -> None:
    """F = a |y|^2 / 2 on N(0, I): beta a = 2 / mean |y|^2 on the held-out points, 1 within 4 standard errors."""
    n = 4000
    half = held_out(n, seed=1)
    beta = fit_beta(a * RADIUS2 / 2, LOG_WEIGHT, a * half)
    assert beta * a == pytest.approx(1 / half.mean(), rel=1e-5)
    assert beta * a == pytest.approx(1, abs=4 / math.sqrt(n))


def test_beta_does_not_see_an_added_constant() -> None:
    half = held_out(500, seed=2)
    plain = fit_beta(RADIUS2 / 2, LOG_WEIGHT, half)
    assert fit_beta(RADIUS2 / 2 + 1000, LOG_WEIGHT, half + 1000) == pytest.approx(plain, rel=1e-5)


def quartic(y: Array) -> Array:
    """An energy with two wells, which no exponential family fits."""
    return np.asarray(np.square(y[:, 0] ** 2 - 1) + 0.3 * np.abs(y[:, 1]), dtype=np.float64)


def test_beta_makes_the_mean_energies_of_data_and_model_agree() -> None:
    energy = quartic(POINTS)
    data = quartic(np.random.default_rng(3).normal(0.4, 1.3, (3000, 2)))
    beta = fit_beta(energy, LOG_WEIGHT, data)
    mass = np.exp(-beta * energy + LOG_WEIGHT - log_normalizer(energy, LOG_WEIGHT, beta))
    assert float(mass @ energy) == pytest.approx(data.mean(), abs=1e-5 * data.std())

    def loss(factor: float) -> float:
        return float(factor * beta * data.mean() + log_normalizer(energy, LOG_WEIGHT, factor * beta))

    assert loss(1.0) < min(loss(0.99), loss(1.01))


def test_beta_of_a_constant_energy_is_not_a_number() -> None:
    assert math.isnan(fit_beta(np.full_like(RADIUS2, 2.5), LOG_WEIGHT, np.full(10, 2.5)))


def test_beta_stops_at_the_ends_of_its_range() -> None:
    """Data on hills want a beta of zero; data all at the lowest level want an infinite one."""
    high = np.array([70.0, 80.0])
    assert fit_beta(RADIUS2 / 2, LOG_WEIGHT, high) == pytest.approx(math.exp(-12) / high.std())
    low = np.array([-2.0, -1.0])  # below every energy of the support
    assert fit_beta(RADIUS2 / 2, LOG_WEIGHT, low) == pytest.approx(math.exp(12) / low.std())


def test_cells_of_infinite_energy_do_not_count() -> None:
    """exp(-beta inf) is nothing: the temperature is that of the cells where the energy is finite."""
    half = held_out(500, seed=5)
    outside = np.where(RADIUS2 > 60, np.inf, RADIUS2 / 2)
    assert fit_beta(outside, LOG_WEIGHT, half) == pytest.approx(1 / half.mean(), rel=1e-5)


# --- iso: the checks, each of which a wrong twin fails ----------------------------------------------------------------

Iso = Callable[[Array, Array, Array], Array]


def without_pooling(energy: Array, log_p: Array, log_weight: Array) -> Array:
    """Wrong: cells of equal energy are told apart by the order that they stand in."""
    order = np.argsort(energy, kind="stable")
    volume = np.exp(log_weight[order])
    fitted = isotonic_regression(np.exp(log_p[order]), weights=volume, increasing=False).x
    found = np.empty_like(energy)
    found[order] = np.log(np.maximum(fitted, 1e-300))
    return found


def without_weights(energy: Array, log_p: Array, log_weight: Array) -> Array:
    """Wrong: every cell counts the same, whatever its volume."""
    return isotonic_log_density(energy, log_p, np.zeros_like(log_weight))


def without_order(energy: Array, log_p: Array, log_weight: Array) -> Array:
    """Wrong: it grows with the energy."""
    return isotonic_log_density(-energy, log_p, log_weight)


def reference(energy: Array, log_p: Array, log_weight: Array) -> Array:
    """scikit-learn's: it pools equal abscissae by their weighted mean."""
    model = IsotonicRegression(increasing=False).fit(energy, np.exp(log_p), sample_weight=np.exp(log_weight))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(model.predict(energy)), dtype=np.float64)


def example(seed: int, n: int = 60) -> tuple[Array, Array, Array]:
    """Energies with ties, a density normalized on cells of unequal volume."""
    rng = np.random.default_rng(seed)
    log_weight = rng.normal(0, 1, n)
    log_p = rng.normal(0, 2, n)
    log_p -= log_normalizer(-log_p, log_weight)
    return np.round(-0.5 * log_p + rng.normal(0, 1, n)), log_p, log_weight


def check_against_scikit_learn(iso: Iso) -> None:
    for seed in range(5):
        energy, log_p, log_weight = example(seed)
        np.testing.assert_allclose(iso(energy, log_p, log_weight), reference(energy, log_p, log_weight), atol=1e-9)


def check_ties(iso: Iso) -> None:
    """Equal energies share one value: the weighted mean of the two, by hand (1 * 0.3 + 3 * 0.1) / 4 = 0.15."""
    log_q = iso(np.zeros(2), np.log([0.3, 0.1]), np.log([1.0, 3.0]))
    np.testing.assert_allclose(np.exp(log_q), [0.15, 0.15])


def check_decreasing(iso: Iso) -> None:
    energy, log_p, log_weight = example(7)
    for sign in (1, -1):  # whether the energy ranks well or is upside down
        order = np.argsort(sign * energy, kind="stable")
        assert (np.diff(iso(sign * energy, log_p, log_weight)[order]) <= 1e-12).all()


def test_iso_agrees_with_scikit_learn() -> None:
    check_against_scikit_learn(isotonic_log_density)


def test_iso_pools_ties() -> None:
    check_ties(isotonic_log_density)


def test_iso_does_not_increase_with_the_energy() -> None:
    check_decreasing(isotonic_log_density)


@pytest.mark.parametrize(
    ("twin", "check"),
    [
        (without_pooling, check_ties),
        (without_pooling, check_against_scikit_learn),
        (without_weights, check_ties),
        (without_weights, check_against_scikit_learn),
        (without_order, check_decreasing),
        (without_order, check_against_scikit_learn),
    ],
)
def test_wrong_twins_of_iso_are_rejected(twin: Iso, check: Callable[[Iso], None]) -> None:
    with pytest.raises(AssertionError):
        check(twin)


# --- iso: what it is by definition ------------------------------------------------------------------------------------


def test_iso_of_a_perfect_ranking_is_p_itself() -> None:
    np.testing.assert_allclose(isotonic_log_density(RADIUS2**3, STANDARD, LOG_WEIGHT), STANDARD, atol=1e-9)


def test_iso_of_a_constant_energy_is_uniform() -> None:
    log_q = isotonic_log_density(np.ones_like(RADIUS2), STANDARD, LOG_WEIGHT)
    np.testing.assert_allclose(log_q, -2 * math.log(18), atol=1e-6)


def test_iso_of_a_reversed_ranking_is_uniform() -> None:
    """A decreasing fit to increasing data is their mean."""
    log_q = isotonic_log_density(-RADIUS2, STANDARD, LOG_WEIGHT)
    np.testing.assert_allclose(log_q, -2 * math.log(18), atol=1e-6)


levels = st.lists(st.integers(-20, 20), min_size=2, max_size=25)
numbers = st.floats(-4, 4, allow_nan=False, width=32)


@st.composite
def surfaces(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """An energy on integer levels, a density normalized on cells of unequal volume."""
    energy = np.array(draw(levels), dtype=np.float64)
    n = len(energy)
    log_p = np.array(draw(st.lists(numbers, min_size=n, max_size=n)), dtype=np.float64)
    log_weight = np.array(draw(st.lists(numbers, min_size=n, max_size=n)), dtype=np.float64)
    return energy, log_p - log_normalizer(-log_p, log_weight), log_weight


monotone = st.sampled_from(
    [
        ("scaled", lambda f: 3.5 * f - 100),
        ("exponential", lambda f: np.exp(f / 4)),
        ("cubic", lambda f: f**3 + f),
        ("arctangent", lambda f: np.arctan(f / 10)),
        ("ranks", lambda f: np.unique(f, return_inverse=True)[1].astype(np.float64)),
    ]
)


@pytest.mark.long
@settings(max_examples=100, deadline=None, derandomize=True)
@given(surfaces(), monotone)
def test_iso_is_invariant_under_strictly_monotone_maps(
    surface: tuple[Array, Array, Array], named: tuple[str, Callable[[Array], Array]]
) -> None:
    energy, log_p, log_weight = surface
    _, change = named
    plain = isotonic_log_density(energy, log_p, log_weight)
    np.testing.assert_allclose(isotonic_log_density(change(energy), log_p, log_weight), plain, atol=1e-9)


@pytest.mark.long
@settings(max_examples=100, deadline=None, derandomize=True)
@given(surfaces(), st.floats(0.01, 5))
def test_iso_lies_between_the_entropy_and_every_temperature(surface: tuple[Array, Array, Array], beta: float) -> None:
    """NLL_iso >= H(p), since q is a density; <= NLL_beta for all beta > 0, since exp(-beta F) decreases with F too."""
    energy, log_p, log_weight = surface
    mass = np.exp(log_p + log_weight)
    log_q = isotonic_log_density(energy, log_p, log_weight)
    assert float(np.exp(log_q + log_weight).sum()) == pytest.approx(1, abs=1e-9)
    nll_iso, entropy = -float(mass @ log_q), -float(mass @ log_p)
    nll_beta = float(beta * (mass @ energy)) + log_normalizer(energy, log_weight, beta)
    assert entropy - 1e-9 <= nll_iso <= nll_beta + 1e-9


def test_iso_beats_the_fitted_temperature_on_the_lattice() -> None:
    """Strictly, for an energy with the right order and the wrong shape."""
    energy = RADIUS2**2
    mass = np.exp(STANDARD + LOG_WEIGHT)
    beta = fit_beta(energy, LOG_WEIGHT, np.square(2 * held_out(5000, seed=4)))
    nll_beta = beta * float(mass @ energy) + log_normalizer(energy, LOG_WEIGHT, beta)
    nll_iso = -float(mass @ isotonic_log_density(energy, STANDARD, LOG_WEIGHT))
    entropy = math.log(2 * math.pi * math.e)
    assert nll_iso == pytest.approx(entropy, abs=1e-6)
    assert nll_beta > entropy + 0.05


# --- the isotonic fit to held-out points ------------------------------------------------------------------------------


def bowl_case(n: int = 5000, sign: float = 1.0) -> tuple[Array, Array, Array, Array]:
    """N(0, I), of which nobody knows the density, under sign |y|^2 / 2: validation, test, support, log weights."""
    case = make_evaluation(Bowl(sign), Normal(half_width=6, hidden=True), cells=200, n=n)
    return case.energy_validation, case.energy_test, case.energy, case.truth.log_weight


def test_the_held_out_density_integrates_to_one_and_falls() -> None:
    held_out, _, energy, log_weight = bowl_case()
    levels, log_density = held_out_isotonic(held_out, energy, log_weight)
    on_lattice = log_density[level_of(energy, levels)]
    assert np.exp(on_lattice + log_weight).sum() == pytest.approx(1, abs=1e-9)
    assert (np.diff(log_density) <= 1e-12).all()


def test_the_held_out_density_agrees_with_scikit_learn() -> None:
    held_out, _, energy, log_weight = bowl_case(500)
    levels, log_density = held_out_isotonic(held_out, energy, log_weight)
    volume = np.array([np.exp(log_weight[energy == level]).sum() for level in levels])
    below = np.concatenate([[-np.inf], levels[:-1]])
    above = np.concatenate([levels[:-1], [np.inf]])
    points = np.array([((held_out > low) & (held_out <= high)).sum() for low, high in zip(below, above, strict=True)])
    mass = (points + volume / volume.sum()) / (len(held_out) + 1)
    rank = np.arange(len(levels))
    expected = IsotonicRegression(increasing=False).fit(rank, mass / volume, volume).predict(rank)
    np.testing.assert_allclose(np.exp(log_density), expected, rtol=1e-9)


def test_the_true_order_comes_close_to_the_entropy_and_the_reverse_does_not() -> None:
    entropy = 1 + math.log(2 * math.pi)
    losses = []
    for sign in (1.0, -1.0):
        held_out, test, energy, log_weight = bowl_case(sign=sign)
        levels, log_density = held_out_isotonic(held_out, energy, log_weight)
        losses.append(float(-log_density[level_of(test, levels)].mean()))
    assert losses[0] == pytest.approx(entropy, abs=0.05)
    assert losses[1] > math.log(144) - 0.05  # upside down it can say no more than the uniform law


def test_a_point_beyond_all_validation_points_has_a_finite_price() -> None:
    levels, log_density = held_out_isotonic(np.array([0.0, 0.5]), np.array([0.0, 1.0, 2.0]), np.zeros(3))
    assert np.isfinite(log_density).all()
    np.testing.assert_array_equal(level_of(np.array([-5.0, 0.5, 2.0, 99.0]), levels), [0, 1, 2, 2])
