"""The built-in metrics: the catalog's records."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ebmbench.contracts import EnergyKind, MetricSpec
from ebmbench.suite.hooks import hookimpl

ALL = frozenset(EnergyKind)
CALIBRATED = ALL - {EnergyKind.RANKING}
CALIBRATIONS = ("raw", "beta", "iso")
TEMPERATURES = ("raw", "beta")
FITTED = ("beta", "iso")
SAMPLERS = ("common", "native")
NO_SCALE = "the scale of a ranking energy means nothing"


@hookimpl
def ebmbench_metrics() -> Iterator[MetricSpec]:
    """The surface metrics and the sample metrics, and what the set ``all`` adds to them."""
    yield from _surface()
    yield from _samples()
    yield from _manifold()
    yield from _landscape()
    yield from _conditional()


def _surface() -> Iterator[MetricSpec]:
    home = "ebmbench.metrics.surface"
    nats = partial(MetricSpec, unit="nats", kinds=ALL)
    plain = partial(MetricSpec, unit="", kinds=ALL)

    skill = "1 is the truth, 0 the moment-matched Gaussian (independent bits): by the order of energies alone"
    yield plain("skill", f"{home}:skill", skill, direction="up", best=1.0)
    down = partial(nats, direction="down", variants=CALIBRATIONS)
    yield down("kl", f"{home}:kl", "KL(p || q) on the lattice", best=0.0)
    blurred = "KL(p blurred by the method's own noise || q)"
    smoothed = frozenset({EnergyKind.SMOOTHED})
    yield MetricSpec(
        "kl_smoothed",
        f"{home}:kl_smoothed",
        blurred,
        "nats",
        "down",
        smoothed,
        variants=TEMPERATURES,
        best=0.0,
        why_not="only a smoothed energy is blurred by noise of the method's own",
    )
    yield down("kl_reverse", f"{home}:kl_reverse", "KL(q || p) on the lattice", best=0.0)
    yield plain("tv", f"{home}:tv", "total variation", direction="down", variants=CALIBRATIONS, best=0.0)
    yield down("nll", f"{home}:nll", "held-out -log likelihood")
    se = "standard error of nll over the test points"
    yield nats("nll_se", f"{home}:nll_se", se, direction="none", variants=TEMPERATURES)
    yield down("nll_excess", f"{home}:nll_excess", "nll minus the entropy", best=0.0)
    choice = "-log likelihood of the validation points: what choices are made by"
    yield nats("nll_validation", f"{home}:nll_validation", choice, direction="down", variants=TEMPERATURES)
    fisher = "Fisher divergence 1/2 E|grad F + grad log p|^2"
    yield plain("fisher", f"{home}:fisher", fisher, direction="down", variants=TEMPERATURES, best=0.0)
    yield plain("spearman", f"{home}:spearman", "rank correlation of F and -log p on data", direction="up", best=1.0)
    yield plain("auroc", f"{home}:auroc", "AUROC of data against uniform", direction="up")
    v95 = "volume of the set with 95 % of the data over the truth's"
    yield plain("v95_ratio", f"{home}:v95_ratio", v95, direction="one", best=1.0)
    yield plain("beta", f"{home}:beta", "best inverse temperature on validation", direction="one", best=1.0)
    yield from _more_of_the_surface()
    zero = partial(MetricSpec, unit="nats", direction="zero", variants=("raw",), best=0.0)
    yield zero("leak", f"{home}:leak", "log Z outside the domain", kinds=CALIBRATED, why_not=NO_SCALE)
    normalized = frozenset({EnergyKind.NORMALIZED})
    claim = "log Z of an energy that claims to be normalized"
    only = "only a normalized energy claims a constant"
    yield zero("log_z_error", f"{home}:log_z_error", claim, kinds=normalized, why_not=only)


def _more_of_the_surface() -> Iterator[MetricSpec]:
    """What the set ``all`` measures beyond ``core``."""
    home = "ebmbench.metrics.surface"
    more = partial(MetricSpec, unit="", kinds=ALL, in_core=False)
    yield more(
        "hellinger", f"{home}:hellinger", "Hellinger distance", direction="down", variants=CALIBRATIONS, best=0.0
    )
    error = "mean squared error of the log density on data"
    refs = ("Schroder et al. 2023",)
    yield MetricSpec(
        "log_density_mse",
        f"{home}:log_density_mse",
        error,
        "nats^2",
        "down",
        ALL,
        variants=TEMPERATURES,
        best=0.0,
        in_core=False,
        refs=refs,
    )
    both = "KL(p || q) + KL(q || p)"
    yield MetricSpec(
        "jeffreys", f"{home}:jeffreys", both, "nats", "down", ALL, variants=CALIBRATIONS, best=0.0, in_core=False
    )
    area = "area under the mass-volume curve"
    refs = ("Clemencon & Jakubowicz 2013",)
    yield MetricSpec(
        "mass_volume_area", f"{home}:mass_volume_area", area, "unit^2", "down", ALL, in_core=False, refs=refs
    )
    yield more("iou95", f"{home}:iou95", "overlap of the 95 % sets of F and of the truth", direction="up", best=1.0)
    far = "rank correlation of F and -log p over the domain"
    yield more("spearman_uniform", f"{home}:spearman_uniform", far, direction="up", best=1.0)
    finer = "log Z on a lattice twice as fine minus log Z"
    yield MetricSpec(
        "refinement",
        f"{home}:refinement",
        finer,
        "nats",
        "zero",
        CALIBRATED,
        variants=("raw",),
        best=0.0,
        in_core=False,
        why_not=NO_SCALE,
    )
    margin = "gap between uniform and data in standard deviations of F on data"
    yield more("d_prime", f"{home}:d_prime", margin, direction="up")


def _more_of_the_samples() -> Iterator[MetricSpec]:
    """What the set ``all`` measures beyond ``core``."""
    home = "ebmbench.metrics.neighbors"
    more = partial(MetricSpec, unit="", kinds=ALL, variants=SAMPLERS, in_core=False)
    energy = "energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|, unbiased, n = 2000"
    transport = "exact 2-Wasserstein distance, n = 1000"
    samples = "ebmbench.metrics.samples"
    unit = partial(more, direction="down")
    yield unit("energy_distance", f"{samples}:energy_distance", energy, best=0.0, refs=("Szekely & Rizzo 2013",))
    yield unit("wasserstein2", f"{samples}:wasserstein2", transport)
    yield unit("mode_kl", f"{samples}:mode_kl", "KL of the histogram over modes", best=0.0)
    c2st = "accuracy of a gradient-boosted classifier of samples and data, cross-validated, n = 2000"
    yield unit("c2st", f"{home}:c2st", c2st, best=0.5, refs=("Lopez-Paz & Oquab 2017",))
    up = partial(more, direction="up", refs=("Naeem et al. 2020",))
    yield up("precision", f"{home}:precision", "share of samples within reach of data, k = 5, n = 5000")
    yield up("recall", f"{home}:recall", "share of data within reach of samples, k = 5, n = 5000")
    yield up("density", f"{home}:density", "data balls that a sample lies in, over k", best=1.0)
    yield up("coverage", f"{home}:coverage", "share of data with a sample in its ball", best=1 - 2.0**-5)


def _samples() -> Iterator[MetricSpec]:
    home = "ebmbench.metrics.samples"
    sampled = partial(MetricSpec, kinds=ALL, variants=SAMPLERS)
    mmd = "unbiased MMD^2, Gaussian kernels of five bandwidths, n = 2000"
    yield sampled("mmd2", f"{home}:mmd2", mmd, unit="", direction="down", best=0.0, refs=("Gretton et al. 2012",))
    wasserstein = "sliced 2-Wasserstein distance, n = 5000"
    refs = ("Bonneel et al. 2015",)
    yield sampled(
        "sliced_wasserstein", f"{home}:sliced_wasserstein", wasserstein, unit="unit", direction="down", refs=refs
    )
    coverage = "share of the modes that get a tenth of their due"
    yield sampled("mode_coverage", f"{home}:mode_coverage", coverage, unit="", direction="up", best=1.0)
    yield from _more_of_the_samples()


def _manifold() -> Iterator[MetricSpec]:
    """How the energy rises off the manifold, and whether it leads back: the lecture's second question."""
    home = "ebmbench.metrics.manifold"
    more = partial(MetricSpec, unit="", kinds=ALL, in_core=False)
    exponent = "power of the distance that F rises with off the manifold, 1/4 to 3 widths"
    yield more("growth_exponent", f"{home}:growth_exponent", exponent, direction="none", refs=("LeCun, NYU DLSP20",))
    yield more("growth_r2", f"{home}:growth_r2", "how well that power law holds", direction="none")
    curved = partial(more, variants=TEMPERATURES)
    across = "second difference of F across the manifold, by its width"
    yield curved("curvature_normal", f"{home}:curvature_normal", across, direction="one")
    straight = "second difference of F along the manifold, by its width"
    yield curved("curvature_tangent", f"{home}:curvature_tangent", straight, direction="zero")
    yield more("auroc_shell", f"{home}:auroc_shell", "AUROC of data against a shell 2 to 4 widths away", direction="up")
    down = partial(more, unit="width", direction="down")
    yield down("projection_error", f"{home}:projection_error", "end of a descent of F to the nearest manifold point")
    yield down("projection_residual", f"{home}:projection_residual", "distance of that end from the manifold")
    yield down("projection_drift", f"{home}:projection_drift", "how far a second descent still moves")
    success = "share of descents that end within 2 widths of the manifold"
    yield more("projection_success", f"{home}:projection_success", success, direction="up", best=1.0)


def _landscape() -> Iterator[MetricSpec]:
    """Wells, the passes between them, and what lies between the modes."""
    home = "ebmbench.metrics.landscape"
    more = partial(MetricSpec, unit="", kinds=ALL, in_core=False)
    wells = partial(more, variants=FITTED)
    recall = "share of the modes that hold a well at least a nat deep"
    yield wells("minima_recall", f"{home}:minima_recall", recall, direction="up", best=1.0)
    yield wells("minima_spurious", f"{home}:minima_spurious", "wells outside all modes", direction="down", best=0.0)
    barrier = "height of the lowest pass between modes over the truth's, median"
    yield wells("barrier_ratio", f"{home}:barrier_ratio", barrier, direction="one", best=1.0)
    mass = "total variation of the masses of the modes"
    yield more("mode_mass_error", f"{home}:mode_mass_error", mass, direction="down", variants=CALIBRATIONS, best=0.0)
    low = "share of the gaps between data whose energy is as low as data's"
    yield more("antimode", f"{home}:antimode", low, direction="down", best=0.0, refs=("Alain & Bengio 2014",))
    yield more("auroc_between", f"{home}:auroc_between", "AUROC of data against the gaps between them", direction="up")


def _conditional() -> Iterator[MetricSpec]:
    """Given y1, predict y2: the lecture's first question."""
    home = "ebmbench.metrics.conditional"
    more = partial(MetricSpec, kinds=ALL, variants=CALIBRATIONS, in_core=False)
    nats = partial(more, unit="nats", direction="down")
    yield nats("conditional_kl", f"{home}:conditional_kl", "KL of y2 given y1, over y1 of the data", best=0.0)
    yield nats("conditional_nll", f"{home}:conditional_nll", "-log likelihood of y2 given y1")
    plain = partial(more, unit="")
    branches = "share of the branches of y2 given y1 that are found"
    yield plain("conditional_modes", f"{home}:conditional_modes", branches, direction="up", best=1.0)
    one = "error of one draw of y2 given y1 over that of the conditional mean"
    yield plain("best_of_1", f"{home}:best_of_1", one, direction="none", best=2**0.5)
    ten = "error of the best of ten draws of y2 given y1 over that of the conditional mean"
    yield plain("best_of_10", f"{home}:best_of_10", ten, direction="none")
