"""What the checks of a dataset look at: the dataset and what is drawn of it; of y given x, its law at a few x."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps

from ebmbench.conformance.findings import Check, Finding, line_of
from ebmbench.contracts.dataset import AtContext, Batch, Dataset
from ebmbench.contracts.records import DatasetSpec
from ebmbench.errors import NotApplicable
from ebmbench.training.seeding import generator
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import Array, as_array
from ebmbench.truth.truth import Truth

DRAWN = 20_000
"""Samples that are held against the density."""
CELLS = 400
"""Along each axis of the lattice of y."""
CONTEXTS = 3
"""Of x, at which the law of y is looked at: from the lower of those that were drawn, the middle and the higher."""


@dataclass(frozen=True)
class Source:
    """A dataset, and what is drawn of it once.

    Attributes:
        spec: its record.
        dataset: itself, or its law at one context.
        part_of: the dataset whose law it is at one context, and what was drawn of y there; None where it is whole.
    """

    spec: DatasetSpec
    dataset: Dataset
    part_of: tuple[Dataset, Batch] | None = None

    @cached_property
    def drawn(self) -> Batch:
        """Many samples."""
        return self.dataset.sample(DRAWN, generator("check")) if self.part_of is None else self.part_of[1]

    @cached_property
    def laws(self) -> tuple[Source, ...]:
        """Itself; of y given x the law at each of a few x, drawn in turn: so each row stands among others' x."""
        if self.drawn.x is None:
            return (self,)
        x = self.drawn.x[self.drawn.x[:, 0].argsort()][DRAWN // (2 * CONTEXTS) :: DRAWN // CONTEXTS][:CONTEXTS]
        y = self.dataset.sample_given(x.repeat(DRAWN, 1), generator("check", "given"))
        rows = [Batch(y[k::CONTEXTS]) for k in range(CONTEXTS)]
        return tuple(Source(self.spec, self.dataset.at(x[k]), (self.dataset, rows[k])) for k in range(CONTEXTS))

    @cached_property
    def truth(self) -> Truth:
        """Its density on a lattice."""
        found = truth_of(self.dataset, CELLS)
        if not found.on_support:
            raise NotApplicable("no support that covers the domain")
        return found

    @cached_property
    def log_p(self) -> Array:
        """As it claims, on the support."""
        return as_array(self.dataset.log_prob(self.truth.normalizer.support.points))

    def line(self, *names: str) -> str:
        """Where it defines one of these."""
        return line_of(self.dataset if self.part_of is None else self.part_of[0], *names)


def at_each_context(check: Check[Source]) -> Check[Source]:
    """A check of data without a context, made of y given x for its laws; what is wrong at one x is said of that one."""

    @wraps(check)
    def made(source: Source) -> Iterator[Finding]:
        for law in source.laws:
            where = f", at x = {vector(law.dataset.x)}" if isinstance(law.dataset, AtContext) else ""
            found = [replace(finding, seen=finding.seen + where) for finding in check(law)]
            if found:
                yield from found
                return

    return made


def vector(values: Sequence[float]) -> str:
    """In short."""
    return f"({', '.join(f'{value:.4g}' for value in values)})"
