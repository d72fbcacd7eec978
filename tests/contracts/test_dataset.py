"""Rows with their contexts, and what a dataset says of itself unless it says otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Generator, Tensor

from ebmbench.contracts.dataset import AtContext, Batch, Dataset
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


def log_normal(y: Tensor, mean: Tensor | float, sigma: float) -> Tensor:
    """log N(y; mean, sigma^2) of rows (B, 1), as (B,)."""
    return (-((y - mean) ** 2) / (2 * sigma**2) - math.log(sigma * math.sqrt(2 * math.pi)))[:, 0]


class Line(Dataset):
    """y = slope x + s e given x, x ~ U(0, 1), e ~ N(0, 1)."""

    slope: float = 2.0
    sigma: float = 0.5

    @property
    def domain(self) -> Box:
        return Box((-9.0,), (9.0,))

    @property
    def context(self) -> Box:
        return Box((0.0,), (1.0,))

    def sample_context(self, n: int, generator: Generator) -> Tensor:
        return torch.rand(n, 1, generator=generator, dtype=torch.float64)

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        return self.slope * x + self.sigma * torch.randn(len(x), 1, generator=generator, dtype=torch.float64)

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return log_normal(y, self.slope * x, self.sigma)

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return (self.slope * x - y) / self.sigma**2

    def smoothed(self, sigma: float) -> Dataset | None:
        return Line(slope=self.slope, sigma=math.hypot(self.sigma, sigma)) if sigma < 9 else None


class UnknownLine(Line):
    """Of which nobody knows the density."""

    @property
    def has_density(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("dataset", "track"),
    [
        (Point(), "plane"),
        (Coins(), "binary"),
        (Unknown(), "user_data"),
        (UnknownCoins(), "user_data"),
        (Line(), "conditional"),
        (UnknownLine(), "user_data"),
        (Line().at(torch.zeros(1)), "plane"),
        (UnknownLine().at(torch.zeros(1)), "user_data"),
    ],
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
        lambda data: data.sample_context(1, Generator()),
        lambda data: data.sample_given(torch.zeros(1, 1), Generator()),
        lambda data: data.at(torch.zeros(1)),
    ],
    ids=["domain", "sample", "log_prob", "score", "assign_mode", "sample_context", "sample_given", "at"],
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


# --- with a context ---------------------------------------------------------------------------------------------------


def test_contexts_are_drawn_first_and_y_given_each() -> None:
    batch, generator = Line(sigma=1e-3).sample(50, Generator().manual_seed(1)), Generator().manual_seed(1)
    x = Line().sample_context(50, generator)
    assert batch.x is not None
    assert torch.equal(batch.x, x)
    assert torch.equal(batch.y, Line(sigma=1e-3).sample_given(x, generator))
    assert float((batch.y - 2 * x).abs().max()) < 0.01


def test_the_law_at_a_context_is_a_dataset_without_one() -> None:
    law, y = Line().at(torch.tensor([0.5])), torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    assert law.context is None
    assert law.domain == Line().domain
    assert torch.allclose(law.log_prob(y), log_normal(y, 1.0, 0.5))
    assert torch.allclose(law.score(y), (1.0 - y) / 0.25)
    assert (law.modes, law.manifold) == (1, None)
    drawn = law.sample(4000, Generator().manual_seed(2))
    assert drawn.x is None
    assert float(drawn.y.mean()) == pytest.approx(1, abs=4 * 0.5 / math.sqrt(4000))
    assert float(drawn.y.std()) == pytest.approx(0.5, rel=0.05)


def test_the_law_at_a_context_is_smoothed_as_the_whole_is() -> None:
    law, y = Line().at(torch.tensor([0.5])), torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    blurred = law.smoothed(1.2)
    assert blurred is not None
    assert torch.allclose(blurred.log_prob(y), log_normal(y, 1.0, 1.3))
    assert law.smoothed(9.0) is None


def test_a_context_of_single_precision_is_kept_in_double() -> None:
    law = Line().at(torch.tensor([0.1]))
    assert isinstance(law, AtContext)
    assert law.contexts.dtype == torch.float64
    assert law == Line().at(law.contexts[0])
    assert law != Line().at(torch.tensor([0.2]))
