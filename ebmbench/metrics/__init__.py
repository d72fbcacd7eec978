"""The built-in metrics and what data are judged by: the catalog's records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ebmbench.catalog.hooks import hookimpl
from ebmbench.contracts.records import NO_SCALE, Direction, EnergyKind, MetricSpec, Track
from ebmbench.metrics.tracks import TRACKS

ALL = frozenset(EnergyKind)
CALIBRATED = ALL - {EnergyKind.RANKING}
SMOOTHED = frozenset({EnergyKind.SMOOTHED})
NORMALIZED = frozenset({EnergyKind.NORMALIZED})
CALIBRATIONS = ("raw", "beta", "iso")
TEMPERATURES = ("raw", "beta")
RAW = ("raw",)
FITTED = ("beta", "iso")
SAMPLERS = ("common", "native")


@hookimpl
def ebmbench_tracks() -> tuple[Track, ...]:
    """The plane, bits, many dimensions, and data of unknown density."""
    return TRACKS


def _functions_of(module: str, in_core: bool) -> Callable[..., MetricSpec]:
    """Records of a module's functions, which are called as their metrics are."""

    def record(name: str, direction: Direction, summary: str, unit: str = "", **facts: Any) -> MetricSpec:
        facts = {"kinds": ALL, "in_core": in_core, **facts}
        return MetricSpec(name, f"ebmbench.metrics.{module}:{name}", summary, unit, direction, **facts)

    return record


@hookimpl
def ebmbench_metrics() -> Iterator[MetricSpec]:
    """What is measured by default, and what ``all`` adds to it."""
    yield from _core()
    yield from _at_exact_draws()
    yield from _more_of_surface_and_samples()
    yield from _manifold_and_landscape()
    yield from _conditionals()


def _core() -> Iterator[MetricSpec]:
    """The surface and the samples."""
    surface, samples = (_functions_of(name, in_core=True) for name in ("surface", "samples"))
    what = "1 is the truth, 0 the moment-matched Gaussian (independent bits): by the order of energies alone"
    yield surface("skill", "up", what, best=1.0)
    yield surface("kl", "down", "KL(p || q) over all of the space", unit="nats", variants=CALIBRATIONS, best=0.0)
    what = "KL(p blurred by the method's own noise || q)"
    yield surface(
        "kl_smoothed",
        "down",
        what,
        unit="nats",
        kinds=SMOOTHED,
        variants=TEMPERATURES,
        best=0.0,
        why_not="only a smoothed energy is blurred by noise of the method's own",
    )
    yield surface(
        "kl_reverse", "down", "KL(q || p) over all of the space", unit="nats", variants=CALIBRATIONS, best=0.0
    )
    yield surface("tv", "down", "total variation", variants=CALIBRATIONS, best=0.0)
    yield surface("nll", "down", "held-out -log likelihood", unit="nats", variants=CALIBRATIONS)
    yield surface("nll_se", "none", "standard error of nll over the test points", unit="nats", variants=TEMPERATURES)
    yield surface("nll_excess", "down", "nll minus the entropy", unit="nats", variants=CALIBRATIONS, best=0.0)
    what = "-log likelihood of the validation points: what choices are made by"
    yield surface("nll_validation", "down", what, unit="nats", variants=TEMPERATURES, selects=True)
    yield surface("fisher", "down", "Fisher divergence 1/2 E|grad F + grad log p|^2", variants=TEMPERATURES, best=0.0)
    yield surface("spearman", "up", "rank correlation of F and -log p on data", best=1.0)
    yield surface("auroc", "up", "AUROC of data against uniform")
    yield surface("v95_ratio", "one", "volume of the set with 95 % of the data over the truth's", best=1.0)
    yield surface("beta", "one", "best inverse temperature on validation", best=1.0)
    what = "total variation of the masses of the modes"
    yield surface("mode_mass_error", "down", what, variants=CALIBRATIONS, best=0.0)
    what = "share of the mass of q outside the domain"
    yield surface("mass_outside", "down", what, variants=TEMPERATURES, best=0.0)
    what = "log Z of an energy that claims to be normalized"
    yield surface(
        "log_z_error",
        "zero",
        what,
        unit="nats",
        kinds=NORMALIZED,
        variants=RAW,
        best=0.0,
        why_not="only a normalized energy claims a constant",
    )
    what = "unbiased MMD^2, Gaussian kernels of five bandwidths, n = 2000"
    yield samples("mmd2", "down", what, variants=SAMPLERS, best=0.0, refs=("Gretton et al. 2012",))
    what = "sliced 2-Wasserstein distance, n = 5000"
    yield samples("sliced_wasserstein", "down", what, unit="unit", variants=SAMPLERS, refs=("Bonneel et al. 2015",))


def _at_exact_draws() -> Iterator[MetricSpec]:
    """By the weights that make of draws of the truth draws of the model: in any number of dimensions."""
    weights = _functions_of("dimensions", in_core=False)
    what = "effective sample size, as a share, of exact draws weighted to be the model's"
    yield weights("ess_exact", "up", what, variants=TEMPERATURES, best=1.0, refs=("Elvira, Martino & Robert 2022",))
    what = "Fisher divergence over the number of coordinates"
    yield weights("fisher_per_dim", "down", what, variants=TEMPERATURES, best=0.0)
    what = "total variation of the masses of the modes, by weights at exact draws"
    yield weights("mode_mass_weighted", "down", what, variants=TEMPERATURES, best=0.0)
    what = "total variation of the masses of the modes, of samples against exact draws"
    yield weights("mode_mass_sampled", "down", what, variants=SAMPLERS, best=0.0)
    what = "how far log Z may be off: the farther of its bounds"
    yield weights("log_z_gap", "down", what, unit="nats", variants=TEMPERATURES, best=0.0)


def _more_of_surface_and_samples() -> Iterator[MetricSpec]:
    surface, samples, neighbors = (_functions_of(name, in_core=False) for name in ("surface", "samples", "neighbors"))
    yield surface("hellinger", "down", "Hellinger distance", variants=CALIBRATIONS, best=0.0)
    what = "mean squared error of the log density on data"
    yield surface(
        "log_density_mse", "down", what, unit="nats^2", variants=TEMPERATURES, best=0.0, refs=("Schroder et al. 2023",)
    )
    yield surface("jeffreys", "down", "KL(p || q) + KL(q || p)", unit="nats", variants=CALIBRATIONS, best=0.0)
    what = "area under the mass-volume curve"
    yield surface("mass_volume_area", "down", what, unit="unit^2", refs=("Clemencon & Jakubowicz 2013",))
    yield surface("iou95", "up", "overlap of the 95 % sets of F and of the truth", best=1.0)
    yield surface("spearman_uniform", "up", "rank correlation of F and -log p over the domain", best=1.0)
    what = "log Z of the domain on a lattice twice as fine minus log Z there"
    yield surface("refinement", "zero", what, unit="nats", kinds=CALIBRATED, variants=RAW, best=0.0, why_not=NO_SCALE)
    what = "mean F over data: for comparing ways of training one energy"
    yield surface("mean_energy", "none", what)
    yield surface("d_prime", "up", "gap between uniform and data in standard deviations of F on data")
    what = "energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|, unbiased, n = 2000"
    yield samples("energy_distance", "down", what, variants=SAMPLERS, best=0.0, refs=("Szekely & Rizzo 2013",))
    yield samples("wasserstein2", "down", "exact 2-Wasserstein distance, n = 1000", variants=SAMPLERS)
    yield samples("mode_kl", "down", "KL of the histogram over modes", variants=SAMPLERS, best=0.0)
    what = "accuracy of a gradient-boosted classifier of samples and data, cross-validated, n = 2000"
    yield neighbors("c2st", "down", what, variants=SAMPLERS, best=0.5, refs=("Lopez-Paz & Oquab 2017",))
    what = "share of samples within reach of data, k = 5, n = 5000"
    yield neighbors("precision", "up", what, variants=SAMPLERS, refs=("Naeem et al. 2020",))
    what = "share of data within reach of samples, k = 5, n = 5000"
    yield neighbors("recall", "up", what, variants=SAMPLERS, refs=("Naeem et al. 2020",))
    what = "data balls that a sample lies in, over k"
    yield neighbors("density", "up", what, variants=SAMPLERS, best=1.0, refs=("Naeem et al. 2020",))
    what = "share of data with a sample in its ball"
    yield neighbors("coverage", "up", what, variants=SAMPLERS, best=1 - 2.0**-5, refs=("Naeem et al. 2020",))


def _manifold_and_landscape() -> Iterator[MetricSpec]:
    """Growth off the manifold, minima and saddles: the lecture's questions."""
    manifold, landscape = (_functions_of(name, in_core=False) for name in ("manifold", "landscape"))
    what = "power of the distance that F rises with off the manifold, 1/4 to 3 widths"
    yield manifold("growth_exponent", "none", what, refs=("LeCun, NYU DLSP20",))
    yield manifold("growth_r2", "none", "how well that power law holds")
    what = "second difference of F across the manifold, by its width"
    yield manifold("curvature_normal", "one", what, variants=TEMPERATURES)
    what = "second difference of F along the manifold, by its width"
    yield manifold("curvature_tangent", "zero", what, variants=TEMPERATURES)
    yield manifold("auroc_shell", "up", "AUROC of data against a shell 2 to 4 widths away")
    yield manifold("projection_error", "down", "end of a descent of F to the nearest manifold point", unit="width")
    yield manifold("projection_residual", "down", "distance of that end from the manifold", unit="width")
    yield manifold("projection_drift", "down", "how far a second descent still moves", unit="width")
    yield manifold("projection_success", "up", "share of descents that end within 2 widths of the manifold", best=1.0)
    what = "share of the modes that hold a minimum at least a nat deep"
    yield landscape("minima_recall", "up", what, variants=FITTED, best=1.0)
    yield landscape("minima_spurious", "down", "minima outside all modes", variants=FITTED, best=0.0)
    what = "height of the lowest saddle between modes over the truth's, median"
    yield landscape("barrier_ratio", "one", what, variants=FITTED, best=1.0)
    what = "share of the gaps between data whose energy is as low as data's"
    yield landscape("antimode", "down", what, best=0.0, refs=("Alain & Bengio 2014",))
    yield landscape("auroc_between", "up", "AUROC of data against the gaps between them")


def _conditionals() -> Iterator[MetricSpec]:
    """y2 given y1."""
    slices = _functions_of("slices", in_core=False)
    what = "KL of y2 given y1, over y1 of the data"
    yield slices("conditional_kl", "down", what, unit="nats", variants=CALIBRATIONS, best=0.0)
    yield slices("conditional_nll", "down", "-log likelihood of y2 given y1", unit="nats", variants=CALIBRATIONS)
    what = "share of the branches of y2 given y1 that are found"
    yield slices("conditional_modes", "up", what, variants=CALIBRATIONS, best=1.0)
    what = "error of one draw of y2 given y1 over that of the conditional mean"
    yield slices("best_of_1", "none", what, variants=CALIBRATIONS, best=2**0.5)
    what = "error of the best of ten draws of y2 given y1 over that of the conditional mean"
    yield slices("best_of_10", "none", what, variants=CALIBRATIONS)
    predictions = _functions_of("predictions", in_core=False)
    what = "error of the method's own guess of y given x over that of the conditional mean"
    yield predictions("predicted_1", "none", what)
    what = "error of the best of ten of the method's own guesses of y given x over that of the conditional mean"
    yield predictions("predicted_10", "none", what)
    what = "share of true draws of y given x near one of the method's own predictions"
    yield predictions("prediction_recall", "up", what, best=1.0)
    what = "share of the method's own predictions of y given x near a true draw"
    yield predictions("prediction_precision", "up", what, best=1.0)
    what = "energy of the conditional mean minus that of data"
    yield predictions("mean_gap", "up", what, unit="nats", variants=TEMPERATURES)
    futures = _functions_of("futures", in_core=False)
    what = "error of the best of ten guesses of the next frame over that of the average of its futures"
    yield futures("foreseen_10", "down", what, best=0.0)
    what = "squared differences of neighboring pixels of guessed frames over those of true ones"
    yield futures("sharpness", "one", what, best=1.0)
    what = "share of the futures given x that one of twenty guesses is at"
    yield futures("futures_found", "up", what, best=1.0)
    what = "total variation of the odds of the futures given x"
    yield futures("futures_odds_error", "down", what, variants=TEMPERATURES, best=0.0)
