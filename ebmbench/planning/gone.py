"""Names that earlier runs had from a plugin which is there no more."""

from __future__ import annotations

from ebmbench.catalog.owners import to_have_again
from ebmbench.store.folders import Store
from ebmbench.store.history import History

OWN = "ebmbench:"
"""How the owners of what is built in begin: such a name was renamed or misspelled, and the nearest helps more."""


def to_find_again(store: Store, component_type: str, name: str) -> str:
    """What to do to have such one of the ``methods``, ``datasets`` or ``metrics`` again; empty for any other name."""
    cell = History(store).offered(component_type, name)
    return "" if cell is None or cell.owner.startswith(OWN) else to_have_again(cell.owner, cell.file)
