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
SAMPLERS = ("common", "native")


@hookimpl
def ebmbench_metrics() -> Iterator[MetricSpec]:
    """The surface metrics and the sample metrics."""
    yield from _surface()
    yield from _samples()


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
        "kl_smoothed", f"{home}:kl_smoothed", blurred, "nats", "down", smoothed, variants=TEMPERATURES, best=0.0
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
    yield zero("leak", f"{home}:leak", "log Z outside the domain", kinds=CALIBRATED)
    normalized = frozenset({EnergyKind.NORMALIZED})
    claim = "log Z of an energy that claims to be normalized"
    yield zero("log_z_error", f"{home}:log_z_error", claim, kinds=normalized)


def _more_of_the_surface() -> Iterator[MetricSpec]:
    """What the set ``all`` measures beyond ``core``."""
    home = "ebmbench.metrics.surface"
    more = partial(MetricSpec, unit="", kinds=ALL, in_core=False)
    yield more(
        "hellinger", f"{home}:hellinger", "Hellinger distance", direction="down", variants=CALIBRATIONS, best=0.0
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
