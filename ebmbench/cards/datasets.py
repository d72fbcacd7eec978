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

CELLS = 200
"""Along each axis of the lattice that the entropy of a dataset is computed on that nobody measured."""


@dataclass(frozen=True)
class DatasetCard(Card):
    """What a dataset is.

    Attributes:
        track: what it is judged by.
        dim: coordinates of a row.
        kind: of these: ``continuous`` or ``binary``.
        domain: in words.
        has_density: whether its exact log density is known.
        entropy: in nats; None where it is not known.
        modes: how many separate pieces there are.
        manifold: in words; empty where the data scatter about none.
    """

    noun: ClassVar[Noun] = "dataset"
    track: str
    dim: int
    kind: str
    domain: str
    has_density: bool
    entropy: float | None
    modes: int
    manifold: str

    def facts(self) -> Iterator[Fact]:
        """What there is to say in a line each."""
        yield "track", self.track
        yield "dimension", f"{self.dim} ({self.kind})"
        yield "domain", self.domain
        yield "density", "exact" if self.has_density else "not known: held-out rows alone"
        yield "entropy", "not known" if self.entropy is None else f"{self.entropy:.4f} nats"
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
        return DatasetCard(
            about(entry, target, spec.params),
            track=dataset.track,
            dim=dataset.domain.dim,
            kind=dataset.domain.kind,
            domain=_domain(dataset),
            has_density=dataset.has_density,
            entropy=known,
            modes=dataset.modes,
            manifold=_manifold(dataset),
        )
    except Exception as error:  # a plugin's own code may raise anything
        raise UsageError(f"dataset '{spec.name}' of {entry.owner} cannot be made: {one_line(error)}") from error


def _entropy(dataset: Dataset) -> float | None:
    from ebmbench.truth.knowledge import truth_of

    try:
        return truth_of(dataset, CELLS).entropy
    except NotApplicable:
        return None


def _domain(dataset: Dataset) -> str:
    from ebmbench.contracts.domain import Box

    domain = dataset.domain
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
