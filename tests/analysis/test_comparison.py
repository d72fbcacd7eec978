"""Two runs compared: each ruler by itself, costs where they may be compared, and all that has no counterpart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from ebmbench.analysis.comparison import Comparison, Failure
from ebmbench.analysis.shifts import Change, Shift
from ebmbench.contracts.records import EnergyKind, Status, Strategy
from tests.factories import make_cells, make_trial, make_view
from tests.sides import compared, costing, ended, levels, side

BASE = {"x": [0.2, 0.3, 0.4], "y": [0.1, 0.2, 0.3]}
TWICE = {name: [2 * kl for kl in kls] for name, kls in BASE.items()}


def of(found: Comparison, title: str = "Density") -> dict[str, Shift]:
    (measure,) = (one for one in found.losses if one.title == title)
    return {one.row: one for one in measure.shifts}


def test_a_run_against_itself_is_identical() -> None:
    trials = [*levels("nce", BASE), *levels("gmm", TWICE), *levels("oracle", BASE, strategy=Strategy.REFERENCE)]
    found = compared(trials, trials)
    assert found.words == dict.fromkeys(("nce", "gmm", "oracle"), Change.IDENTICAL)
    assert (found.pairs, found.shared) == (18, 18)
    assert {one.word for cost in (found.passes, found.seconds) for one in cost.shifts} == {Change.IDENTICAL}
    assert (found.failures, found.contrasts, found.uncompared) == ((), (), {})


def test_each_ruler_speaks_of_its_own_loss() -> None:
    """KL from .2 to .4 is a factor of two; so is a skill from .8 to .6; the wrong twin, skills' ratio, says 0.75."""
    found = compared(levels("nce", BASE), levels("nce", TWICE))
    for title in ("Density", "Order"):
        one = of(found, title)["nce"]
        assert one.ratio is not None
        assert one.ratio.value == pytest.approx(2)
        assert one.word is Change.WORSE
    assert found.words == {"nce": Change.WORSE}


def test_what_only_ranks_has_no_density() -> None:
    found = compared(levels("dae", BASE, kind=EnergyKind.RANKING), levels("dae", TWICE, kind=EnergyKind.RANKING))
    assert [one.title for one in found.losses] == ["Order"]


def test_what_is_below_the_lattices_error_is_tied_and_not_identical() -> None:
    def oracle(kl: float) -> list[Any]:
        return [make_trial(make_view("oracle", dataset=name, strategy=Strategy.REFERENCE), {"kl": kl}) for name in "xy"]

    found = compared(oracle(1e-9), oracle(3e-9))
    assert of(found)["oracle"].word is Change.TIED


def test_a_ruler_of_which_one_run_has_no_number_is_not_compared() -> None:
    first = side(levels("nce", BASE), metrics=make_cells(["skill"]))
    found = Comparison.of(first, side(levels("nce", BASE)))
    assert [one.title for one in found.losses] == ["Order"]
    assert found.unruled == ("Density",)


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_method_that_crashed_is_never_tied() -> None:
    a, b = levels("nce", BASE), levels("nce", {"x": [0.2, 0.3, None], "y": BASE["y"]})
    found = compared(a, b)
    assert found.words == {"nce": Change.WORSE}
    assert found.failures == (Failure("nce", "nce/x/2/cpu", True, Status.DIVERGED, "Boom: loss is nan"),)
    back = compared(b, a)
    assert back.words == {"nce": Change.BETTER}
    assert [(one.new, one.status) for one in back.failures] == [(False, Status.DIVERGED)]


def test_everything_failed() -> None:
    trials = levels("nce", {"x": [None], "y": [None]})
    found = compared(trials, trials)
    assert (found.losses, found.words, found.failures) == ((), {}, ())
    assert found.passes.shifts == ()


def test_what_was_skipped_counts_nowhere_and_is_said() -> None:
    b = [ended("nce", None, dataset="x", status=Status.SKIPPED, skipped="no such device"), ended("nce", dataset="y")]
    found = compared([ended("nce", dataset="x"), ended("nce", dataset="y")], b)
    assert found.words == {"nce": Change.IDENTICAL}
    assert [(one.status, one.error) for one in found.failures] == [(Status.SKIPPED, "no such device")]


# --- costs -----------------------------------------------------------------------------------------------------------


def test_costs_are_ratios_too() -> None:
    a = [ended("nce", dataset=name, training=costing(2.0, 1000)) for name in "vwxyz"]
    b = [ended("nce", dataset=name, training=costing(3.0, 500)) for name in "vwxyz"]
    found = compared(a, b)
    (passes,), (seconds,) = found.passes.shifts, found.seconds.shifts
    assert (passes.word, seconds.word) == (Change.BETTER, Change.WORSE)
    assert passes.ratio is not None
    assert seconds.ratio is not None
    assert [passes.ratio.value, seconds.ratio.value] == pytest.approx([0.5, 1.5])


def test_reference_rows_cost_nothing() -> None:
    trials = levels("oracle", BASE, strategy=Strategy.REFERENCE)
    found = compared(trials, trials)
    assert found.passes.shifts == found.seconds.shifts == ()


@pytest.mark.parametrize(
    ("attempt", "processor", "why"),
    [
        ({}, 1.0, None),
        ({}, 1.05, None),
        ({}, 0.5, "another load"),
        ({"n_concurrent": 3}, 1.0, "another load"),
        ({"machine_id": "other"}, 1.0, "another machine"),
        ({"machine_id": ""}, 1.0, "unknown machine"),
    ],
)
def test_seconds_of_other_machines_or_loads_are_not_compared(
    attempt: dict[str, Any], processor: float, why: str | None
) -> None:
    """Passes are, whatever they were made on."""
    a = [ended("nce", dataset=name, training=costing(1.0, processor=1.0), attempt={"started": "then"}) for name in "xy"]
    b = [ended("nce", dataset=name, training=costing(1.0, processor=processor), attempt=attempt) for name in "xy"]
    found = compared(a, b)
    assert found.uncompared == ({why: 2} if why else {})
    assert len(found.seconds.shifts) == (0 if why else 1)
    assert len(found.passes.shifts) == 1


# --- what has no counterpart -----------------------------------------------------------------------------------------


def test_what_is_in_one_alone() -> None:
    a = [*levels("nce", BASE), *levels("gmm", BASE), ended("nce", dataset="z"), ended("nce", dataset="x", seed=7)]
    b = [*levels("nce", {"x": [0.2, 0.3], "y": [0.1, 0.2, 0.3]}), ended("late", status=None)]
    found = compared(a, b)
    alone = found.alone_a
    assert (alone.methods, alone.datasets, alone.seeds) == (("gmm",), ("z",), (7,))
    assert alone.trials == 1, "seed 2 on x: the seed is there on y"
    assert (found.alone_b.methods, found.alone_b.unended) == ((), 1)
    assert (found.rows, found.datasets, found.pairs) == (("nce",), ("x", "y"), 5)


def test_nothing_in_common() -> None:
    found = compared(levels("nce", BASE), levels("gmm", BASE))
    assert (found.rows, found.pairs, found.losses, found.words) == ((), 0, (), {})
    assert (found.alone_a.methods, found.alone_b.methods) == (("nce",), ("gmm",))


def test_a_run_of_which_nothing_has_ended() -> None:
    found = compared(levels("nce", BASE), levels("nce", BASE, status=None))
    assert (found.pairs, found.alone_b.unended) == (0, 6)
    assert found.alone_a.methods == ("nce",)


def test_trials_of_two_stores_are_not_shared(tmp_path: Path) -> None:
    trials = levels("nce", BASE)
    assert Comparison.of(side(trials), side(trials, tmp_path)).shared == 0


def test_user_data_is_compared_in_nats() -> None:
    def nll(value: float) -> list[Any]:
        return [make_trial(make_view("nce", dataset=name, track="user_data"), {"nll_beta": value}) for name in "xy"]

    found = compared(nll(1.0), nll(1.5))
    (one,) = of(found, "Held-out likelihood").values()
    assert one.ratio is not None
    assert one.ratio.value == pytest.approx(math.exp(0.5))
