"""The built-in datasets: the catalog's records."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.catalog.hooks import hookimpl
from ebmbench.contracts.records import DatasetSpec


@hookimpl
def ebmbench_datasets() -> Iterator[DatasetSpec]:
    """The datasets on the plane, those on bits, those of y given x, and those of any dimension."""
    plane = "ebmbench.datasets.plane"
    yield DatasetSpec("8gaussians", f"{plane}:EightGaussians", "eight normals on a circle", ("Grathwohl et al. 2019",))
    yield DatasetSpec("moons", f"{plane}:Moons", "two interleaved half circles, sigma 0.2", ("scikit-learn",))
    yield DatasetSpec(
        "checkerboard_s", f"{plane}:SmoothCheckerboard", "eight squares, smoothed by 0.1", ("Grathwohl et al. 2019",)
    )
    yield DatasetSpec("rings", f"{plane}:Rings", "four circles, sigma 0.08", ("Grathwohl et al. 2019",))
    clusters, curves, warped = (f"ebmbench.datasets.{name}" for name in ("clusters", "curves", "warped"))
    circles = {"radii": (1.5, 3.0), "sigma": 0.24}
    yield DatasetSpec("circles", f"{plane}:Rings", "two circles, sigma 0.24", ("scikit-learn",), circles)
    yield DatasetSpec(
        "25gaussians", f"{clusters}:TwentyFiveGaussians", "normals on a lattice", ("Schröder et al. 2023",)
    )
    yield DatasetSpec("olympics", f"{clusters}:Olympics", "five crossing circles, sigma 0.1")
    yield DatasetSpec("checkerboard", f"{warped}:Checkerboard", "eight squares with edges", ("Grathwohl et al. 2019",))
    yield DatasetSpec("2spirals", f"{curves}:TwoSpirals", "two spiral arms, sigma 0.1", ("Grathwohl et al. 2019",))
    yield DatasetSpec("swissroll", f"{curves}:SwissRoll", "one rolled-up curve, sigma 0.2", ("scikit-learn",))
    yield DatasetSpec("pinwheel", f"{warped}:Pinwheel", "five arms, twisted by radius", ("Johnson et al. 2016",))
    yield DatasetSpec("cos", f"{warped}:Cosine", "a wave in a strip", ("Wenliang et al. 2019",))
    yield DatasetSpec("funnel", f"{warped}:Funnel", "Neal's funnel", ("Neal 2003",))
    yield DatasetSpec("banana", f"{warped}:Banana", "a bent normal", ("Wenliang et al. 2019",))
    yield DatasetSpec("laplace_ica", f"{warped}:LaplaceICA", "two rotated Laplace sources", ("Hyvarinen et al. 2001",))
    yield DatasetSpec(
        "pink_spiral", f"{plane}:PinkSpiral", "the lecture's spiral, sigma 0.05", ("LeCun, NYU DLSP20, week 7",)
    )
    bare = "the lecture's spiral without noise: a manifold, not a density"
    yield DatasetSpec("pink_spiral_curve", f"{plane}:PinkSpiral", bare, ("LeCun, NYU DLSP20, week 7",), {"sigma": 0.0})
    binary = "ebmbench.datasets.binary"
    bars = "rows or columns of 3 x 3 pixels, each flipped with probability 0.01"
    yield DatasetSpec("bars_and_stripes", f"{binary}:BarsAndStripes", bars, ("MacKay 2003",))
    spins = "4 x 4 spins on a torus at the critical temperature"
    yield DatasetSpec("ising", f"{binary}:Ising", spins, ("Ising 1925", "Onsager 1944"))
    units = "12 units with random couplings"
    yield DatasetSpec("boltzmann", f"{binary}:BoltzmannMachine", units, ("Ackley, Hinton & Sejnowski 1985",))
    conditional = "ebmbench.datasets.conditional"
    gustafsson = ("Gustafsson et al. 2020",)
    yield DatasetSpec(
        "gustafsson_1", f"{conditional}:Gustafsson1", "y given x: two unequal branches, then a log-normal", gustafsson
    )
    yield DatasetSpec(
        "gustafsson_2", f"{conditional}:Gustafsson2", "y given x: a sine whose noise grows with x", gustafsson
    )
    horn = "y given x: a noisy ellipse whose axes follow x"
    yield DatasetSpec("horn", f"{conditional}:Horn", horn, ("Canziani, NYU DLSP20, week 15",))
    yield DatasetSpec("two_branches", f"{conditional}:TwoBranches", "y given x: plus or minus f(x), sigma 0.1")
    sequences = "ebmbench.datasets.sequences"
    occluder = "the next frame of a blob that comes out from behind a bar by one of two ways"
    yield DatasetSpec("occluder", f"{sequences}:Occluder", occluder, ("LeCun, NYU DLSP20",))
    bounce = "the next frame of a blob that bounces off a wall at one of three angles"
    yield DatasetSpec("bounce", f"{sequences}:Bounce", bounce, ("LeCun, NYU DLSP20",))
    yield from _in_many_dimensions()


def _in_many_dimensions() -> Iterator[DatasetSpec]:
    """Those that have as many coordinates as one likes: ``{name: gmm40, dim: 64}``."""
    mixtures, products = (f"ebmbench.datasets.{name}" for name in ("dimensions", "products"))
    what = "40 normals at random, as far apart in every dimension"
    yield DatasetSpec("gmm40", f"{mixtures}:FortyGaussians", what, ("Midgley et al. 2023",))
    what = "two normals ten apart with masses 1/4 and 3/4, d = 50 unless told"
    yield DatasetSpec("two_modes", f"{mixtures}:TwoModes", what, ("Carbone et al. 2023",))
    what = "20 normals of random centers, masses and sizes, d = 10 unless told"
    yield DatasetSpec("gmm20", f"{mixtures}:RandomMixture", what, ("Yu et al. 2026",))
    what = "two normals about one center, one twice as wide, d = 16 unless told"
    yield DatasetSpec("scale_mixture", f"{mixtures}:ScaleMixture", what, ("Guth et al. 2025",))
    what = "16 double wells beside 16 normals, d = 32 unless told"
    yield DatasetSpec("many_well", f"{products}:ManyWell", what, ("Midgley et al. 2023",))
    what = "d rotated Laplace sources, ten unless told"
    yield DatasetSpec("laplace_ica_d", f"{products}:LaplaceSources", what, ("Hyvarinen et al. 2001",))
    what = "a noisy curve of the plane, rotated into d = 16 unless told"
    yield DatasetSpec("curve_embedded", f"{products}:EmbeddedCurve", what)
