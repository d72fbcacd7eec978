"""The card of a metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ebmbench.cards.card import Card, Exclusion, Fact, Noun, Table, exclusions
from ebmbench.cards.docstrings import about, needs_in
from ebmbench.cards.measured import BUILT_IN
from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.records import EnergyKind, MetricSpec, flat_name
from ebmbench.metrics.readings import Reading, read_readings

READ = "The truth against itself (5,000 validation and 10,000 test points, 400 cells an axis)"


@dataclass(frozen=True)
class MetricCard(Card):
    """What a metric is.

    Attributes:
        unit: of the number; empty where it has none.
        direction: where the best value lies: ``up``, ``down``, ``one``, ``zero`` or ``none``.
        best: the value of the truth itself, where it is known beforehand.
        needs: what it cannot be had without; empty where the docstring does not say.
        kinds: of energies that it applies to.
        variants: calibrations or samplers that it is computed for.
        not_for: kinds, or variants of them, that it does not apply to.
        set: ``core``, which is measured by default, or ``all``.
        selects: whether choices may be made by it.
        boards: tracks that show it, or rank by it.
        readings: what it reads of the truth against itself, and what it costs.
    """

    noun: ClassVar[Noun] = "metric"
    unit: str
    direction: str
    best: float | None
    needs: str
    kinds: tuple[str, ...]
    variants: tuple[str, ...]
    not_for: tuple[Exclusion, ...]
    set: str
    selects: bool
    boards: tuple[str, ...]
    readings: tuple[Reading, ...]

    def facts(self) -> Iterator[Fact]:
        """What there is to say in a line each."""
        yield "unit", self.unit or "-"
        yield "best", f"{self.direction}{'' if self.best is None else f' ({self.best:g} for the truth)'}"
        if self.needs:
            yield "needs", self.needs
        yield "kinds", ", ".join(self.kinds)
        yield "variants", ", ".join(self.variants) or "-"
        yield from (("n/a for", f"{', '.join(gap.names)}: {gap.reason}") for gap in self.not_for)
        yield "measured", "by default" if self.set == "core" else "by metrics: all, or by name"
        yield "boards", ", ".join(self.boards) or "none"
        if self.selects:
            yield "selects", "choices may be made by it"

    def tables(self) -> Iterator[Table]:
        """The readings."""
        rows = tuple(
            (r.dataset, r.variant or "-", f"{r.mean:.4g} +- {r.sd:.2g}", f"{r.seconds:.2g} s") for r in self.readings
        )
        if rows:
            yield Table(READ, ("dataset", "variant", "reads", "costs"), rows)


def metric_card(entry: CatalogEntry[MetricSpec], catalog: Catalog) -> MetricCard:
    """The card of a metric.

    Raises:
        UsageError: if it cannot be imported.
    """
    spec = entry.spec
    said = about(entry, entry.load(), {})
    built_in = entry.owner.startswith(BUILT_IN)
    tracks = (found.spec for found in catalog.tracks.values())
    return MetricCard(
        said,
        unit=spec.unit,
        direction=spec.direction,
        best=spec.best,
        needs=needs_in(said.text),
        kinds=tuple(sorted(spec.kinds)),
        variants=tuple(variant for variant in spec.variants if variant),
        not_for=exclusions(_obstacles(spec)),
        set="core" if spec.in_core else "all",
        selects=spec.selects,
        boards=tuple(track.name for track in tracks if spec.on_board or _names(spec).intersection(track.shown)),
        readings=tuple(r for r in read_readings() if r.metric == spec.name) if built_in else (),
    )


def _names(spec: MetricSpec) -> set[str]:
    return {flat_name(spec.name, variant) for variant in spec.variants}


def _obstacles(spec: MetricSpec) -> Iterator[tuple[str, str]]:
    """Why it, or some variants of it, do not apply to a kind, and the kind."""
    for kind in EnergyKind:
        blocked = [variant for variant in spec.variants if spec.obstacle(kind, variant)]
        if blocked:
            what = kind.value if len(blocked) == len(spec.variants) else f"{kind.value} ({', '.join(blocked)})"
            yield spec.obstacle(kind, blocked[0]), what
