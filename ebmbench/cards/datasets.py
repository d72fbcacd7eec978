"""The card of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ebmbench.cards.card import Card, Fact, Noun
from ebmbench.cards.docstrings import about
from ebmbench.cards.measured import BUILT_IN, entropy
from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.contracts.records import DatasetSpec
from ebmbench.errors import NotApplicable, UsageError, one_line

if TYPE_CHECKING:
    from ebmbench.contracts.dataset import Dataset
    from ebmbench.contracts.domain import Domain

CELLS = 200
"""Along each axis of the lattice that the entropy of a dataset is computed on that nobody measured."""
DRAWN = 50_000
"""Rows whose log density stands in its place where there is a context."""


@dataclass(frozen=True)
class DatasetCard(Card):
    """What a dataset is.

    Attributes:
        track: what it is judged by.
        dim: coordinates of a row.
        kind: of these: ``continuous`` or ``binary``.
        domain: in words.
        context: that of x in words; empty where there is none.
        has_density: whether its exact log density is known.
        entropy: in nats, of y given x where there is an x; None where it is not known.
        modes: how many separate pieces there are; at the middle of the context where there is one.
        manifold: in words; empty where the data scatter about none; at the middle of the context where there is one.
    """

    noun: ClassVar[Noun] = "dataset"
    track: str
    dim: int
    kind: str
    domain: str
    context: str
    has_density: bool
    entropy: float | None
    modes: int
    manifold: str

    def facts(self) -> Iterator[Fact]:
        """What there is to say in a line each."""
        yield "track", self.track
        yield "dimension", f"{self.dim} ({self.kind})"
        yield "domain", self.domain
        if self.context:
            yield "context x", self.context
        yield "density", "exact" if self.has_density else "not known: held-out rows alone"
        given = ", the mean over x" if self.context else ""
        yield "entropy", "not known" if self.entropy is None else f"{self.entropy:.4f} nats{given}"
        yield "modes", str(self.modes)
        if self.manifold:
            yield "manifold", self.manifold


def dataset_card(entry: CatalogEntry[DatasetSpec]) -> DatasetCard:
    """The card of a dataset under its presets.

    Raises:
        UsageError: if it cannot be imported, or not be made.
    """
    spec, target = entry.spec, entry.load()
    try:
        dataset: Dataset = target(**spec.params)
        known = entropy(spec.name) if entry.owner.startswith(BUILT_IN) else _entropy(dataset)
        law = _at_the_middle(dataset)
        return DatasetCard(
            about(entry, target, spec.params),
            track=dataset.track,
            dim=dataset.domain.dim,
            kind=dataset.domain.kind,
            domain=_domain(dataset.domain),
            context="" if dataset.context is None else _domain(dataset.context),
            has_density=dataset.has_density,
            entropy=known,
            modes=law.modes,
            manifold=_manifold(law),
        )
    except Exception as error:  # a plugin's own code may raise anything
        raise UsageError(f"dataset '{spec.name}' of {entry.owner} cannot be made: {one_line(error)}") from error


def _entropy(dataset: Dataset) -> float | None:
    """By quadrature; of y given x the mean of -log p(y | x) over so many draws, which is right to a hundredth or so."""
    from torch import Generator

    from ebmbench.truth.knowledge import truth_of

    if dataset.context is not None and dataset.has_density:
        drawn = dataset.sample(DRAWN, Generator().manual_seed(0))
        return -float(dataset.log_prob(drawn.y, drawn.x).mean())
    try:
        return truth_of(dataset, CELLS).entropy
    except NotApplicable:
        return None


def _at_the_middle(dataset: Dataset) -> Dataset:
    """The law at the middle of the context; the dataset itself where there is none, or one of bits."""
    from torch import tensor

    from ebmbench.contracts.domain import Box

    return dataset.at(tensor(dataset.context.middle)) if isinstance(dataset.context, Box) else dataset


def _domain(domain: Domain) -> str:
    from ebmbench.contracts.domain import Box

    if isinstance(domain, Box):
        sides = [f"[{low:g}, {high:g}]" for low, high in zip(domain.low, domain.high, strict=True)]
        return f"{sides[0]}^{len(sides)}" if len(set(sides)) == 1 and len(sides) > 1 else " x ".join(sides)
    return f"{{0, 1}}^{domain.dim}, {2**domain.dim:,} states"


def _manifold(dataset: Dataset) -> str:
    found = dataset.manifold
    if found is None:
        return ""
    what = {0: "points", 1: "curves"}.get(found.dim, f"{found.dim} dimensions")
    return f"{what}, the data stray by {found.width:.3g}"
