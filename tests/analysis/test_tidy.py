"""One tidy table: what was measured, what it cost, and when a curve first came within a target."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ebmbench.analysis.tidy import FACTS, tidy, time_to_target
from ebmbench.contracts.records import EnergyKind, Status
from ebmbench.metrics.tracks import PLANE, USER_DATA
from ebmbench.store.records import Point, TrialView, Value
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_training, make_trial, make_view

Curve = list[tuple[int, float]]
END = 100
"""The step at which the training ends; a step is ten passes and a tenth of a second."""


def made(
    curve: Curve,
    last: float | None,
    kind: EnergyKind = EnergyKind.DENSITY,
    status: Status | None = Status.OK,
    **facts: Any,
) -> TrialResult:
    """A trial with a KL at some steps and at its end, and another metric that is no curve of its track."""
    variant = "beta" if kind is EnergyKind.RANKING else "raw"
    points = [Point(s, 10 * s, 0.1 * s, "kl", variant, v) for s, v in curve]
    end = [] if last is None else [Point(END, 10 * END, 10.0, "kl", variant, last)]
    other = Point(1, 1, 0.0, "auroc", "", 0.0)
    values = [] if last is None else [Value("kl", variant, last)]
    training = make_training(train_seconds=10.0, steps=END, passes=10 * END) if status is Status.OK else None
    view = make_view(kind=kind, **facts)
    return make_trial(view, values, status=status, training=training, curve=[other, *end, *reversed(points)])


def spent(trial: TrialResult, target: float) -> tuple[float, float] | None:
    """Seconds and passes until a trial came within a target, as its table says; None when that says nothing."""
    table = make_report([trial], tracks=(replace(PLANE, targets=(target,)),)).table
    found = dict(zip(table["number"], table["value"], strict=True))
    seconds, passes = (found.get(time_to_target(cost, target)) for cost in ("train_seconds", "passes"))
    return None if seconds is None or passes is None else (float(seconds), float(passes))


def test_the_first_milestone_within_the_target() -> None:
    one = made([(1, 2.0), (10, 0.3), (20, 0.09), (40, 0.04)], 0.02)
    assert spent(one, 0.1) == (2.0, 200)
    assert spent(one, 0.05) == (4.0, 400)
    assert spent(one, 0.03) == (10, 1000), "the end counts too"


def test_a_value_at_the_target_is_within_it() -> None:
    assert spent(made([(5, 0.1)], 1.0), 0.1) == (0.5, 50)


def test_the_first_hit_counts_even_if_it_is_lost_again() -> None:
    assert spent(made([(1, 0.05), (2, 3.0)], 3.0), 0.1) == (0.1, 10)


def test_a_target_that_is_not_reached_is_censored() -> None:
    assert spent(made([(1, 2.0)], 0.5), 0.1) == (math.inf, math.inf)


def test_ranking_energies_count_at_their_temperature() -> None:
    assert spent(made([(10, 0.01)], 0.01, EnergyKind.RANKING), 0.1) == (1.0, 100)


def test_failures_are_censored_and_skipped_trials_say_nothing() -> None:
    assert spent(made([], None, status=Status.DIVERGED), 0.1) == (math.inf, math.inf)
    assert spent(made([], None, status=Status.SKIPPED, skipped="no such device"), 0.1) is None
    assert spent(made([], None, status=None), 0.1) is None


def test_how_far_a_failure_came_counts() -> None:
    """What diverged after it had been good was good when it was."""
    assert spent(made([(10, 0.05)], None, status=Status.DIVERGED), 0.1) == (1.0, 100)


def test_each_trial_is_timed_by_its_own_curve() -> None:
    trials = [made([(step, 0.01)], 0.01, seed=step) for step in (30, 10, 20)]
    table = make_report(trials).table
    mine = table[table["number"] == time_to_target("passes", 0.1)]
    assert dict(zip(mine["seed"], mine["value"], strict=True)) == {30: 300, 10: 100, 20: 200}


def test_nobody_is_within_reach_of_a_truth_that_is_not_known() -> None:
    """The track of such data has no targets, whatever the store holds of a KL."""
    table = make_report([made([(1, 0.01)], 0.01, track="user_data")]).table
    assert not USER_DATA.targets
    assert [name for name in table["number"].cat.categories if "_to_" in name] == []


# --- the table -------------------------------------------------------------------------------------------------------


def test_a_row_for_each_number_and_cost_with_the_facts_of_its_trial() -> None:
    values = [Value("kl", "raw", 0.5), Value("kl", "beta", None, "error: Boom: why"), Value("auroc", "", 0.75)]
    training = make_training(train_seconds=2.5, passes=7, steps=3)
    report = make_report([make_trial(make_view("nce", seed=4, dataset="rings"), values, training=training)])
    table = report.table
    rows = {row.number: (row.metric, row.variant, row.value, row.note) for row in table.itertuples()}
    assert rows["kl"] == ("kl", "raw", 0.5, "")
    assert rows["auroc"] == ("auroc", "", 0.75, "")
    assert rows["kl_beta"][:2] + rows["kl_beta"][3:] == ("kl", "beta", "error: Boom: why")
    assert table.loc[table["number"] == "kl_beta", "value"].isna().all()
    assert [rows[cost][2] for cost in ("train_seconds", "passes", "steps")] == [2.5, 7, 3]
    assert len(rows) == len(table)
    assert set(table["name"]) == {"nce/rings/4/cpu"}
    assert list(table.columns) == [*FACTS, "metric", "variant", "value", "note", "number"]
    (facts,) = table[list(FACTS)].drop_duplicates().to_dict("records")
    assert (facts["seed"], facts["dataset"], facts["strategy"], facts["status"]) == (4, "rings", "C2", "ok")
    assert facts["reference"] is False


def test_a_trial_without_any_number_keeps_a_row() -> None:
    trials = [
        make_trial(make_view("a"), {"skill": 0.5}),
        make_trial(make_view("b", skipped="no such device"), status=Status.SKIPPED),
    ]
    table = make_report(trials).table
    (lone,) = table[table["name"] == "b/moons/0/cpu"].to_dict("records")
    assert pd.isna(lone["metric"])
    assert pd.isna(lone["number"])
    assert lone["error"] == "no such device"


def test_milestones_are_no_numbers_of_the_end() -> None:
    """Of a curve the table has the times to the targets alone."""
    table = make_report([made([(1, 2.0), (10, 0.3)], 0.02)]).table
    assert table[table["number"] == "kl"]["value"].tolist() == [0.02]


def test_two_rows_of_one_trial_have_the_numbers_each() -> None:
    """A label is no part of a key: both rows look into the same folder."""
    views = [make_view(row, key="1" * 16) for row in ("plain", "labelled")]
    report = make_report([make_trial(view, {"skill": 0.5}) for view in views])
    mine = report.table[report.table["number"] == "skill"]
    assert sorted(mine["name"]) == ["labelled/moons/0/cpu", "plain/moons/0/cpu"]
    assert mine["value"].tolist() == [0.5, 0.5]
    assert [m.row for m in report.leaderboard.methods] == ["plain", "labelled"]


def view_of(number: int) -> TrialView:
    return make_view(f"m{number % 3}", dataset=("moons", "rings")[number % 2], seed=number)


def test_it_is_the_join_of_the_two_tables() -> None:
    """Held against a join by hand, number by number."""
    report = make_report(
        make_trial(view_of(k), {"skill": k / 10, "kl": 1 / (k + 1)}, training=make_training(train_seconds=k + 0.5))
        for k in range(12)
    )
    expected = {
        (view_of(k).name, name): value
        for k in range(12)
        for name, value in (("skill", k / 10), ("kl", 1 / (k + 1)), ("train_seconds", k + 0.5))
    }
    table = tidy(report.trials, report.metrics, report.run)
    found = {(row.name, row.number): row.value for row in table.itertuples(index=False)}
    assert {key: found[key] for key in expected} == pytest.approx(expected)
    assert {row for row, number in found if number == "skill"} == {view_of(k).name for k in range(12)}


def test_all_kinds_and_tracks_are_timed_as_by_a_loop_over_their_curves() -> None:
    tracks = (replace(PLANE, targets=(0.5, 0.1)), replace(PLANE, name="other", targets=(0.05,)))
    curves: list[Curve] = [[(1, 0.4), (10, 0.05)], [(2, 0.6), (20, 0.5)], [(3, 2.0)], [(4, 0.04)]]
    cases = list(itertools.product((EnergyKind.RANKING, EnergyKind.DENSITY), tracks, range(len(curves))))
    trials = [
        made(curves[seed], 0.3, kind, row=kind.value, dataset=track.name, track=track.name, seed=seed)
        for kind, track, seed in cases
    ]
    expected = {}
    for trial, (_, track, seed) in zip(trials, cases, strict=True):
        for target in track.targets:
            steps = [step for step, value in [*curves[seed], (END, 0.3)] if value <= target]
            expected[trial.view.name, time_to_target("passes", target)] = 10 * min(steps, default=math.inf)
    table = make_report(trials, tracks=tracks).table
    timed = table[table["metric"].str.startswith("passes_to_").fillna(False).astype(bool)]
    assert dict(zip(zip(timed["name"], timed["number"], strict=True), timed["value"], strict=True)) == expected
