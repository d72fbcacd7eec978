"""The world that methods are tried in."""

from __future__ import annotations

import torch

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.bench import Bench, Normal
from ebmbench.conformance.datasets import checked
from ebmbench.conformance.training import like
from ebmbench.contracts.records import DatasetSpec

ENTRY = load_catalog().methods["snl"]
BENCH = Bench(ENTRY.spec, ENTRY.load()(), "continuous")


def test_its_normal_data_are_what_they_say() -> None:
    assert checked(DatasetSpec("normal", Normal, "normal data"), Normal).ok


def test_a_training_is_a_function_of_its_seed() -> None:
    assert like(BENCH.trained(3), BENCH.trained(3))
    assert not like(BENCH.trained(3), BENCH.trained(3, seed=1))


def test_precision_is_that_which_is_asked_for() -> None:
    surface = BENCH.trained(1, dtype=torch.float64)
    assert {value.dtype for value in surface.state_dict().values()} == {torch.float64}


def test_a_blank_surface_draws_no_global_number() -> None:
    before = torch.random.get_rng_state()
    BENCH.blank()
    assert torch.equal(torch.random.get_rng_state(), before)
