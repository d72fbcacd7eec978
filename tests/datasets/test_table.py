"""Tables: known by their content, kept by it, and boxed with a margin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ebmbench.datasets.files import Rows
from ebmbench.datasets.table import Table, content_of
from ebmbench.errors import UsageError
from ebmbench.planning.user_data import keep_rows
from ebmbench.store.folders import Store


def some_rows(n: int = 150, d: int = 2) -> Rows:
    return np.random.default_rng(0).normal(size=(n, d))


def test_the_content_is_the_numbers_and_their_shape() -> None:
    rows = some_rows()
    changed = rows.copy()
    changed[3, 1] += 1e-12
    assert content_of(rows) == content_of(np.asfortranarray(rows)) == content_of(rows.copy())
    assert len({content_of(rows), content_of(changed), content_of(rows[::-1]), content_of(rows.reshape(100, 3))}) == 4


def test_the_box_is_a_tenth_wider_on_each_side() -> None:
    rows = np.linspace([0.0, -5.0], [10.0, 5.0], 101)
    box = Table.of(rows).domain
    assert box.low == pytest.approx((-1.0, -6.0))
    assert box.high == pytest.approx((11.0, 6.0))
    assert bool(box.contains(torch.from_numpy(rows)).all())


def test_rows_come_back_from_the_store(tmp_path: Path) -> None:
    rows, store = some_rows(), Store(tmp_path)
    table, path = keep_rows(store, rows)
    assert path == tmp_path / "data" / f"{table.content[:16]}.npy"
    again = Table(**table.model_dump(mode="json")).kept_in(store.tables)
    np.testing.assert_array_equal(again.rows().y.numpy(), rows)
    assert again.model_dump() == table.model_dump()
    assert not again.has_density


def test_rows_that_changed_under_a_run_are_refused_and_mended_by_the_next_plan(tmp_path: Path) -> None:
    rows, store = some_rows(), Store(tmp_path)
    table, path = keep_rows(store, rows)
    found = table.kept_in(store.tables)
    for damage in (rows + 1, rows.astype(np.float32), np.array([None] * 3, dtype=object)):
        np.save(path, damage, allow_pickle=True)
        with pytest.raises(UsageError, match="not the rows that were planned"):
            found.rows()
    path.unlink()
    with pytest.raises(UsageError, match="missing"):
        found.rows()
    keep_rows(store, rows)
    np.testing.assert_array_equal(found.rows().y.numpy(), rows)


def test_rows_without_a_folder_are_not_guessed_at() -> None:
    with pytest.raises(UsageError, match="none was named"):
        Table.of(some_rows()).rows()
