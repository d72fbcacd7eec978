"""The page as a file: no name is markup, infinite numbers are words, and the policy lets its own script run alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ebmbench.report.page.document import as_json, page, payload
from ebmbench.report.report import Report
from tests.factories import make_report, make_trial, make_view
from tests.report.page.boards import HOSTILE, hung_report


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


def test_a_run_of_which_nothing_has_ended_says_so() -> None:
    report = make_report([make_trial(make_view("a"), status=None)])
    assert "nothing to compare" in page(report)


@pytest.mark.parametrize("track", ["binary", "user_data"])
def test_a_run_without_pictures_has_a_page(track: str) -> None:
    numbers = {"skill": 0.9, "kl": 0.1} if track == "binary" else {"nll_beta": 1.5, "nll": 1.4}
    views = [make_view(row, dataset=d, track=track, seed=s) for row in "ab" for d in ("x", "y") for s in (0, 1)]
    report = make_report(make_trial(view, numbers) for view in views)
    told = payload(report)
    assert len(told.boards) == len(report.leaderboard.boards) > 0
    assert told.gallery.stills == ()
    assert page(report)
