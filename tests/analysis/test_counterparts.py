"""Which trial of one run is which of another: by label, grid point, dataset, seed and device."""

from __future__ import annotations

from ebmbench.analysis.counterparts import paired
from tests.factories import make_cells, make_trial, make_view
from tests.sides import ended, levels, side


def test_trials_are_paired_by_name_whatever_their_order() -> None:
    a = levels("nce", {"x": [0.1, 0.2], "y": [0.3]})
    (pair,) = paired(side(a), side(reversed(levels("nce", {"x": [0.1, 0.2, 0.5], "y": [0.3]}))))
    assert pair.trials["name_a"].tolist() == pair.trials["name_b"].tolist()
    assert sorted(pair.trials["name_a"]) == ["nce/x/0/cpu", "nce/x/1/cpu", "nce/y/0/cpu"]


def test_another_device_is_no_counterpart_and_a_row_says_which_it_is() -> None:
    a = [ended("nce"), ended("nce", device="cuda")]
    assert [pair.row for pair in paired(side(a), side(a[:1]))] == ["nce @cpu"]
    assert [pair.row for pair in paired(side(a[:1]), side(a[:1]))] == ["nce"]
    assert paired(side(a[:1]), side(a[1:])) == []


def test_points_of_a_grid_are_methods_of_their_own() -> None:
    a = [ended("gmm", grid_point="k=1"), ended("gmm", grid_point="k=2")]
    assert [pair.row for pair in paired(side(a), side(a[1:]))] == ["gmm[k=2]"]


def test_of_points_that_are_chosen_the_chosen_are_paired() -> None:
    """One in A, two in B: the method as the leaderboard has it."""

    def run(best: str) -> list[tuple[str, float]]:
        return [(point, 0.0 if point == best else 1.0) for point in ("k=1", "k=2")]

    sides = [
        side(
            [
                make_trial(make_view("gmm", grid_point=point), {"nll_validation": nll, "kl": 0.5})
                for point, nll in run(best)
            ],
            select={"gmm": "nll_validation"},
            metrics=make_cells(["kl", "nll_validation"]),
        )
        for best in ("k=1", "k=2")
    ]
    (pair,) = paired(*sides)
    assert pair.row == "gmm"
    assert pair.trials[["name_a", "name_b"]].to_numpy().tolist() == [["gmm[k=1]/moons/0/cpu", "gmm[k=2]/moons/0/cpu"]]
