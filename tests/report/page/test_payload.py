"""What the page is told is what the tables say: boards, medians, profiles, trials, courses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.page.claims import CLAIMS, findings
from ebmbench.report.page.document import as_json, page, payload
from ebmbench.report.page.payload import FACTORS
from ebmbench.report.page.verdict import verdict
from ebmbench.report.report import Report
from ebmbench.report.text import factor
from ebmbench.store.records import Point
from tests.factories import make_report, make_trial, make_view
from tests.report.page.boards import HOSTILE, hung_report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return hung_report(tmp_path_factory.mktemp("hung"))


def test_a_board_is_that_of_the_leaderboard(report: Report) -> None:
    for part, one in zip(payload(report).boards, report.leaderboard.boards, strict=True):
        assert [report.leaderboard.methods[place.method].row for place in part.places] == [s.row for s in one.standings]
        for place, standing in zip(part.places, one.standings, strict=True):
            assert (place.value, place.text, place.word) == (standing.factor.value, factor(standing), standing.word)


def test_the_factors_of_each_dataset_have_the_boards_geometric_mean(report: Report) -> None:
    for part in payload(report).boards:
        for place in part.places:
            found = [x for x in place.of_each if x is not None]
            assert np.exp(np.log(found).mean()) == pytest.approx(place.value)


def profile_by_loops(losses: pd.DataFrame, row: str, factor: float) -> float:
    """The mean over datasets of the share of seeds within a factor of the best median of the dataset."""
    shares = []
    for _, part in losses.groupby(level=0):
        best = min(np.median(part[other]) for other in part)
        shares.append(np.mean([loss - best <= math.log(factor) + 1e-12 for loss in part[row]]))
    return float(np.mean(shares))


def test_a_profile_is_the_share_of_trials_within_a_factor_of_the_best(report: Report) -> None:
    part, one = payload(report).boards[0], report.leaderboard.boards[0]
    for place, standing in zip(part.places, one.standings, strict=True):
        expected = [profile_by_loops(one.losses, standing.row, f) for f in FACTORS]
        np.testing.assert_allclose(place.shares, expected, atol=1e-4)


def test_medians_are_of_the_seeds_that_ended_well(report: Report) -> None:
    told = payload(report)
    for measure in told.measures:
        for k, method in enumerate(report.leaderboard.methods):
            for d, dataset in enumerate(told.datasets):
                value, expected = measure.values[k][d], method.median(measure.name, dataset, failures=False)
                assert (value is None) == (expected is None)
                if value is not None:
                    assert value == pytest.approx(expected, rel=1e-4)


def test_each_trial_has_its_numbers(report: Report) -> None:
    told = payload(report)
    assert len(told.trials) == len(report.trials)
    by_name = {trial.name: trial for trial in told.trials}
    assert by_name["m1/rings/2/cpu"].numbers["kl"] == pytest.approx(1.326 - 1 - math.log(1.326), rel=1e-3)
    assert by_name["broken/moons/0/cpu"].status == Status.DIVERGED
    assert by_name["broken/moons/0/cpu"].numbers == {}


def test_a_course_is_the_median_of_the_seeds_with_its_ends() -> None:
    trials = [
        make_trial(
            make_view("m", seed=seed),
            {"kl": scale},
            curve=[Point(s, 10 * s, 0.1 * s, "kl", "raw", scale * 8 / s) for s in (1, 2, 4)],
        )
        for seed, scale in enumerate((1.0, 2.0, 4.0))
    ]
    (course,) = payload(make_report(trials)).courses
    assert list(course.middle) == [16, 8, 4, 2]
    assert list(course.low) == [8, 4, 2, 1]
    assert list(course.high) == [32, 16, 8, 4]
    assert list(course.passes) == [10, 20, 40, 1000]
    assert course.reached is False


def test_a_ranking_energy_has_the_course_of_its_fitted_temperature() -> None:
    trial = make_trial(
        make_view("m", kind=EnergyKind.RANKING),
        {"kl_beta": 0.01},
        curve=[Point(1, 10, 0.1, "kl", "beta", 0.5)],
    )
    (course,) = payload(make_report([trial])).courses
    assert list(course.middle) == [0.5, 0.01]
    assert course.reached is True


# --- JSON and HTML ---------------------------------------------------------------------------------------------------


def test_the_json_ends_no_script_whatever_the_names_are(tmp_path: Path) -> None:
    hostile = hung_report(tmp_path, methods=3, datasets=(f"moons{HOSTILE}",), seeds=1, hostile=HOSTILE)
    text = as_json(payload(hostile))
    assert not set("<>&") & set(text)
    assert json.loads(text)["methods"][0]["name"] == f"m0{HOSTILE}"
    whole = page(hostile)
    assert "<img" not in whole
    assert whole.count("<script") == 2
    assert whole.lower().count("</script>") == 2


def test_infinite_numbers_are_words_and_missing_ones_null(report: Report) -> None:
    told = json.loads(as_json(payload(report)), parse_constant=lambda word: pytest.fail(word))
    broken = [place for place in told["boards"][0]["places"] if told["methods"][place["method"]]["name"] == "broken"]
    assert broken[0]["value"] == "inf"


def test_the_policy_allows_this_script_and_style_alone(report: Report) -> None:
    whole = page(report)
    assert "default-src 'none'" in whole
    assert "unsafe" not in whole.split("</head>")[0].split("<style>")[0]
    assert "http://" not in whole.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in whole


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_verdict_names_who_leads_each_board_and_what_failed(report: Report) -> None:
    density, order, failed = verdict(report.leaderboard)
    assert density.startswith("Density: m0 leads over 2 datasets, at 1.0 [1.0, 1.0] times the best loss on each")
    assert order.startswith("Order: m0 leads")
    assert failed == "6 of 48 trials did not end well: broken (6)."


def one_board(**skills: float | None) -> Report:
    """A dataset, a seed; None: it failed."""
    return make_report(
        make_trial(make_view(row), {"skill": skill, "kl": 1 - skill})
        if skill is not None
        else make_trial(make_view(row), status=Status.FAILED)
        for row, skill in skills.items()
    )


def test_where_one_trial_a_method_tells_nothing_the_verdict_says_so() -> None:
    density, *_ = verdict(one_board(a=0.9, b=0.5).leaderboard)
    assert density == (
        "Density: a leads over one dataset, at 1.0 times the best loss on each; "
        "these trials do not tell b (5.0) from it."
    )


def test_one_method_is_not_called_the_best_of_many() -> None:
    assert next(verdict(one_board(a=0.9).leaderboard)) == "Density: a is the only method."


def test_where_all_have_failed_nobody_leads() -> None:
    said = list(verdict(one_board(a=None, b=None).leaderboard))
    assert not any("leads" in sentence for sentence in said[:-1])
    assert said[-1] == "2 of 2 trials did not end well: a (1), b (1)."


def test_a_run_of_which_nothing_has_ended_says_so() -> None:
    report = make_report([make_trial(make_view("a"), status=None)])
    assert list(verdict(report.leaderboard)) == ["No trial of this run has ended: there is nothing to compare."]
    assert "nothing to compare" in page(report)


def test_each_strategy_that_was_run_has_a_finding_of_its_best_method(report: Report) -> None:
    found = {finding.strategy: finding for finding in findings(report.leaderboard)}
    assert list(found) == ["C1", "C2", "C3", "A1", "A2", "A3"]
    assert found["C1"].measured[0].startswith("Density: m0 has 1.0")
    assert found["C1"].verdict == "with the best in density and order"
    assert found["C3"].measured[0] == "Density: none of its methods stands on this board"
    assert set(CLAIMS) == set(Strategy) - {Strategy.REFERENCE}


@pytest.mark.parametrize("track", ["binary", "user_data"])
def test_a_run_without_pictures_has_a_page(track: str) -> None:
    numbers = {"skill": 0.9, "kl": 0.1} if track == "binary" else {"nll_beta": 1.5, "nll": 1.4}
    views = [make_view(row, dataset=d, track=track, seed=s) for row in "ab" for d in ("x", "y") for s in (0, 1)]
    report = make_report(make_trial(view, numbers) for view in views)
    told = payload(report)
    assert len(told.boards) == len(report.leaderboard.boards) > 0
    assert told.gallery.stills == ()
    assert page(report)
