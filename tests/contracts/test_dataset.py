"""Rows with their contexts, and what a dataset says of itself unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Generator

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary, Box, Domain

# --- batches ---------------------------------------------------------------------------------------------------------


def pair(n: int = 4) -> Batch:
    """Row i is y = (i, -i), x = 10 i."""
    place = torch.arange(n, dtype=torch.float64)
    return Batch(torch.stack([place, -place], -1), 10 * place[:, None])


def rows_of(batch: Batch) -> list[int]:
    """Which rows these are; each with its own context, or the test fails."""
    assert batch.x is not None
    assert torch.equal(batch.x[:, 0], 10 * batch.y[:, 0])
    assert torch.equal(batch.y[:, 1], -batch.y[:, 0])
    return [int(place) for place in batch.y[:, 0]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda b: b[1:3], [1, 2]),
        (lambda b: b[torch.tensor([3, 0, 3])], [3, 0, 3]),
        (lambda b: b[b.y[:, 0] > 1], [2, 3]),
        (lambda b: b.map(lambda part: part.flip(0)), [3, 2, 1, 0]),
        (lambda b: b.repeat(2), [0, 1, 2, 3, 0, 1, 2, 3]),
        (lambda b: Batch.cat([b[2:], b[:1], b[:2]]), [2, 3, 0, 0, 1]),
        (lambda b: Batch.cat([b]), [0, 1, 2, 3]),
        (lambda b: b[:0], []),
    ],
    ids=["slice", "index", "mask", "map", "repeat", "cat", "cat of one", "no rows"],
)
def test_each_row_keeps_its_context(change: Callable[[Batch], Batch], expected: list[int]) -> None:
    found = change(pair())
    assert rows_of(found) == expected
    assert len(found) == len(expected)


def test_without_a_context_there_is_none_afterwards() -> None:
    plain = Batch(pair().y)
    for found in (
        plain[1:],
        plain.map(torch.neg),
        plain.repeat(3),
        Batch.cat([plain, plain]),
        plain.to(torch.zeros(())),
    ):
        assert found.x is None
    assert torch.equal(plain.repeat(3).y, torch.cat([plain.y] * 3))
    assert torch.equal(Batch.cat([plain, plain[:1]]).y, torch.cat([plain.y, plain.y[:1]]))


def test_rows_of_more_than_one_axis_are_repeated_whole() -> None:
    """Pictures: only the first axis grows."""
    pictures = torch.arange(24.0).reshape(2, 3, 4)
    found = Batch(pictures).repeat(2)
    assert found.y.shape == (4, 3, 4)
    assert torch.equal(found.y[2:], pictures)


def test_y_and_x_take_the_dtype_of_what_they_are_to_be_like() -> None:
    found = pair().to(torch.empty(0, dtype=torch.float32))
    assert found.x is not None
    assert found.y.dtype == found.x.dtype == torch.float32
    assert rows_of(found) == [0, 1, 2, 3]


# --- datasets --------------------------------------------------------------------------------------------------------


class Point(Dataset):
    """One point, again and again."""

    place: float = 0.5

    @property
    def domain(self) -> Domain:
        return Box((0.0,), (1.0,))

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.full((n, 1), self.place))


class Coins(Point):
    """The same on bits."""

    @property
    def domain(self) -> Domain:
        return Binary(1)


class Unknown(Point):
    """Of which nobody knows the density."""

    @property
    def has_density(self) -> bool:
        return False


class UnknownCoins(Unknown, Coins):
    """Bits of which nobody knows it either."""


@pytest.mark.parametrize(
    ("dataset", "track"),
    [(Point(), "plane"), (Coins(), "binary"), (Unknown(), "user_data"), (UnknownCoins(), "user_data")],
)
def test_data_are_judged_by_what_is_known_of_them_and_by_their_domain(dataset: Dataset, track: str) -> None:
    assert dataset.track == track


def test_what_a_dataset_does_not_say_it_does_not_have(tmp_path: Path) -> None:
    point = Point()
    assert point.context is None
    assert point.rows() is None
    assert point.manifold is None
    assert point.smoothed(0.1) is None
    assert point.has_density
    assert point.modes == 1
    assert point.kept_in(tmp_path) is point


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: data.domain,
        lambda data: data.sample(1, Generator()),
        lambda data: data.log_prob(torch.zeros(1, 1)),
        lambda data: data.score(torch.zeros(1, 1)),
        lambda data: data.assign_mode(torch.zeros(1, 1)),
    ],
    ids=["domain", "sample", "log_prob", "score", "assign_mode"],
)
def test_what_an_author_left_out_is_not_made_up(ask: Callable[[Dataset], object]) -> None:
    with pytest.raises(NotImplementedError):
        ask(Dataset())


def test_a_dataset_is_its_parameters_and_they_are_fixed() -> None:
    assert Point() == Point(place=0.5) != Point(place=0.6)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Point(palce=0.6)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Point().place = 0.7  # type: ignore[misc]
