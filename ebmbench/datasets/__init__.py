"""The built-in datasets: the catalog's records."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.contracts import DatasetSpec
from ebmbench.suite.hooks import hookimpl


@hookimpl
def ebmbench_datasets() -> Iterator[DatasetSpec]:
    """The datasets on the plane."""
    plane = "ebmbench.datasets.plane"
    yield DatasetSpec("8gaussians", f"{plane}:EightGaussians", "eight normals on a circle", ("Grathwohl et al. 2019",))
    yield DatasetSpec("moons", f"{plane}:Moons", "two interleaved half circles, sigma 0.2", ("scikit-learn",))
    yield DatasetSpec(
        "checkerboard_s", f"{plane}:SmoothCheckerboard", "eight squares, smoothed by 0.1", ("Grathwohl et al. 2019",)
    )
    yield DatasetSpec("rings", f"{plane}:Rings", "four circles, sigma 0.08", ("Grathwohl et al. 2019",))
    yield DatasetSpec(
        "pink_spiral", f"{plane}:PinkSpiral", "the lecture's spiral, sigma 0.05", ("LeCun, NYU DLSP20, week 7",)
    )
