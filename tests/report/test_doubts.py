"""What a board's own numbers give reason to doubt, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from ebmbench.contracts.records import EnergyKind, Strategy
from ebmbench.report.doubts import doubts
from ebmbench.report.remarks import notes
from ebmbench.store.records import Value
from ebmbench.store.runs import TrialResult
from tests.factories import make_cell, make_report, make_trial, make_view


def trial(
    row: str, dataset: str = "moons", seed: int = 0, facts: dict[str, Any] | None = None, **numbers: float
) -> TrialResult:
    known = {"strategy": Strategy.C2, "kind": EnergyKind.NORMALIZED, **(facts or {})}
    values = [Value(name, "", number) for name, number in numbers.items()]
    return make_trial(make_view(row, dataset=dataset, seed=seed, **known), values)


def said(*trials: TrialResult) -> list[str]:
    names = {value.metric for one in trials if one.measurements for value in one.measurements.values}
    report = make_report(list(trials), metrics=tuple(make_cell(name) for name in sorted(names)))
    found = list(doubts(report.leaderboard))
    assert [line for line in notes(report.table, report.leaderboard) if line in found] == found
    return found


REFERENCE = {"strategy": Strategy.REFERENCE}


def test_an_energy_upside_down_is_doubted_where_it_is_worst() -> None:
    (line,) = said(trial("mine", auroc=0.3), trial("mine", "rings", auroc=0.1), trial("nce", auroc=0.9))
    assert line.startswith("mine: more energy at data than elsewhere (rings: AUROC 0.1)")


def test_one_seed_of_three_is_no_doubt() -> None:
    assert said(*(trial("mine", seed=seed, auroc=number) for seed, number in enumerate((0.4, 0.9, 0.9)))) == []


def test_a_claim_to_be_normalized_that_is_off_is_doubted() -> None:
    (line,) = said(trial("mine", log_z_error=-18.6))
    assert "log Z is off by 18.6 nats (moons)" in line
    assert said(trial("mine", facts={"kind": EnergyKind.DENSITY}, log_z_error=-18.6)) == []
    assert said(trial("mine", log_z_error=0.1)) == []


@pytest.mark.parametrize(
    ("metric", "number", "meaning"),
    [
        ("log_z_error", 1.7, "does not integrate to one"),
        ("mass_outside", 0.2, "does not hold its mass"),
        ("nll_excess", 0.4, "not of its density"),
        ("fisher", 3.0, "not that of its density"),
    ],
)
def test_data_that_disagree_are_doubted_by_the_oracles_own_row(metric: str, number: float, meaning: str) -> None:
    truth = trial("oracle", "mine", 0, REFERENCE, **{metric: number})
    (line,) = said(truth, trial("nce", "mine", auroc=0.9))
    assert line == f"mine: the truth reads {metric} {number:.3g} there; " + line.partition("there; ")[2]
    assert meaning in line
    assert line.endswith("ebmbench check mine")


def test_other_reference_rows_are_doubted_of_nothing() -> None:
    assert said(trial("untrained", facts=REFERENCE, auroc=0.2, fisher=9.0)) == []


def test_a_claim_below_the_entropy_is_doubted_where_it_is_lowest() -> None:
    """An NLL of 1.17 in ten dimensions, where the truth has 21.1."""
    truth = [trial("oracle", data, 0, REFERENCE, nll=21.1, nll_se=0.1) for data in ("ten", "more")]
    mine = [trial("mine", "ten", nll=1.17, nll_se=0.1), trial("mine", "more", nll=15.0, nll_se=0.1)]
    (line,) = said(*truth, *mine, trial("nce", "ten", nll=21.0, nll_se=0.1))
    assert line.startswith("mine: claims an NLL of 1.17 nats (ten), where the truth itself has 21.1: no density can")
