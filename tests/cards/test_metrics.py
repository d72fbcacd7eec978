"""The card of a metric, and that what it says it needs is what it needs."""

from __future__ import annotations

from functools import cache

import pytest

from ebmbench.cards.metrics import MetricCard, metric_card
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import EnergyKind
from ebmbench.metrics.evaluate import evaluate
from tests.factories import Normal, Oracle, make_evaluation

CATALOG = load_catalog()
OF_THE_TRUTH = ("density", "score", "modes", "manifold", "closed form")
"""Words for what nobody knows of data that somebody measured."""


@cache
def card(name: str) -> MetricCard:
    return metric_card(CATALOG.metrics[name], CATALOG)


def test_what_a_metric_is() -> None:
    found = card("kl")
    assert (found.unit, found.direction, found.best, found.set, found.selects) == ("nats", "down", 0.0, "core", False)
    assert found.variants == ("raw", "beta", "iso")
    assert [(gap.names, gap.reason) for gap in found.not_for] == [
        (("ranking (raw)",), "the scale of a ranking energy means nothing")
    ]
    assert found.boards == ("plane", "binary", "dimensions", "conditional")
    assert {reading.dataset for reading in found.readings} >= {"moons", "rings"}


@pytest.mark.parametrize(
    ("name", "boards"),
    [("nll", ("user_data",)), ("mass_outside", ("plane",)), ("skill", ("plane", "binary", "conditional")), ("tv", ())],
)
def test_the_boards_are_the_tracks_that_show_it(name: str, boards: tuple[str, ...]) -> None:
    assert card(name).boards == boards


def test_what_it_says_in_lines() -> None:
    assert dict(card("nll_validation").facts())["selects"] == "choices may be made by it"
    facts = dict(card("auroc_shell").facts())
    assert (facts["unit"], facts["variants"], facts["boards"]) == ("-", "-", "none")
    assert facts["measured"] == "by metrics: all, or by name"
    assert next(iter(card("auroc").tables())).heads == ("dataset", "variant", "reads", "costs")


@pytest.mark.long
def test_on_data_of_unknown_density_is_measured_what_needs_no_truth_and_nothing_else() -> None:
    """Of a normal whose density is kept to itself; its true energy is held against held-out rows alone."""
    truth, data = Normal(half_width=4), Normal(half_width=4, hidden=True)
    evaluation = make_evaluation(Oracle(truth), data, cells=50, kind=EnergyKind.NORMALIZED, n=300)
    for name, entry in CATALOG.metrics.items():
        if name == "kl_smoothed":
            continue  # no energy of this kind is blurred
        values = evaluate(evaluation, [(entry.spec, entry.owner)])
        unknown = any(word in card(name).needs for word in OF_THE_TRUTH)
        if unknown:
            assert all(value.value is None and value.note.startswith("n/a") for value in values), name
        else:
            assert any(value.value is not None for value in values), (name, values)
