"""A method's trials in one place: failures count in the headline, skipped trials and missing numbers nowhere."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind, Status
from ebmbench.metrics.tracks import OUTSIDE, PLANE
from ebmbench.store.runs import TrialResult
from tests.factories import Lab, make_report, make_training, make_trial, make_view

FAILURES = [Status.FAILED, Status.DIVERGED, Status.TIMEOUT, Status.OOM, Status.CRASHED]


def ended(skill: float | None = None, status: Status | None = Status.OK, **facts: Any) -> TrialResult:
    """A trial with a skill, or with a KL alone."""
    numbers = {"kl": 0.25} if skill is None else {"skill": skill}
    skipped = "no such device" if status is Status.SKIPPED else ""
    return make_trial(make_view("a", **{"skipped": skipped, **facts}), numbers, status=status)


def summary(*trials: TrialResult, **facts: Any) -> MethodSummary:
    """The only method of a run."""
    (only,) = make_report(trials, **facts).leaderboard.methods
    return only


@pytest.mark.long
@pytest.mark.parametrize("status", FAILURES)
def test_a_failure_counts_as_minus_one(status: Status) -> None:
    one = summary(ended(0.8, seed=0), ended(seed=1, status=status))
    assert one.failures == {status: 1}
    assert one.strata("skill") == [[0.8, -1.0]]
    estimate = one.estimate("skill")
    assert estimate is not None
    assert estimate.value == pytest.approx((0.8 - 1) / 2)
    assert one.strata("kl") == []
    assert one.estimate("kl") is None


def test_the_middle_trial_is_the_one_with_the_median() -> None:
    """Of those that ended well; the wrong twin, the first, would be drawn at .1."""
    one = summary(*(ended(v, seed=k) for k, v in enumerate((0.1, 0.9, 0.5))), ended(seed=3, status=Status.FAILED))
    assert one.middle("skill", "moons") == "a/moons/2/cpu"
    two = summary(ended(0.9, seed=0), ended(0.1, seed=1))
    assert two.middle("skill", "moons") == "a/moons/1/cpu"
    assert summary(ended(seed=0), ended(seed=1)).middle("skill", "moons") == "a/moons/0/cpu"
    assert summary(ended(seed=0, status=Status.FAILED)).middle("skill", "moons") is None
    assert two.middle("skill", "rings") is None


def test_a_skipped_trial_does_not_count() -> None:
    one = summary(ended(0.8, seed=0), ended(seed=1, status=Status.SKIPPED))
    assert one.strata("skill") == [[0.8]]
    assert one.failures == {Status.SKIPPED: 1}
    assert len(one.facts) == 2


def test_what_ended_well_without_the_number_is_missing_and_no_failure() -> None:
    """The wrong twin: if it counted as -1, four values of 0.8, 0.8, -1, -1 would have the middle mean of -0.1."""
    seeds = [ended(0.8, seed=0), ended(0.8, seed=1), ended(seed=2), ended(seed=3)]
    one = summary(*seeds)
    assert one.failures == {}
    assert one.strata("skill") == [[0.8, 0.8]]
    found = one.estimate("skill")
    assert found is not None
    assert (found.value, found.n, one.expected(["moons"])) == (0.8, 2, 4)
    assert one.median("skill", "moons") == 0.8
    twin = summary(*seeds[:2], ended(seed=2, status=Status.FAILED), ended(seed=3, status=Status.FAILED))
    estimate = twin.estimate("skill")
    assert estimate is not None
    assert estimate.value == pytest.approx(-0.1)


def test_a_failure_counts_in_the_headline_of_its_own_track_alone() -> None:
    """Where no truth is known a failure is no skill of -1; and it has no NLL."""
    failed = [ended(seed=seed, status=Status.FAILED, dataset="mine", track="user_data") for seed in (0, 1)]
    one = summary(*failed)
    assert one.estimate("skill") is None
    assert one.median("skill", "mine") is None
    assert one.estimate("nll_beta") is None
    mixed = summary(*failed, ended(0.9, seed=0), ended(seed=1, status=Status.FAILED))
    assert mixed.strata("skill") == [[0.9, -1.0]]


def test_what_a_failure_counts_as_is_said_by_the_track() -> None:
    own = replace(PLANE, name="own", columns=(Column("error", "error", ranking="error_beta"),), failed=7.0)
    trials = [ended(seed=0, status=Status.OOM, track="own")]
    assert summary(*trials, tracks=(own,)).strata("error") == [[7.0]]
    assert summary(*trials, tracks=(own,)).strata("error_beta") == []
    ranking = [ended(seed=0, status=Status.OOM, track="own", kind=EnergyKind.RANKING)]
    assert summary(*ranking, tracks=(own,)).strata("error_beta") == [[7.0]], "its own headline"
    assert summary(*ranking, tracks=(own,)).strata("error") == []


def test_what_stands_in_turns_is_grouped_by_dataset() -> None:
    """In the order of the first of each; a dataset without a number has no place."""
    levels = [("moons", 0, 0.1), ("rings", 0, 0.5), ("bare", 0, None), ("moons", 1, 0.3), ("rings", 1, None)]
    one = summary(*(ended(value, dataset=name, seed=seed) for name, seed, value in levels))
    assert one.strata("skill") == [[0.1, 0.3], [0.5]]
    assert one.strata("skill", ["rings", "bare"]) == [[0.5]]
    assert one.strata("nothing") == []
    assert one.units.tolist() == [(name, seed) for name, seed, _ in levels]
    assert (one.expected(["rings", "bare"]), one.expected([])) == (3, 0)
    assert one.median("skill", "bare") is None


def test_values_are_grouped_by_dataset() -> None:
    levels = {"moons": (0.1, 0.2), "rings": (0.5, 0.7)}
    one = summary(*(ended(v, seed=s, dataset=d) for d, values in levels.items() for s, v in enumerate(values)))
    assert one.strata("skill") == [[0.1, 0.2], [0.5, 0.7]]
    assert one.median("skill", "rings") == 0.6
    assert one.median("skill", "nowhere") is None


def test_costs_are_means_over_what_was_trained() -> None:
    one = summary(
        make_trial(make_view("a", seed=0), {"kl": 0.25}, training=make_training(train_seconds=1.0)),
        make_trial(make_view("a", seed=1), {"kl": 0.25}, training=make_training(train_seconds=4.0)),
        ended(seed=2, status=Status.CRASHED),
    )
    assert one.cost("train_seconds") == 2.5
    assert one.cost("passes") == 1000
    assert one.cost("nothing") is None


def test_a_folder_that_was_tampered_with_is_not_finished(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("a", {"skill": 0.1}, seed=0)
    path = lab.trial("a", {"skill": 0.2}, seed=1).folder.file("metrics.json")
    path.write_text(path.read_text().replace("0.2", "0.9"))
    (one,) = lab.report().leaderboard.methods
    assert one.strata("skill") == [[0.1]]


def test_the_numbers_that_are_to_be_expected_are_those_of_all_that_was_tried() -> None:
    """On the data that are asked for: what was tried, whether it ended well or not."""
    plane = [ended(0.5, seed=0), ended(seed=1), ended(seed=2, status=Status.FAILED), ended(seed=3, status=None)]
    skipped = ended(seed=4, status=Status.SKIPPED)
    own = [ended(seed=seed, dataset="mine", track="user_data") for seed in range(5)]
    one = summary(*plane, skipped, *own)
    assert one.expected(["moons"]) == 3, "what was skipped or has not ended is nothing"
    assert one.expected(["mine"]) == 5
    assert one.expected(["moons", "mine"]) == 8


def test_the_estimate_is_kept() -> None:
    """Every reporter shows it."""
    one = summary(*(ended(0.1 * seed, seed=seed) for seed in range(5)))
    assert one.estimate("skill") is one.estimate("skill")
    assert one.estimate("skill", ["moons"]) is one.estimate("skill", ["moons"])


def test_an_estimate_of_some_datasets_is_of_those_alone() -> None:
    one = summary(
        *(ended(v, seed=s, dataset=d) for d, v, s in [("moons", 0.1, 0), ("moons", 0.3, 1), ("rings", 0.9, 0)])
    )
    moons, both = one.estimate("skill", ["moons"]), one.estimate("skill")
    assert moons is not None
    assert both is not None
    assert moons.value == pytest.approx(0.2)
    assert moons.n == 2
    assert moons.spread == pytest.approx(0.1)
    assert both.value == pytest.approx(0.55)
    assert one.estimate("skill", ["nowhere"]) is None


def leaking(shares: dict[str, list[float]], kind: EnergyKind = EnergyKind.DENSITY) -> MethodSummary:
    name = "mass_outside_beta" if kind is EnergyKind.RANKING else "mass_outside"
    return summary(
        *(
            make_trial(make_view("a", dataset=d, seed=s, kind=kind), {"skill": 0.5, name: share})
            for d, found in shares.items()
            for s, share in enumerate(found)
        )
    )


def test_a_badge_is_of_the_worst_dataset_and_no_average_hides_it() -> None:
    """Nothing outside on one, half on the other; the median over seeds counts."""
    one = leaking({"moons": [0.0, 0.0, 0.9], "rings": [0.5, 0.4, 0.9]})
    assert one.badges == {OUTSIDE: 0.5}
    assert leaking({"moons": [0.01], "rings": [0.0]}).badges == {}, "a hundredth is no more than that"
    assert leaking({"moons": [0.02]}, EnergyKind.RANKING).badges == {OUTSIDE: 0.02}
    assert summary(ended(0.5)).badges == {}


@pytest.mark.long
def test_it_agrees_with_a_count_by_hand() -> None:
    """Random trials of all statuses, on data of two tracks: strata, medians and estimates from scratch."""
    rng = np.random.default_rng(0)
    statuses = [Status.OK] * 6 + [Status.DIVERGED, Status.SKIPPED]
    places = {"moons": "plane", "rings": "plane", "bits": "binary", "mine": "user_data"}
    trials, by_hand = [], dict[str, list[float]]()
    for dataset, track in places.items():
        for seed in range(12):
            status, value = statuses[rng.integers(len(statuses))], float(rng.normal())
            known = status is Status.OK and bool(rng.random() < 0.8)
            trials.append(ended(value if known else None, status, seed=seed, dataset=dataset, track=track))
            if known:
                by_hand.setdefault(dataset, []).append(value)
            elif status is Status.DIVERGED and track != "user_data":
                by_hand.setdefault(dataset, []).append(-1.0)
    one = summary(*trials)
    assert one.strata("skill") == list(by_hand.values())
    for dataset, values in by_hand.items():
        assert one.median("skill", dataset) == pytest.approx(statistics.median(values))
    found = one.estimate("skill")
    assert found is not None
    assert found.value == pytest.approx(statistics.fmean(statistics.median(values) for values in by_hand.values()))
    assert found.n == sum(map(len, by_hand.values()))
