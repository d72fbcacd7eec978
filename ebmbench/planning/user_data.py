"""Users' data on their way into the store: read from a user's file or memory, checked, kept by content."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ebmbench.datasets.files import Rows, read_rows, rows_in_memory
from ebmbench.datasets.table import Table
from ebmbench.errors import UsageError, suggest
from ebmbench.store.folders import Store
from ebmbench.suite.schema import SuiteEntry

KEYS = ("array", "columns")
"""What an entry may say beside its file."""


class EntryError(UsageError):
    """What is wrong with an entry, at one of its keys."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


def user_table(store: Store, folder: Path, entry: SuiteEntry) -> tuple[Table, int]:
    """The table that an entry of a suite names, and how many rows it has; they are in the store afterwards.

    Args:
        store: keeps the rows.
        folder: where a relative path starts.
        entry: has a ``file``, and says which array or columns of it.

    Raises:
        EntryError: if the entry says something else too.
        RowsError: if the file cannot be used.
    """
    for key in entry.params:
        if key not in KEYS:
            raise EntryError(f"own data have no field '{key}'{suggest(key, ('file', 'label', *KEYS))}", key)
    array, columns = (entry.params.get(key) for key in KEYS)
    if array is not None and not isinstance(array, str):
        raise EntryError(f"array: expected a name, got {array!r}"[:120], "array")
    if columns is not None and not (isinstance(columns, list) and columns):
        raise EntryError(f"columns: expected a list of names, got {columns!r}"[:120], "columns")
    names = [str(column) for column in columns] if columns else None
    rows = read_rows(folder / str(entry.file), array, names)
    table, _ = keep_rows(store, rows)
    return table, len(rows)


def keep_rows(store: Store, rows: Rows) -> tuple[Table, Path]:
    """The dataset of the rows, and the file of the store that holds them now."""
    table, buffer = Table.of(rows), io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return table, store.keep_table(table.file_name, buffer.getvalue())


def user_suite(store: Store, methods: Any, data: Any) -> dict[str, Any]:
    """The suite ``own`` in memory: these methods on these rows, or on those of the file of that path.

    Raises:
        UsageError: if the methods are no list, or the rows cannot be used.
    """
    if isinstance(methods, str) or not hasattr(methods, "__iter__"):
        raise UsageError("methods: expected a list of names, such as ['nce', 'gmm']")
    if isinstance(data, str | Path):
        dataset = {"file": str(Path(data).resolve())}
    else:
        dataset = {"file": str(keep_rows(store, rows_in_memory(data))[1].resolve()), "label": "data"}
    return {
        "name": "own",
        "datasets": [dataset],
        "methods": list(methods),
        "budget": {"passes": 2_000_000},
        "seeds": 3,
    }
