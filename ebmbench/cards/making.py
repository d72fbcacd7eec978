"""The card of whatever the catalog holds."""

from __future__ import annotations

from typing import Any

from ebmbench.cards.card import Card
from ebmbench.cards.datasets import dataset_card
from ebmbench.cards.methods import method_card
from ebmbench.cards.metrics import metric_card
from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.records import DatasetSpec, MethodSpec


def entries(catalog: Catalog) -> list[CatalogEntry[Any]]:
    """What has a card."""
    return [*catalog.methods.values(), *catalog.datasets.values(), *catalog.metrics.values()]


def card_of(entry: CatalogEntry[Any], catalog: Catalog) -> Card:
    """The card of an entry.

    Raises:
        UsageError: if its code cannot be imported, or a dataset cannot be made.
    """
    if isinstance(entry.spec, MethodSpec):
        return method_card(entry, catalog)
    return dataset_card(entry) if isinstance(entry.spec, DatasetSpec) else metric_card(entry, catalog)
