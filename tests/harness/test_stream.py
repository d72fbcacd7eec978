"""Training data: a function of (dataset, seed, step), whatever was read before."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Dataset
from ebmbench.datasets.domain import Box, square
from ebmbench.datasets.plane import EightGaussians
from ebmbench.harness.stream import BLOCK, Stream, held_out
from ebmbench.suite.errors import UsageError
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


# --- finite tables ---------------------------------------------------------------------------------------------------


class Rows(Dataset):
    """The numbers 0 to n-1 as rows, so that each says which it is."""

    count: int = 200

    @property
    def domain(self) -> Box:
        return Box((-1.0,), (self.count + 1.0,))

    def rows(self) -> Tensor:
        return torch.arange(self.count, dtype=torch.float64)[:, None]


def members(y: Tensor) -> set[int]:
    return {int(value) for value in y.flatten()}


TRAINS = ["stream", 50]


@pytest.mark.parametrize("train", TRAINS)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("sizes", [(10_000, 5_000), (7, 3), (40, 2)])
def test_no_row_is_in_two_parts(train: str | int, seed: int, sizes: tuple[int, int]) -> None:
    """Whatever is read for training: the set, and batches over several epochs."""
    regime = DataRegime.model_validate({"train": train, "test": sizes[0], "validation": sizes[1]})
    data = Rows()
    validation, test = held_out(data, regime, seed)
    here = Stream(data, regime, seed, LIKE)
    seen = members(here.training_set())
    for step in range(40):
        seen |= members(here.batch(step, 64))
    assert len(test) == min(sizes[0], 40)
    assert len(validation) == min(sizes[1], 40)
    assert len(members(test)) + len(members(validation)) + len(seen) == len(members(test) | members(validation) | seen)
    left = 200 - len(test) - len(validation)
    assert len(seen) == (left if train == "stream" else 50)


def test_a_leak_would_be_seen() -> None:
    """The wrong twin: training rows of another seed overlap what this one holds out."""
    data, regime = Rows(), DataRegime()
    _, test = held_out(data, regime, 0)
    assert members(Stream(data, regime, 1, LIKE).training_set()) & members(test)


def test_every_epoch_goes_through_all_training_rows_in_an_order_of_its_own() -> None:
    here = Stream(Rows(), DataRegime(), 0, LIKE)
    first, second = (here.batch(epoch, 120).flatten() for epoch in (0, 1))
    assert members(first) == members(second) == members(here.training_set())
    assert not torch.equal(first, second)
    torch.testing.assert_close(torch.cat([here.batch(step, 30) for step in range(4)]).flatten(), first)


def test_a_set_wise_method_gets_at_most_its_set() -> None:
    data = Rows()
    assert len(Stream(data, DataRegime(set=30), 0, LIKE).training_set()) == 30
    assert len(Stream(data, DataRegime(set=1000), 0, LIKE).training_set()) == 120


def test_more_rows_than_there_are_cannot_be_trained_on() -> None:
    with pytest.raises(UsageError, match="train: 121: there are 120 rows to train on"):
        Stream(Rows(), DataRegime(train=121), 0, LIKE).training_set()


def test_the_seed_decides_the_split() -> None:
    data, regime = Rows(), DataRegime()
    assert members(held_out(data, regime, 0)[1]) == members(held_out(data, regime, 0)[1])
    assert members(held_out(data, regime, 0)[1]) != members(held_out(data, regime, 1)[1])
