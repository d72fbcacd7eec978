"""What the checks of a dataset look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ebmbench.conformance.findings import Finding
from ebmbench.conformance.sources import CONTEXTS, DRAWN, Source, at_each_context, vector
from ebmbench.contracts.dataset import AtContext, Batch
from ebmbench.contracts.records import DatasetSpec
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.datasets.plane import Moons
from ebmbench.errors import NotApplicable
from tests.factories import Normal

SPEC = DatasetSpec("mine", TwoBranches, "two branches")


@at_each_context
def wide(source: Source) -> Iterator[Finding]:
    """Wrong where y is far from the middle."""
    if float(source.drawn.y.abs().max()) > 1.5:
        yield Finding("wide", "little", "much")


def test_data_without_a_context_are_looked_at_whole() -> None:
    source = Source(SPEC, Moons())
    assert source.laws == (source,)
    assert len(source.drawn) == DRAWN
    assert [finding.seen for finding in wide(source)] == ["much"]


def test_y_given_x_is_looked_at_where_x_is_low_in_the_middle_and_high() -> None:
    source = Source(SPEC, TwoBranches())
    places = [law.dataset.x[0] for law in source.laws if isinstance(law.dataset, AtContext)]
    assert len(places) == len(source.laws) == CONTEXTS
    assert places == pytest.approx([-2, 0, 2], abs=0.1)
    for law, x in zip(source.laws, places, strict=True):
        near = TwoBranches.upper(torch.tensor(x))
        assert (law.drawn.y.shape, law.drawn.x) == ((DRAWN, 1), None)
        assert float(law.drawn.y.abs().mean()) == pytest.approx(float(near), abs=0.01)


def test_what_is_wrong_at_one_x_is_said_once_and_of_that_x() -> None:
    """f is 1.38, 1 and 0.62 there, and the noise 0.1."""
    (finding,) = wide(Source(SPEC, TwoBranches()))
    assert finding.seen.startswith("much, at x = (-1.9")
    assert list(wide(Source(SPEC, TwoBranches(sigma=0.01)))) == []


def test_a_place_is_that_of_the_dataset_whose_law_it_is() -> None:
    source = Source(SPEC, TwoBranches())
    assert source.laws[0].line("sample_given", "branches") == source.line("sample_given", "branches")
    assert "conditional.py:" in source.laws[0].line("branches")


def test_the_truth_is_on_a_lattice_or_not_applicable() -> None:
    law = Source(SPEC, TwoBranches()).laws[0]
    assert law.truth.entropy == pytest.approx(-0.1905, abs=1e-3)
    assert law.log_p.shape == law.truth.log_p.shape
    with pytest.raises(NotApplicable, match="no support"):
        _ = Source(SPEC, Normal(dim=5)).truth


def test_a_batch_that_is_given_is_what_was_drawn() -> None:
    batch = Batch(torch.zeros(3, 2))
    assert Source(SPEC, Moons(), (Moons(), batch)).drawn is batch


def test_a_vector_is_written_in_short() -> None:
    assert vector([0.123456, -2.0]) == "(0.1235, -2)"
