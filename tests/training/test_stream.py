"""Training data: a function of (dataset, seed, step), whatever was read before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.suite.schema import DataRegime
from ebmbench.training.stream import BLOCK, Stream, held_out, held_out_sizes
from tests.factories import Normal

LIKE = torch.zeros(())
STREAM = DataRegime(set=200, validation=200, test=200)


def stream(seed: int = 0, regime: DataRegime = STREAM, like: Tensor = LIKE) -> Stream:
    return Stream(Normal(), regime, seed, like)


def test_a_batch_does_not_depend_on_what_was_read_before() -> None:
    """Also when steps are read backwards, across blocks, and between looks at the training set."""
    steps = [0, 1, 31, 32, 33, 100, 5]
    fresh = {step: stream().batch(step, 256).y for step in steps}
    used = stream()
    for step in [*reversed(steps), *steps]:
        used.training_set()
        assert torch.equal(used.batch(step, 256).y, fresh[step]), step


@pytest.mark.parametrize("rows", [1, 7, 100, 256, 5000])
def test_every_batch_size_reads_the_same_rows_in_the_same_order(rows: int) -> None:
    """Seven does not divide a block, and 5000 takes rows from two."""
    total = BLOCK + 300 if rows >= 100 else 40 * rows
    expected = stream().batch(0, total).y
    here = stream()
    read = torch.cat([here.batch(step, rows).y for step in range(-(-total // rows))])
    assert torch.equal(read[:total], expected)


def test_a_long_stream_never_repeats() -> None:
    rows = stream().batch(0, 3 * BLOCK).y
    assert len(torch.unique(rows, dim=0)) == 3 * BLOCK


@pytest.mark.parametrize("seen", [64, 1024])
@pytest.mark.parametrize(("train", "full_batch"), [("stream", False), ("stream", True), (150, False), (150, True)])
def test_different_rows_are_counted(train: Any, full_batch: bool, seen: int) -> None:
    """Against the rows themselves: a stream never repeats, a set does."""
    here = stream(regime=DataRegime(train=train, set=200, validation=200, test=200))
    rows = torch.cat([here.training_set().y] * 6)[:seen] if full_batch else here.batch(0, seen).y
    assert here.different(seen, full_batch) == len(torch.unique(rows, dim=0))


def test_seed_and_dataset_decide_the_rows() -> None:
    here = stream(0).batch(3, 64).y
    assert torch.equal(here, stream(0).batch(3, 64).y)
    assert not torch.equal(here, stream(1).batch(3, 64).y)
    other = Stream(EightGaussians(), STREAM, 0, LIKE).batch(3, 64).y
    assert not torch.equal(here, other)


def test_dtype_of_training() -> None:
    """A float64 profile sees the rows as they were drawn; float32 sees the same rows rounded."""
    double = stream(like=torch.zeros((), dtype=torch.float64)).batch(0, 64).y
    single = stream().batch(0, 64).y
    assert double.dtype is torch.float64
    assert torch.equal(double.float(), single)
    assert not torch.equal(double, single.double())


@pytest.mark.parametrize("size", [200, BLOCK + 100])
def test_the_training_set_is_the_first_rows_of_the_stream(size: int) -> None:
    regime = DataRegime(set=size)
    here = stream(regime=regime)
    assert torch.equal(here.training_set().y, stream().batch(0, size).y)


@pytest.mark.parametrize("size", [50, BLOCK + 100])
def test_a_fixed_set_is_the_first_rows_too(size: int) -> None:
    """So that a stream and a fixed set differ in how much is seen, not in what."""
    fixed = stream(regime=DataRegime(train=size))
    assert torch.equal(fixed.training_set().y, stream().batch(0, size).y)


def test_each_epoch_of_a_fixed_set_is_a_permutation() -> None:
    fixed = stream(regime=DataRegime(train=50))
    rows = torch.cat([fixed.batch(step, 8).y for step in range(25)])
    epochs = rows.reshape(4, 50, 2)
    expected = sorted(fixed.training_set().y.tolist())
    for epoch in epochs:
        assert sorted(epoch.tolist()) == expected
    orders = {str(epoch.tolist()) for epoch in epochs} | {str(fixed.training_set().y.tolist())}
    assert len(orders) == 5, "every epoch has an order of its own"


def test_batches_of_a_fixed_set_do_not_depend_on_the_past_either() -> None:
    fixed = stream(regime=DataRegime(train=50))
    forwards = [fixed.batch(step, 8).y for step in range(20)]
    for step in (19, 3, 12, 0):
        assert torch.equal(stream(regime=DataRegime(train=50)).batch(step, 8).y, forwards[step])


def test_a_batch_larger_than_the_set_goes_round() -> None:
    fixed = stream(regime=DataRegime(train=20))
    rows = fixed.batch(0, 60).y
    for part in rows.reshape(3, 20, 2):
        assert sorted(part.tolist()) == sorted(fixed.training_set().y.tolist())


def parts_of(regime: DataRegime, seed: int = 0) -> tuple[Tensor, Tensor]:
    validation, test = held_out(Normal(), regime, seed)
    return validation.y, test.y


def test_held_out_points_have_axes_of_their_own() -> None:
    validation, test = parts_of(STREAM)
    train = stream(like=torch.zeros((), dtype=torch.float64)).batch(0, BLOCK).y
    assert validation.dtype is test.dtype is torch.float64
    everything = torch.cat([train, validation, test])
    assert len(torch.unique(everything, dim=0)) == BLOCK + 400, "no row is in two of them"


def test_held_out_points_do_not_depend_on_the_training_regime() -> None:
    """Enlarging one split moves neither the other nor the first rows of itself for another seed."""
    one = parts_of(DataRegime(train=50, set=99, validation=200, test=200))
    other = parts_of(STREAM)
    longer = parts_of(DataRegime(validation=999, test=200))
    for mine, theirs in zip(one, other, strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(longer[1], one[1])
    assert not torch.equal(parts_of(STREAM, seed=1)[1], one[1])


# --- finite tables ---------------------------------------------------------------------------------------------------


class Rows(Dataset):
    """The numbers 0 to n-1 as rows, so that each says which it is."""

    count: int = 200

    @property
    def domain(self) -> Box:
        return Box((-1.0,), (self.count + 1.0,))

    def rows(self) -> Batch:
        return Batch(torch.arange(self.count, dtype=torch.float64)[:, None])


def members(rows: Tensor | Batch) -> set[int]:
    y = rows.y if isinstance(rows, Batch) else rows
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
    seen = members(here.training_set().y)
    for step in range(40):
        seen |= members(here.batch(step, 64).y)
    assert len(test) == min(sizes[0], 40)
    assert len(validation) == min(sizes[1], 40)
    assert len(members(test)) + len(members(validation)) + len(seen) == len(members(test) | members(validation) | seen)
    left = 200 - len(test) - len(validation)
    assert len(seen) == (left if train == "stream" else 50)


def test_a_leak_would_be_seen() -> None:
    """The wrong twin: training rows of another seed overlap what this one holds out."""
    data, regime = Rows(), DataRegime()
    _, test = held_out(data, regime, 0)
    assert members(Stream(data, regime, 1, LIKE).training_set().y) & members(test)


def test_every_epoch_goes_through_all_training_rows_in_an_order_of_its_own() -> None:
    here = Stream(Rows(), DataRegime(), 0, LIKE)
    first, second = (here.batch(epoch, 120).y.flatten() for epoch in (0, 1))
    assert members(first) == members(second) == members(here.training_set().y)
    assert not torch.equal(first, second)
    torch.testing.assert_close(torch.cat([here.batch(step, 30).y for step in range(4)]).flatten(), first)


def test_a_full_batch_method_gets_at_most_its_set() -> None:
    data = Rows()
    assert len(Stream(data, DataRegime(set=30), 0, LIKE).training_set().y) == 30
    assert len(Stream(data, DataRegime(set=1000), 0, LIKE).training_set().y) == 120


def test_more_rows_than_there_are_cannot_be_trained_on() -> None:
    with pytest.raises(UsageError, match="train: 121: there are 120 rows to train on"):
        Stream(Rows(), DataRegime(train=121), 0, LIKE).training_set()


def test_the_seed_decides_the_split() -> None:
    data, regime = Rows(), DataRegime()
    assert members(held_out(data, regime, 0)[1]) == members(held_out(data, regime, 0)[1])
    assert members(held_out(data, regime, 0)[1]) != members(held_out(data, regime, 1)[1])


def test_at_most_a_fifth_of_a_table_is_held_out_for_each_part() -> None:
    assert held_out_sizes(200, DataRegime()) == (40, 40)
    assert held_out_sizes(200, DataRegime(test=7, validation=3)) == (7, 3)
    assert held_out_sizes(9, DataRegime()) == (1, 1)


# --- contexts --------------------------------------------------------------------------------------------------------


class Paired(Dataset):
    """y is drawn, x = 3 y + 1: a row that is parted from its context is seen."""

    count: int | None = None

    @property
    def domain(self) -> Box:
        return Box((-9.0,), (9.0,))

    @property
    def context(self) -> Box:
        return Box((-30.0,), (30.0,))

    def sample(self, n: int, generator: Generator) -> Batch:
        y = torch.randn(n, 1, generator=generator, dtype=torch.float64)
        return Batch(y, 3 * y + 1)

    def rows(self) -> Batch | None:
        return None if self.count is None else self.sample(self.count, Generator().manual_seed(0))


@pytest.mark.parametrize("count", [None, 200])
@pytest.mark.parametrize("train", TRAINS)
def test_each_row_keeps_its_context(count: int | None, train: str | int) -> None:
    """Through blocks, shuffles, splits and the dtype of training."""
    regime, data = DataRegime.model_validate({"train": train, "set": 300}), Paired(count=count)
    here = Stream(data, regime, 0, torch.zeros((), dtype=torch.float64))
    rows = 2 * BLOCK + 10 if count is None else 300
    for batch in (here.batch(0, rows), here.training_set(), *held_out(data, regime, 0)):
        assert batch.x is not None
        assert torch.equal(batch.x, 3 * batch.y + 1)
    assert len(set(here.batch(0, rows).y.flatten().tolist())) > 40, "there is something to be mixed up"
    single = Stream(data, regime, 0, LIKE).batch(0, 8)
    assert single.x is not None
    assert single.x.dtype == single.y.dtype == torch.float32
