"""Training data: a function of (dataset, seed, step), whatever was read before."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Dataset
from ebmbench.datasets.domain import Box, square
from ebmbench.datasets.plane import EightGaussians
from ebmbench.harness.stream import BLOCK, Stream, held_out
from ebmbench.suite.schema import DataRegime

LIKE = torch.zeros(())
STREAM = DataRegime(set=200, validation=200, test=200)


class Normal(Dataset):
    """A standard normal of the plane; knows how often it was asked."""

    @property
    def domain(self) -> Box:
        return square(4.0)

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.randn(n, 2, generator=generator, dtype=torch.float64))


def stream(seed: int = 0, regime: DataRegime = STREAM, like: Tensor = LIKE) -> Stream:
    return Stream(Normal(), regime, seed, like)


def test_a_batch_does_not_depend_on_what_was_read_before() -> None:
    """Also when steps are read backwards, across blocks, and between looks at the training set."""
    steps = [0, 1, 31, 32, 33, 100, 5]
    fresh = {step: stream().batch(step, 256) for step in steps}
    used = stream()
    for step in [*reversed(steps), *steps]:
        used.training_set()
        assert torch.equal(used.batch(step, 256), fresh[step]), step


@pytest.mark.parametrize("rows", [1, 7, 100, 256, 5000])
def test_every_batch_size_reads_the_same_rows_in_the_same_order(rows: int) -> None:
    """Seven does not divide a block, and 5000 takes rows from two."""
    total = BLOCK + 300 if rows >= 100 else 40 * rows
    expected = stream().batch(0, total)
    here = stream()
    read = torch.cat([here.batch(step, rows) for step in range(-(-total // rows))])
    assert torch.equal(read[:total], expected)


def test_a_long_stream_never_repeats() -> None:
    rows = stream().batch(0, 3 * BLOCK)
    assert len(torch.unique(rows, dim=0)) == 3 * BLOCK


def test_seed_and_dataset_decide_the_rows() -> None:
    here = stream(0).batch(3, 64)
    assert torch.equal(here, stream(0).batch(3, 64))
    assert not torch.equal(here, stream(1).batch(3, 64))
    other = Stream(EightGaussians(), STREAM, 0, LIKE).batch(3, 64)
    assert not torch.equal(here, other)


def test_dtype_of_training() -> None:
    """A float64 profile sees the rows as they were drawn; float32 sees the same rows rounded."""
    double = stream(like=torch.zeros((), dtype=torch.float64)).batch(0, 64)
    single = stream().batch(0, 64)
    assert double.dtype is torch.float64
    assert torch.equal(double.float(), single)
    assert not torch.equal(double, single.double())


@pytest.mark.parametrize("size", [200, BLOCK + 100])
def test_the_training_set_is_the_first_rows_of_the_stream(size: int) -> None:
    regime = DataRegime(set=size)
    here = stream(regime=regime)
    assert torch.equal(here.training_set(), stream().batch(0, size))


@pytest.mark.parametrize("size", [50, BLOCK + 100])
def test_a_fixed_set_is_the_first_rows_too(size: int) -> None:
    """So that a stream and a fixed set differ in how much is seen, not in what."""
    fixed = stream(regime=DataRegime(train=size))
    assert torch.equal(fixed.training_set(), stream().batch(0, size))


def test_each_epoch_of_a_fixed_set_is_a_permutation() -> None:
    fixed = stream(regime=DataRegime(train=50))
    rows = torch.cat([fixed.batch(step, 8) for step in range(25)])
    epochs = rows.reshape(4, 50, 2)
    expected = sorted(fixed.training_set().tolist())
    for epoch in epochs:
        assert sorted(epoch.tolist()) == expected
    orders = {str(epoch.tolist()) for epoch in epochs} | {str(fixed.training_set().tolist())}
    assert len(orders) == 5, "every epoch has an order of its own"


def test_batches_of_a_fixed_set_do_not_depend_on_the_past_either() -> None:
    fixed = stream(regime=DataRegime(train=50))
    forwards = [fixed.batch(step, 8) for step in range(20)]
    for step in (19, 3, 12, 0):
        assert torch.equal(stream(regime=DataRegime(train=50)).batch(step, 8), forwards[step])


def test_a_batch_larger_than_the_set_goes_round() -> None:
    fixed = stream(regime=DataRegime(train=20))
    rows = fixed.batch(0, 60)
    for part in rows.reshape(3, 20, 2):
        assert sorted(part.tolist()) == sorted(fixed.training_set().tolist())


def test_held_out_points_have_axes_of_their_own() -> None:
    validation, test = held_out(Normal(), STREAM, 0)
    train = stream(like=torch.zeros((), dtype=torch.float64)).batch(0, BLOCK)
    assert validation.dtype is test.dtype is torch.float64
    everything = torch.cat([train, validation, test])
    assert len(torch.unique(everything, dim=0)) == BLOCK + 400, "no row is in two of them"


def test_held_out_points_do_not_depend_on_the_training_regime() -> None:
    """Enlarging one split moves neither the other nor the first rows of itself for another seed."""
    one = held_out(Normal(), DataRegime(train=50, set=99, validation=200, test=200), 0)
    other = held_out(Normal(), STREAM, 0)
    longer = held_out(Normal(), DataRegime(validation=999, test=200), 0)
    for mine, theirs in zip(one, other, strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(longer[1], one[1])
    assert not torch.equal(held_out(Normal(), STREAM, 1)[1], one[1])
