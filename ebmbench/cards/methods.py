"""The card of a method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ebmbench.cards.card import Card, Exclusion, Fact, Noun, Table, exclusions
from ebmbench.cards.docstrings import about
from ebmbench.cards.measured import BUILT_IN, Charge, Mark, Standing, charges, standings
from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.records import EnergyKind, MethodSpec, NetConfig, Strategy, flat_name
from ebmbench.errors import UsageError, one_line

if TYPE_CHECKING:
    from ebmbench.contracts.dataset import Dataset

MEANINGS = {
    EnergyKind.NORMALIZED: "F = -log p, exp(-F) integrates to one",
    EnergyKind.DENSITY: "F = -log p + an unknown constant",
    EnergyKind.SMOOTHED: "F = -log p blurred by the method's own noise, + an unknown constant",
    EnergyKind.RANKING: "only the order counts, lower is more probable",
}
BOARDS = {"times_the_best_kl": ("density", "KL"), "times_the_best_skill": ("order", "1 - skill")}
"""What ranks on the reference's boards: the name of the board, and what the loss is."""


@dataclass(frozen=True)
class Works:
    """What a method works on.

    Attributes:
        tracks: with a dataset that it does not refuse.
        datasets: of the catalog that it does not refuse.
        refused: the others, with the reason that it gives.
    """

    tracks: tuple[str, ...]
    datasets: tuple[str, ...]
    refused: tuple[Exclusion, ...]


@dataclass(frozen=True)
class MethodCard(Card):
    """What a method is, what it works on, what it costs and how good it was.

    Attributes:
        strategy: of the seven, or ``reference``.
        family: of the strategy.
        idea: of the strategy.
        kind: of its energy.
        meaning: of the kind.
        measured: flat names of the metrics that apply to the kind.
        not_measured: the others, with the reason.
        works: on which data.
        step: what one costs; nothing where nobody measured.
        tuned_on: datasets by whose exact density a default was chosen.
        needs: packages that not everybody has, with what pip installs for them.
        missing: which of them are not installed here, in a sentence; empty when none is.
        standings: in the tables of the reference.
    """

    noun: ClassVar[Noun] = "method"
    strategy: str
    family: str
    idea: str
    kind: str
    meaning: str
    measured: tuple[str, ...]
    not_measured: tuple[Exclusion, ...]
    works: Works
    step: tuple[Charge, ...]
    tuned_on: tuple[str, ...]
    needs: dict[str, str]
    missing: str
    standings: tuple[Standing, ...]

    def facts(self) -> Iterator[Fact]:
        """What there is to say in a line each."""
        yield "strategy", f"{self.strategy} ({self.family}): {self.idea}"
        yield "kind", f"{self.kind}: {self.meaning}"
        for gap in self.not_measured:
            yield "n/a", f"{', '.join(gap.names)}: {gap.reason}"
        yield "tracks", ", ".join(self.works.tracks) or "none at hand"
        for gap in self.works.refused:
            yield "not on", f"{', '.join(gap.names)}: {gap.reason}"
        for cost in self.step:
            row = cost.passes / cost.rows
            work = f"{cost.rows:,} rows, {cost.mflop:,.1f} Mflop, charged {cost.passes:,.0f} passes ({row:.2f} a row)"
            yield "a step", f"{work} on {cost.data}"
        if self.tuned_on:
            yield "tuned", f"a default was chosen by the exact density of {', '.join(self.tuned_on)}"
        if self.needs:
            yield "needs", self.missing or ", ".join(f"{name} ({source})" for name, source in self.needs.items())
        for standing in self.standings:
            ended = f"{standing.trials - standing.failed} of {standing.trials} trials ended well"
            yield "reference", f"results/reference/{standing.table}, trained at commit {standing.commit}, {ended}"
            yield from (("place", text) for text in _places(standing))

    def tables(self) -> Iterator[Table]:
        """The parameters, and the numbers of each table of the reference."""
        yield from super().tables()
        for standing in self.standings:
            rows = tuple(_row(standing, dataset) for dataset in standing.datasets)
            heads = ("dataset", "KL (nats)", "place by KL", "skill", "place by skill")
            yield Table(f"Medians over seeds in results/reference/{standing.table}", heads, rows)


def _places(standing: Standing) -> Iterator[str]:
    """On the boards of a table."""
    for measure, (board, loss) in BOARDS.items():
        mark = standing.mark(measure, "all")
        if mark is not None and mark.place is not None:
            ends = [_two_digits(end) for end in (mark.low, mark.high) if end is not None]
            interval = f" [{', '.join(ends)}]" if ends else ""
            yield f"{mark.place} of {mark.of} by {board}: {_two_digits(mark.value)}{interval} times the best {loss}"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}"


def _row(standing: Standing, dataset: str) -> tuple[str, ...]:
    raw, fitted, skill = (standing.mark(name, dataset) for name in ("kl", "kl_beta", "skill"))
    shown = raw or fitted
    nats = "-" if shown is None else f"{shown.value:.3f}{'' if raw else ' β'}"
    return dataset, nats, _place(raw), "-" if skill is None else f"{skill.value:.3f}", _place(skill)


def _place(mark: Mark | None) -> str:
    return "-" if mark is None or mark.place is None else f"{mark.place} of {mark.of}"


# --- how it is made --------------------------------------------------------------------------------------------------


def measured(kind: EnergyKind, catalog: Catalog) -> tuple[tuple[str, ...], tuple[Exclusion, ...]]:
    """The metrics, by flat name, that apply to a kind of energy; and those that do not, by reason."""
    every = [(entry.spec, variant) for entry in catalog.metrics.values() for variant in entry.spec.variants]
    reasons = [(spec.obstacle(kind, variant), flat_name(spec.name, variant)) for spec, variant in every]
    return tuple(name for reason, name in reasons if not reason), exclusions(iter(reasons))


def datasets_at_hand(catalog: Catalog) -> dict[str, Dataset]:
    """The catalog's datasets under their presets, but for those that cannot be made."""
    found = {}
    for name, entry in catalog.datasets.items():
        try:
            found[name] = entry.load()(**entry.spec.params)
        except (UsageError, ValueError, TypeError):
            continue  # what is wrong with it stands where it is asked for
    return found


def works_on(target: Any, spec: MethodSpec, catalog: Catalog) -> Works:
    """What a method says of each dataset at hand."""
    datasets = datasets_at_hand(catalog)
    reasons = {name: _refusal(target, spec, dataset) for name, dataset in datasets.items()}
    taken = tuple(name for name, reason in reasons.items() if not reason)
    tracks = tuple(dict.fromkeys(datasets[name].track for name in taken))
    return Works(tracks, taken, exclusions((reason, name) for name, reason in reasons.items()))


def _refusal(target: Any, spec: MethodSpec, dataset: Dataset) -> str:
    """Why a method does not work on a dataset; empty when it does."""
    from ebmbench.parts.shared import shared_problem

    truth = dataset if spec.strategy is Strategy.REFERENCE else None
    try:
        problem = shared_problem(dataset.domain, NetConfig(), context=dataset.context, truth=truth)
        return str(target(**spec.params).obstacle(problem) or "")
    except Exception as error:  # noqa: BLE001 - a plugin's own code: a card says what it raised
        return f"it cannot say: {one_line(error)}"


def method_card(entry: CatalogEntry[MethodSpec], catalog: Catalog) -> MethodCard:
    """The card of a method.

    Raises:
        UsageError: if it cannot be imported.
    """
    spec, target = entry.spec, entry.load()
    applies, excluded = measured(spec.kind, catalog)
    known = spec.name if entry.owner.startswith(BUILT_IN) else ""
    return MethodCard(
        about(entry, target, spec.params),
        strategy=spec.strategy.value,
        family=spec.strategy.family,
        idea=spec.strategy.idea,
        kind=spec.kind.value,
        meaning=MEANINGS[spec.kind],
        measured=applies,
        not_measured=excluded,
        works=works_on(target, spec, catalog),
        step=charges(known),
        tuned_on=spec.tuned_on,
        needs=dict(spec.needs),
        missing=entry.missing,
        standings=standings(known),
    )
