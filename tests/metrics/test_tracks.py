"""What families of data are judged by: tracks name metrics that exist and that their data have."""

from __future__ import annotations

import pytest

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.records import Column, EnergyKind, Track, flat_name
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import Moons
from ebmbench.datasets.sequences import Occluder
from ebmbench.metrics import ebmbench_metrics, ebmbench_tracks
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.tracks import BINARY, CONDITIONAL, DIMENSIONS, PLANE, SEQUENCES, TRACKS, USER_DATA
from tests.factories import Normal, Oracle, Regression, RegressionEnergy, make_evaluation

KNOWN = {flat_name(spec.name, variant) for spec in ebmbench_metrics() for variant in spec.variants}
DATA: dict[str, Dataset] = {
    "plane": Moons(),
    "binary": BoltzmannMachine(units=6),
    "dimensions": Normal(dim=4),
    "conditional": Regression(),
    "sequences": Occluder(),
    "user_data": Normal(hidden=True),
}
every = pytest.mark.parametrize("track", TRACKS, ids=lambda track: track.name)


def names_of(columns: tuple[Column, ...]) -> set[str]:
    return {name for column in columns for name in (column.metric, column.ranking) if name}


def test_the_catalog_has_them_in_the_order_in_which_they_rank() -> None:
    assert ebmbench_tracks() == (PLANE, BINARY, DIMENSIONS, CONDITIONAL, SEQUENCES, USER_DATA)


@every
def test_a_track_names_metrics_that_exist(track: Track) -> None:
    shown = (*track.columns, *track.tables, track.curve)
    assert names_of(shown) | set(track.milestones) | {name for _, name in track.progress} <= KNOWN


@every
def test_what_ranks_is_measured_by_default(track: Track) -> None:
    """A suite that asks for nothing in particular has a leaderboard, a curve and its tables."""
    marks = {ruler.metric for ruler in track.ruled_by} | {badge.metric for badge in track.badges}
    marks |= {badge.ranking for badge in track.badges}
    assert names_of((*track.columns, *track.tables)) | set(track.needed) | marks == set(track.shown)


@every
def test_what_is_timed_is_measured_on_the_way(track: Track) -> None:
    assert names_of((track.curve,)) <= set(track.milestones)


@every
def test_data_find_their_track(track: Track) -> None:
    assert DATA[track.name].track == track.name


@every
@pytest.mark.parametrize("kind", [EnergyKind.NORMALIZED, EnergyKind.DENSITY, EnergyKind.RANKING])
def test_the_headline_and_the_curve_have_numbers_on_such_data_whatever_the_energy(
    track: Track, kind: EnergyKind
) -> None:
    dataset = DATA[track.name]
    surface: Surface = Oracle(dataset if dataset.has_density else Normal(), 2.0)
    if track is CONDITIONAL:
        surface = RegressionEnergy(2.0)
    evaluation = make_evaluation(surface, dataset, cells=100, kind=kind, n=60 if track is SEQUENCES else 500)
    wanted = {column.of(kind) for column in (track.headline, track.curve)}
    specs = [
        (spec, "tests") for spec in ebmbench_metrics() if any(flat_name(spec.name, v) in wanted for v in spec.variants)
    ]
    found = {flat_name(value.metric, value.variant): value for value in evaluate(evaluation, specs)}
    assert {name: found[name].note for name in wanted if found[name].value is None} == {}


def test_a_claim_that_nobody_checked_never_ranks() -> None:
    """Where the truth is not known a method could win by claiming too much; the temperature is fitted for everybody."""
    assert "nll" not in USER_DATA.needed
    assert USER_DATA.headline.metric == "nll_beta"


def test_a_failure_is_the_worst_that_skill_can_be() -> None:
    for track in (PLANE, BINARY):
        assert (track.headline.metric, track.better, track.failed) == ("skill", "up", -1.0)
    assert (DIMENSIONS.headline.metric, DIMENSIONS.better, DIMENSIONS.failed) == ("ess_exact", "up", 0.0)
    assert (USER_DATA.better, USER_DATA.failed) == ("down", None)
