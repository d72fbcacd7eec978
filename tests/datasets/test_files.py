"""Rows from files and from memory: each format gives the same numbers, and what cannot be used is said kindly."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ebmbench.datasets.files import MIN_ROWS, Rows, RowsError, read_rows, rows_in_memory


def some_rows(n: int = 150, d: int = 2) -> Rows:
    return np.random.default_rng(0).normal(size=(n, d))


def frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[chr(ord("a") + i) for i in range(rows.shape[1])])


def write_npz(path: Path, rows: Rows) -> None:
    np.savez(path, y=rows)


def write_csv(path: Path, rows: Rows) -> None:
    frame(rows).to_csv(path, index=False)


def write_parquet(path: Path, rows: Rows) -> None:
    frame(rows).to_parquet(path)


WRITERS: dict[str, Callable[[Path, Rows], Any]] = {
    "npz": write_npz,
    "npy": np.save,
    "csv": write_csv,
    "parquet": write_parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_rows(kind: str, tmp_path: Path) -> None:
    rows, path = some_rows(), tmp_path / f"y.{kind}"
    WRITERS[kind](path, rows)
    found = read_rows(path)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, rows, rtol=1e-15)


def test_a_csv_without_a_line_of_names_loses_no_row(tmp_path: Path) -> None:
    rows, path = some_rows(), tmp_path / "y.csv"
    np.savetxt(path, rows, delimiter=",")
    np.testing.assert_allclose(read_rows(path), rows)


def test_columns_are_chosen_in_the_order_asked_for(tmp_path: Path) -> None:
    rows, path = some_rows(d=3), tmp_path / "y.parquet"
    write_parquet(path, rows)
    np.testing.assert_array_equal(read_rows(path, columns=["c", "a"]), rows[:, [2, 0]])


def test_an_array_is_chosen_by_its_name(tmp_path: Path) -> None:
    rows, path = some_rows(), tmp_path / "y.npz"
    np.savez(path, y=rows, other=some_rows(d=5))
    np.testing.assert_array_equal(read_rows(path, array="y"), rows)


def test_one_axis_is_one_column(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", some_rows()[:, 0])
    assert read_rows(tmp_path / "y.npy").shape == (150, 1)


def test_integers_and_single_precision_are_numbers() -> None:
    assert rows_in_memory(np.arange(200).reshape(100, 2)).dtype == np.float64
    assert rows_in_memory(some_rows().astype(np.float32)).dtype == np.float64


def test_an_array_a_tensor_and_a_frame_are_the_same_rows() -> None:
    rows = some_rows()
    for data in (rows, torch.from_numpy(rows).requires_grad_(), frame(rows), rows.tolist()):
        np.testing.assert_array_equal(rows_in_memory(data), rows)


# --- what cannot be used ---------------------------------------------------------------------------------------------


class Trap:
    """Leaves a trace when it is unpickled."""

    sprung = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Trap, "sprung", True)


def objects(path: Path) -> None:
    np.save(path, np.array([Trap()] * 200, dtype=object), allow_pickle=True)


def objects_in_npz(path: Path) -> None:
    np.savez(path, y=np.array([Trap()] * 200, dtype=object))


def bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def header_that_lies(path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, some_rows())
    path.write_bytes(buffer.getvalue().replace(b"(150, 2)", b"(9**9,2)"))


def huge(path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**15, 2)})
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("write", [objects, objects_in_npz, bare_pickle, header_that_lies, huge])
def test_nothing_is_ever_unpickled_and_a_broken_file_is_one_sentence(
    write: Callable[[Path], None], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"y.{suffix}"
    made = tmp_path / ("made.npz" if write is objects_in_npz else "made.npy")
    write(made)
    path.write_bytes(made.read_bytes())
    with pytest.raises(RowsError, match=r"y\.np"):
        read_rows(path)
    assert not Trap.sprung


def test_a_pickled_array_is_called_one(tmp_path: Path) -> None:
    objects(tmp_path / "y.npy")
    with pytest.raises(RowsError, match="pickled Python objects, which are never loaded"):
        read_rows(tmp_path / "y.npy")


def test_a_file_by_the_ending_of_another_format(tmp_path: Path) -> None:
    write_npz(tmp_path / "y.npz", some_rows())
    np.save(tmp_path / "z.npy", some_rows())
    (tmp_path / "y.npz").rename(tmp_path / "y.npy")
    (tmp_path / "z.npy").rename(tmp_path / "z.npz")
    with pytest.raises(RowsError, match="not a readable npy file"):
        read_rows(tmp_path / "y.npy")
    with pytest.raises(RowsError, match="is an npy file"):
        read_rows(tmp_path / "z.npz")


def test_a_trap_would_have_sprung() -> None:
    pickle.loads(pickle.dumps(Trap()))  # noqa: S301 - to see that the tests above could fail
    assert Trap.sprung
    Trap.sprung = False


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x00garbage", b"PAR1PAR1"])
def test_garbage_is_one_sentence(kind: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"y.{kind}"
    path.write_bytes(content)
    with pytest.raises(RowsError, match=f"y.{kind}"):
        read_rows(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="No such file"):
        read_rows(tmp_path / "nothing.csv")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(RowsError, match="directory"):
        read_rows(tmp_path / "folder.npy")
    with pytest.raises(RowsError, match=r"ends in .npz, .npy, .csv, .parquet"):
        read_rows(tmp_path / "data.pkl")


def test_several_arrays_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "y.npz"
    np.savez(path, first=some_rows(), second=some_rows())
    with pytest.raises(RowsError, match="say array: NAME; it holds first, second"):
        read_rows(path)
    with pytest.raises(RowsError, match="no array 'secnd'; did you mean 'second'") as caught:
        read_rows(path, array="secnd")
    assert caught.value.key == "array"


def test_a_text_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "y.csv"
    frame(some_rows()).assign(species="setosa").to_csv(path, index=False)
    with pytest.raises(RowsError, match="column 'species' is not numeric; name those to use"):
        read_rows(path)
    assert read_rows(path, columns=["a", "b"]).shape == (150, 2)
    with pytest.raises(RowsError, match="no column 'speces'; did you mean 'species'") as caught:
        read_rows(path, columns=["speces"])
    assert caught.value.key == "columns"


def test_a_hole_is_shown_with_its_place(tmp_path: Path) -> None:
    table = frame(some_rows())
    table.loc[17, "b"] = np.nan
    table.loc[20, "a"] = np.inf
    table.to_csv(tmp_path / "y.csv", index=False)
    with pytest.raises(RowsError, match="row 17, column 'b' is nan; 2 values are not finite"):
        read_rows(tmp_path / "y.csv")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (some_rows(MIN_ROWS - 1), "99 rows; expected at least 100"),
        (np.zeros((0, 2)), "0 rows"),
        (np.zeros((200, 0)), "there are no columns"),
        (np.zeros((200, 2, 2)), r"expected rows and columns, \(n, d\); got the shape \(200, 2, 2\)"),
        (np.float64(3), r"got the shape \(\)"),
        (np.array(["a"] * 200), "expected numbers"),
        (some_rows().astype(complex), "expected numbers"),
        ([[1.0], [1.0, 2.0]] * 100, "rows of different lengths"),
        (None, "expected numbers"),
        (np.ones((200, 2)), "column '0' goes from 1 to 1; shift and scale it, or leave it out"),
        (1.7e9 + some_rows(), "column '0' goes from .* shift and scale it"),
        (1e300 * some_rows(), "shift and scale it"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_rows_that_no_method_could_use(data: Any, said: str) -> None:
    with pytest.raises(RowsError, match=said):
        rows_in_memory(data)


def test_a_frame_with_text_or_a_name_twice() -> None:
    with pytest.raises(RowsError, match="column 'c' is not numeric"):
        rows_in_memory(frame(some_rows()).assign(c="x"))
    twice = frame(some_rows())
    twice.columns = pd.Index(["a", "a"])
    with pytest.raises(RowsError, match="two columns have the same name"):
        rows_in_memory(twice)
