"""What the mirror says of a run: the numbers of the boards by names that MLflow takes; the description."""

from __future__ import annotations

from typing import Any

import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.observers.mlflow_board import MAX_DESCRIPTION_LENGTH, description, metric_name, summary_metrics
from tests.factories import make_cells, make_report, make_trial, make_view

ASKED = make_cells(["skill", "kl", "kl_beta"])


def test_the_parent_has_what_the_boards_say() -> None:
    """With one dataset and one seed the factor is the ratio of two losses, and there is no interval."""
    made = [
        make_trial(make_view("a"), {"skill": 0.9, "kl": 0.1}),
        make_trial(make_view("b"), {"skill": 0.6, "kl": 0.3}),
        make_trial(make_view("order", kind=EnergyKind.RANKING), {"skill": 0.8}),
        make_trial(make_view("floor", strategy=Strategy.REFERENCE), {"skill": 0.0, "kl": 1.0}),
    ]
    report = make_report(made, metrics=ASKED)
    found = summary_metrics(report.leaderboard)
    density, order = (ruler.title.lower() for ruler in report.run.tracks[0].ruled_by)
    assert found[f"{density}/times_best/a"] == pytest.approx(1)
    assert found[f"{density}/times_best/b"] == pytest.approx(3)
    assert f"{density}/times_best/order" not in found
    assert f"{density}/times_best/floor" not in found
    assert found[f"{order}/times_best/order"] == pytest.approx(2)
    assert found["skill/floor"] == 0.0
    assert found["skill/a"] == pytest.approx(0.9)
    assert found["failures/a"] == 0
    assert found["training/passes/a"] == 1000
    names = list(found)
    assert names.index(f"{order}/times_best/a") < names.index(f"{order}/times_best/order"), "the best first"


def test_intervals_stand_beside_their_factors() -> None:
    losses = {"a": (0.1, 0.2, 0.15), "b": (0.3, 0.4, 0.2)}
    made = [
        make_trial(make_view(row, seed=seed, dataset=dataset), {"kl": kl, "skill": 1 - kl})
        for row, of in losses.items()
        for seed, kl in enumerate(of)
        for dataset in ("moons", "rings")
    ]
    report = make_report(made, metrics=ASKED)
    found = summary_metrics(report.leaderboard)
    title = report.leaderboard.boards[0].ruler.title.lower()
    low, value, high = (found[f"{title}/{name}/b"] for name in ("times_best_low", "times_best", "times_best_high"))
    assert low <= value <= high


def test_a_method_that_failed_has_failures_and_no_infinite_factor() -> None:
    made = [
        make_trial(make_view("a"), {"skill": 0.9, "kl": 0.1}),
        make_trial(make_view("bad"), status=Status.CRASHED),
    ]
    found = summary_metrics(make_report(made, metrics=ASKED).leaderboard)
    assert found["failures/bad"] == 1
    assert found["failures/a"] == 0
    assert not [name for name in found if "times_best" in name and name.endswith("/bad")]


@pytest.mark.parametrize("status", [Status.FAILED, None])
def test_a_run_of_nothing_but_failures_or_nothing_at_all(status: Status | None) -> None:
    found = summary_metrics(make_report([make_trial(make_view("a"), status=status)], metrics=ASKED).leaderboard)
    assert not [name for name in found if "times_best" in name]
    assert found.get("failures/a") == (1 if status else None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("density/times_best/nce", "density/times_best/nce"),
        ("skill ↑/times_best/gmm[components=8,text=a b]", "skill/times_best/gmm_components_8_text_a_b"),
        ("failures/nce @cuda:1", "failures/nce_cuda_1"),
        ("failures/..", "failures/_"),
        ("x/" + "n" * 500, "x/" + "n" * 198),
        ("\x1b[31m/<b>", "31m/b"),
    ],
)
def test_names_are_of_mlflows_alphabet(name: str, expected: str) -> None:
    from mlflow.utils import validation

    theirs: Any = validation
    assert metric_name(name) == expected
    theirs._validate_metric_name(metric_name(name))


def test_rows_that_differ_in_what_is_lost_stay_apart() -> None:
    made = [
        make_trial(make_view("a", grid_point=point), {"skill": value, "kl": 1 - value})
        for point, value in (("x=a b", 0.5), ("x=a,b", 0.75))
    ]
    found = summary_metrics(make_report(made, metrics=ASKED).leaderboard)
    assert found["skill/a_x_a_b"] == 0.5
    assert found["skill/a_x_a_b-2"] == 0.75


# --- the description -------------------------------------------------------------------------------------------------


def test_a_short_leaderboard_is_the_description_but_for_its_title() -> None:
    assert description("# toy\n\n## Density\n\n| a |\n") == "## Density\n\n| a |\n"
    assert description("## Density\n\n| a |\n") == "## Density\n\n| a |\n"
    assert description("") == ""


def test_a_long_one_ends_with_a_whole_section() -> None:
    sections = [f"## {n}\n\n" + f"| {n} |\n" * 300 for n in range(9)]
    found = description("# toy\n\n" + "\n".join(sections))
    assert len(found) <= MAX_DESCRIPTION_LENGTH + 100 <= 8000
    assert found.startswith("## 0\n")
    kept, _, rest = found.rpartition("\n\n")
    assert kept.endswith("|")
    assert kept.count("\n| ") % 300 == 0
    assert rest == "The rest stands in leaderboard.md, among the artifacts.\n"


def test_a_section_that_is_too_long_ends_with_a_whole_line() -> None:
    found = description("# toy\n\n## Density\n\n" + "| method | 1.0 |\n" * 1000)
    assert len(found) <= 8000
    assert found.splitlines()[-3] == "| method | 1.0 |"
