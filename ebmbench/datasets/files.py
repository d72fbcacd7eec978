"""Somebody's rows from a file or from memory, and what is wrong with them said kindly. Nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ebmbench.errors import UsageError, one_line, suggest

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.float64]
Key = Literal["file", "array", "columns"]

MIN_ROWS = 100
FORMATS = (".npz", ".npy", ".csv", ".parquet")
MIN_SPAN = 1e-4
"""A column that varies by less than this share of its size is lost in the single precision of training."""


class RowsError(UsageError):
    """Rows that cannot be used, and the key of a suite's entry that is to blame."""

    def __init__(self, message: str, key: Key = "file") -> None:
        super().__init__(message)
        self.key = key


def read_rows(path: Path, array: str | None = None, columns: Sequence[str] | None = None) -> Rows:
    """The rows (n, d) of a file, in float64.

    Args:
        path: an npz, npy, csv or parquet file.
        array: the name of an npz file's array, where it has several.
        columns: the columns to take of a csv or parquet file; all of them otherwise.

    Raises:
        RowsError: if the file or what it holds cannot be used.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise RowsError(f"{path.name}: expected a file that ends in {', '.join(FORMATS)}")
    if array is not None and kind != ".npz":
        raise RowsError(f"{path.name}: only npz files have named arrays", "array")
    if columns is not None and kind not in (".csv", ".parquet"):
        raise RowsError(f"{path.name}: only csv and parquet files have named columns", "columns")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise RowsError(f"{path}: is a device or a pipe; expected a file")
    try:
        if kind in (".csv", ".parquet"):
            table = _read_csv(path) if kind == ".csv" else _read_parquet(path)
            return rows_of_frame(table, path.name, columns)
        found = _read_npz(path, array) if kind == ".npz" else _read_npy(path)
    except RowsError:
        raise
    except OSError as error:
        raise RowsError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except (ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error):
            raise RowsError(
                f"{path.name}: holds pickled Python objects, which are never loaded; save plain numbers"
            ) from None
        raise RowsError(f"{path.name}: not a readable {kind[1:]} file: {one_line(error, 150)}") from None
    return checked(found, path.name)


def rows_in_memory(data: Any) -> Rows:
    """The rows (n, d) of an array, a tensor or a data frame, in float64.

    Raises:
        RowsError: if they cannot be used.
    """
    if hasattr(data, "to_numpy") and hasattr(data, "columns"):
        return rows_of_frame(data, "data", None)
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    try:
        found = np.asarray(data)
    except ValueError:
        raise RowsError("data: expected an array (n, d); got rows of different lengths") from None
    return checked(found, "data")


def rows_of_frame(table: pd.DataFrame, name: str, columns: Sequence[str] | None) -> Rows:
    """The numeric columns of a data frame.

    Raises:
        RowsError: if a column is missing or not numeric, or the rows cannot be used.
    """
    table = table.rename(columns=str)
    if not table.columns.is_unique:
        raise RowsError(f"{name}: two columns have the same name")
    for column in columns or ():
        if column not in table.columns:
            raise RowsError(f"{name}: no column '{column}'{suggest(column, table.columns)}", "columns")
    chosen = table[list(columns)] if columns else table
    for column in chosen.columns:
        if not (isinstance(chosen[column].dtype, np.dtype) and chosen[column].dtype.kind in "fiub"):
            key: Key = "columns" if columns else "file"
            message = f"{name}: column '{column}' is not numeric; name those to use, such as columns: [a, b]"
            raise RowsError(message, key)
    return checked(chosen.to_numpy(dtype=np.float64), name, [str(column) for column in chosen.columns])


def checked(found: NDArray[Any], name: str, columns: Sequence[str] | None = None) -> Rows:
    """The rows (n, d) in float64; one axis is one column.

    Raises:
        RowsError: if they are not numbers, not finite, too few, or a column does not vary.
    """
    if found.dtype.kind not in "fiub":
        raise RowsError(f"{name}: expected numbers; got {found.dtype}")
    if found.ndim not in (1, 2):
        raise RowsError(f"{name}: expected rows and columns, (n, d); got the shape {found.shape}")
    rows = np.ascontiguousarray(found.reshape(len(found), -1) if len(found) else found.reshape(0, 1), dtype=np.float64)
    if rows.shape[1] == 0:
        raise RowsError(f"{name}: there are no columns")
    if len(rows) < MIN_ROWS:
        raise RowsError(f"{name}: {len(rows)} rows; expected at least {MIN_ROWS}")
    bad = np.argwhere(~np.isfinite(rows))
    titles = columns or [str(index) for index in range(rows.shape[1])]
    if len(bad):
        row, column = bad[0]
        value = rows[row, column]
        raise RowsError(f"{name}: row {row}, column '{titles[column]}' is {value}; {len(bad)} values are not finite")
    low, high = rows.min(0), rows.max(0)
    size = np.abs(rows).max(0)
    for column in range(rows.shape[1]):
        if not MIN_SPAN * size[column] < high[column] - low[column] < np.finfo(np.float32).max / 10:
            span = f"from {low[column]:.10g} to {high[column]:.10g}"
            raise RowsError(f"{name}: column '{titles[column]}' goes {span}; shift and scale it, or leave it out")
    return rows


def _read_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        found: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return found


def _read_npz(path: Path, array: str | None) -> NDArray[Any]:
    stored = np.load(path, allow_pickle=False)
    if isinstance(stored, np.ndarray):
        raise RowsError(f"{path.name}: is an npy file; give it that ending")
    with stored:
        names = list(stored.files)
        if array is None and len(names) == 1:
            array = names[0]
        if array is None:
            listed = ", ".join(names) or "none"
            raise RowsError(f"{path.name}: which array? say array: NAME; it holds {listed}", "file")
        if array not in names:
            raise RowsError(f"{path.name}: no array '{array}'{suggest(array, names)}", "array")
        return np.asarray(stored[array])


def _read_csv(path: Path) -> pd.DataFrame:
    """With or without a line of names: a first line of numbers is a row."""
    import pandas as pd

    with path.open("rb") as file:  # an open file is never taken for an address or for something compressed
        table = pd.read_csv(file, low_memory=False)
        if len(table.columns) and all(_is_number(column) for column in table.columns):
            file.seek(0)
            table = pd.read_csv(file, header=None, low_memory=False)
    return table


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet

    with path.open("rb") as file:
        table: pd.DataFrame = pyarrow.parquet.read_table(file).to_pandas(ignore_metadata=True)
    return table
