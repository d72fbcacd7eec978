"""From the table of a run to its leaderboard: rows in order, chosen grids, columns that were asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ebmbench.analysis.leaderboard import Leaderboard, choose
from ebmbench.analysis.standings import Word
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind, Status, Strategy
from ebmbench.metrics.tracks import AUROC, KL, MMD2, NLL, PLANE, SKILL, SLICED
from ebmbench.store.runs import TrialResult
from tests.factories import make_cell, make_cells, make_report, make_trial, make_view

EVERYTHING = {
    "skill": 0.5,
    "kl": 0.25,
    "kl_beta": 0.125,
    "mass_outside": 0.01,
    "auroc": 0.9,
    "mmd2_common": 0.01,
    "sliced_wasserstein_common": 0.1,
    "mode_mass_error": 0.1,
    "nll_beta": 2.5,
}


def board(trials: Sequence[TrialResult], **facts: Any) -> Leaderboard:
    return make_report(trials, **facts).leaderboard


def rows(trials: Sequence[TrialResult], **facts: Any) -> dict[str, MethodSummary]:
    return {method.row: method for method in board(trials, **facts).methods}


# --- rows ------------------------------------------------------------------------------------------------------------


def test_a_trial_that_has_not_ended_is_not_there() -> None:
    found = rows(
        [
            make_trial(make_view("a", seed=0), {"skill": 0.8}),
            make_trial(make_view("a", seed=1), status=None),
            make_trial(make_view("b"), status=None),
        ]
    )
    assert list(found) == ["a"]
    assert len(found["a"].facts) == 1


def test_rows_stand_in_the_order_of_the_strategies_with_the_references_last() -> None:
    strategies = {"z": Strategy.A2, "o": Strategy.REFERENCE, "y": Strategy.C3, "x": Strategy.C1}
    made = [make_trial(make_view(row, strategy=strategy), EVERYTHING) for row, strategy in strategies.items()]
    assert list(rows(made)) == ["x", "y", "z", "o"]
    families = [(family, [method.row for method in members]) for family, members in board(made).families]
    assert families == [("contrastive", ["x", "y"]), ("architectural", ["z"]), ("reference", ["o"])]


def test_each_device_is_a_row_of_its_own_where_there_are_several() -> None:
    cpu, cuda = (make_trial(make_view("a", device=device), {"skill": 0.1}) for device in ("cpu", "cuda"))
    assert list(rows([cpu])) == ["a"]
    assert list(rows([cpu, cuda])) == ["a @cpu", "a @cuda"]


def test_the_datasets_stand_in_the_order_of_the_suite_with_their_tracks() -> None:
    places = {"rings": "plane", "ising": "binary", "moons": "plane"}
    found = board([make_trial(make_view(dataset=d, track=track), EVERYTHING) for d, track in places.items()])
    assert found.datasets == ("rings", "ising", "moons")
    assert {dataset: track.name for dataset, track in found.judged_by.items()} == places


# --- grids -----------------------------------------------------------------------------------------------------------


def grid() -> list[TrialResult]:
    """Point 1 is best on validation for moons, point 2 for rings; on the test metric it is the other way round."""
    losses = {"moons": {"k=1": 1.0, "k=2": 2.0}, "rings": {"k=1": 4.0, "k=2": 3.0}}
    return [
        make_trial(
            make_view("a", dataset=dataset, seed=seed, grid_point=point),
            {"nll_validation": loss + seed, "skill": 0.1 * loss},
        )
        for dataset, points in losses.items()
        for point, loss in points.items()
        for seed in range(2)
    ]


ASKED = make_cells(["skill", "nll_validation"])


def chosen(trials: Sequence[TrialResult]) -> tuple[list[str], str]:
    """The trials that are chosen, by name, and the note."""
    table = make_report(trials, metrics=ASKED).table
    facts = table.drop_duplicates("name").set_index("name")
    values = table[table["number"].notna()].pivot(index="name", columns="number", values="value")
    return choose(facts, values.reindex(facts.index), "nll_validation")


def test_a_grid_point_is_chosen_for_each_dataset_by_validation() -> None:
    kept, note = chosen(grid())
    assert kept == [
        f"a[{point}]/{d}/{seed}/cpu" for d, point in (("moons", "k=1"), ("rings", "k=2")) for seed in (0, 1)
    ]
    assert note == "moons: k=1; rings: k=2"


def test_a_chosen_grid_is_one_row() -> None:
    found = rows(grid(), select={"a": "nll_validation"}, metrics=ASKED)
    assert list(found) == ["a"]
    assert found["a"].chosen == "moons: k=1; rings: k=2"
    assert found["a"].strata("skill") == [[pytest.approx(0.1)] * 2, [pytest.approx(0.3)] * 2]


def test_a_grid_without_a_choice_is_a_row_for_each_point() -> None:
    assert list(rows(grid())) == ["a[k=1]", "a[k=2]"]


def losses(points: dict[str, tuple[float | None, ...]]) -> list[TrialResult]:
    """Trials of grid points with a validation loss for each seed; None failed."""
    return [
        make_trial(
            make_view("a", seed=seed, grid_point=point),
            {} if loss is None else {"nll_validation": loss},
            status=Status.DIVERGED if loss is None else Status.OK,
        )
        for point, values in points.items()
        for seed, loss in enumerate(values)
    ]


def test_the_mean_over_seeds_decides_and_not_the_best_seed() -> None:
    assert chosen(losses({"k=1": (0.0, 9.0), "k=2": (4.0, 4.0)}))[1] == "moons: k=2"


def test_a_failure_rules_a_grid_point_out() -> None:
    assert chosen(losses({"k=1": (-9.0, None), "k=2": (5.0, 5.0)}))[1] == "moons: k=2"


def test_where_every_point_failed_the_first_stands_for_the_grid() -> None:
    """Its failures must be seen: a row never vanishes."""
    trials = losses({"k=1": (None, 1.0), "k=2": (None, 0.0)})
    assert chosen(trials)[1] == "moons: k=1"
    assert rows(trials, select={"a": "nll_validation"}, metrics=ASKED)["a"].failures == {Status.DIVERGED: 1}


# --- columns ---------------------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_track() -> None:
    assert board([make_trial(make_view(), EVERYTHING)]).columns == [SKILL, KL, AUROC, SLICED]
    own = make_trial(make_view(dataset="mine", track="user_data"), {"nll_beta": 2.5, "auroc": 0.9})
    assert board([own]).columns == [NLL, AUROC, MMD2, SLICED]


def test_several_tracks_share_the_columns_that_they_have_in_common() -> None:
    trials = [
        make_trial(make_view(dataset=d, track=t), EVERYTHING) for d, t in (("moons", "plane"), ("mine", "user_data"))
    ]
    assert board(trials).columns == [SKILL, KL, AUROC, SLICED, NLL, MMD2]


def test_numbers_that_a_suite_did_not_ask_for_are_on_no_board() -> None:
    """The store is shared: another suite's numbers lie in the same folders."""
    trial = make_trial(make_view(), EVERYTHING)
    asked = board([trial], metrics=make_cells(["skill", "mmd2_common"]))
    assert asked.columns == [SKILL]
    (method,) = asked.methods
    assert set(method.values.columns) & EVERYTHING.keys() == {"skill", "mmd2_common"}
    assert method.estimate("auroc") is None
    assert [column.metric for column, _ in asked.tables()] == ["skill"]


def test_a_column_stands_when_only_its_fitted_variant_was_asked_for() -> None:
    asked = board([make_trial(make_view(kind=EnergyKind.RANKING), EVERYTHING)], metrics=make_cells(["kl_beta"]))
    assert asked.columns == [KL]


MINE = make_cell("mine", direction="down", on_board=True)


@pytest.mark.parametrize(
    ("cell", "columns"),
    [
        (MINE, [Column("mine ↓", "mine")]),
        (make_cell("mine", on_board=False), []),
        (make_cell("fit", "raw", "beta", direction="one", on_board=True), [Column("fit → 1", "fit", "fit_beta")]),
        (
            make_cell("far", "common", "native", direction="none", on_board=True),
            [Column("far (common)", "far_common"), Column("far (native)", "far_native")],
        ),
    ],
)
def test_a_metric_of_a_plugin_has_a_column_if_it_wants_one(cell: object, columns: list[Column]) -> None:
    names = ["skill", *(column.metric for column in columns)]
    found = board([make_trial(make_view(), dict.fromkeys(names, 0.5))], metrics=(*make_cells(["skill"]), cell))
    assert found.columns == [SKILL, *columns]
    (method,) = found.methods
    for column in found.columns:
        value = found.value(column, method)
        assert value is not None
        assert (value.value, value.n) == (0.5, 1)


def test_a_metric_that_a_track_shows_already_has_no_second_column() -> None:
    cells = (*make_cells(["skill"]), make_cell("auroc", on_board=True))
    assert board([make_trial(make_view(), EVERYTHING)], metrics=cells).columns == [SKILL, AUROC]


def test_a_track_of_a_plugin_has_its_own_columns_and_ranks_by_its_headline() -> None:
    """Less of it is better, and skill has no say."""
    error = Column("error ↓", "error")
    track = replace(PLANE, name="mine", columns=(error, AUROC), better="down", failed=9.0, tables=(error,), rulers=())
    levels = {"small": 0.1, "large": 3.0, "failing": None}
    trials = [
        make_trial(
            make_view(row, seed=seed, track="mine"),
            {} if level is None else {"error": level + seed / 100, "auroc": 0.5, "skill": level},
            status=Status.FAILED if level is None else Status.OK,
        )
        for row, level in levels.items()
        for seed in range(8)
    ]
    found = board(trials, tracks=(track,), metrics=make_cells(["error", "auroc", "skill"]))
    assert found.columns == [error, AUROC]
    assert [(s.row, s.word) for s in found.boards[0].standings] == [
        ("small", Word.BEST),
        ("large", Word.BEHIND),
        ("failing", Word.FAILED),
    ]
    values = {method.row: found.value(error, method) for method in found.methods}
    assert {row: round(value.value, 3) for row, value in values.items() if value} == {
        "small": 0.135,
        "large": 3.035,
        "failing": 9.0,
    }
    assert list(found.tables()) == [(error, ["moons"])]


def test_the_wrong_twin_of_that_track_ranks_the_other_way() -> None:
    error = Column("error ↑", "error")
    track = replace(PLANE, name="mine", columns=(error,), better="up", rulers=())
    trials = [
        make_trial(make_view(row, seed=seed, track="mine"), {"error": level + seed / 100})
        for row, level in (("small", 0.1), ("large", 3.0))
        for seed in range(8)
    ]
    assert board(trials, tracks=(track,), metrics=make_cells(["error"])).best == "large"


# --- values ----------------------------------------------------------------------------------------------------------


def test_a_ranking_energy_is_shown_at_its_fitted_temperature() -> None:
    found = board([make_trial(make_view(kind=EnergyKind.RANKING), EVERYTHING)])
    value = found.value(KL, found.methods[0])
    assert value is not None
    assert value.value == 0.125


def own_data(levels: dict[str, list[dict[str, float | None]]]) -> Leaderboard:
    """Methods on datasets of unknown density: for each of them the NLLs of its seeds; None was not measured."""
    return board(
        [
            make_trial(
                make_view(row, dataset=dataset, seed=seed, track="user_data"),
                {} if level is None else {"nll_beta": level},
            )
            for row, seeds in levels.items()
            for seed, places in enumerate(seeds)
            for dataset, level in places.items()
        ]
    )


def test_a_typical_value_is_the_mean_of_the_medians_of_the_datasets() -> None:
    """Datasets in different units: the median of each, and then the mean."""
    found = own_data({"a": [{"near": 1.0, "far": 100.0}, {"near": 2.0, "far": 101.0}, {"near": 9.0, "far": 900.0}]})
    value = found.value(NLL, found.methods[0])
    assert value is not None
    assert value.value == (2.0 + 101.0) / 2
    assert value.low is None


def test_a_typical_value_needs_every_dataset_on_which_anybody_has_one() -> None:
    """A mean over fewer datasets is of other units."""
    found = own_data({"whole": [{"near": 1.0, "far": 100.0}], "half": [{"near": 0.5, "far": None}]})
    values = {method.row: found.value(NLL, method) for method in found.methods}
    assert values["half"] is None
    assert values["whole"] is not None
    alone = own_data({"half": [{"near": 0.5, "far": None}]})
    value = alone.value(NLL, alone.methods[0])
    assert value is not None
    assert value.value == 0.5, "nobody has a number on the other"


def test_the_least_of_a_column_is_of_what_competes() -> None:
    """By size, whatever the sign; a reference row, whose loss is nearly none, says nothing of the unit."""
    levels = {"a": 0.5, "b": -0.2, "c": 3.0}
    trials = [make_trial(make_view(row), {"kl": level}) for row, level in levels.items()]
    truth = make_trial(make_view("oracle", strategy=Strategy.REFERENCE), {"kl": 1e-6})
    assert board([*trials, truth]).least(KL) == 0.2
    assert board([truth]).least(KL) == board(trials).least(MMD2) == math.inf


def test_tables_stand_for_the_datasets_of_their_tracks() -> None:
    places = {"moons": "plane", "ising": "binary", "mine": "user_data", "far": "user_data"}
    numbers = {"plane": {"skill": 0.5, "kl": 0.1}, "binary": {"skill": 0.5, "kl": 0.1}, "user_data": {"nll_beta": 1.0}}
    trials = [make_trial(make_view(dataset=d, track=t), numbers[t]) for d, t in places.items() if d != "far"]
    trials.append(make_trial(make_view(dataset="far", track="user_data"), {"nll": 2.0}))
    found = {column.metric: datasets for column, datasets in board(trials).tables()}
    assert found == {"skill": ["moons", "ising"], "kl": ["moons", "ising"], "nll_beta": ["mine"], "nll": ["far"]}


def test_what_was_checked_is_in_no_table_of_claims() -> None:
    """A normalized energy has both numbers; where a lattice covers the data the claim is one no more."""
    facts: dict[str, Any] = {"track": "user_data", "kind": EnergyKind.NORMALIZED}
    near = make_trial(make_view(dataset="near", **facts), {"nll": 2.0, "nll_beta": 1.5})
    far = make_trial(make_view(dataset="far", **facts), {"nll": 2.0})
    found = {column.metric: datasets for column, datasets in board([near, far]).tables()}
    assert found == {"nll_beta": ["near"], "nll": ["far"]}


def test_the_board_is_a_function_of_the_table() -> None:
    """What order its rows have does not matter for the numbers."""
    report = make_report([make_trial(make_view(row, seed=s), {"skill": s / 10}) for row in "ab" for s in range(6)])
    shuffled = report.table.sample(frac=1.0, random_state=0)
    assert isinstance(shuffled, pd.DataFrame)
    again = {m.row: m.estimate("skill") for m in Leaderboard.of(shuffled, report.run).methods}
    assert again.keys() == {"a", "b"}
    for method in report.leaderboard.methods:
        first, second = method.estimate("skill"), again[method.row]
        assert first is not None
        assert second is not None
        assert first.value == pytest.approx(second.value)
