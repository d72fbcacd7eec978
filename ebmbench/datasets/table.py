"""Rows that somebody else measured: a finite table, known by its content, whose density nobody knows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box
from ebmbench.errors import UsageError

MARGIN = 0.1
"""The box reaches beyond the rows by this share of their range, on each side of each axis."""


class Table(Dataset):
    """Own data: a finite set of rows y (n, d), float64, without a density to compare with.

    The parameters name the content and not the file that it came from: the same rows are the same dataset wherever
    they lie. The domain is the box of all rows, widened by a tenth of their range on each side; it is part of the
    problem, as the domain of a known distribution is, and the only thing that rows held out have a say in. Rows are
    split by seed into training, validation and test rows; ``sample``, ``log_prob`` and ``score`` do not exist.
    """

    content: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the rows: their shape, then their numbers")
    low: tuple[float, ...] = Field(min_length=1, description="lower corner of the domain")
    high: tuple[float, ...] = Field(min_length=1, description="upper corner of the domain")
    _folder: Path | None = PrivateAttr(None)

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> Self:
        """The dataset of these rows (n, d)."""
        low, high = rows.min(0), rows.max(0)
        margin = MARGIN * (high - low)
        return cls(content=content_of(rows), low=tuple((low - margin).tolist()), high=tuple((high + margin).tolist()))

    def kept_in(self, folder: Path) -> Self:
        """The same dataset, which finds its rows in a folder of tables."""
        found = self.model_copy()
        found._folder = folder
        return found

    @property
    def domain(self) -> Box:
        """The widened box of the rows."""
        return Box(self.low, self.high)

    @property
    def has_density(self) -> bool:
        """It is not."""
        return False

    @property
    def file_name(self) -> str:
        """Of the rows in a folder of tables."""
        return f"{self.content[:16]}.npy"

    def rows(self) -> Batch:
        """All rows, float64.

        Raises:
            UsageError: if the folder of tables does not hold them, or holds something else under their name.
        """
        if self._folder is None:
            raise UsageError("the rows of a table are read from a results folder, and none was named")
        path = self._folder / self.file_name
        try:
            with path.open("rb") as file:
                rows = np.lib.format.read_array(file, allow_pickle=False)
            intact = rows.dtype == np.float64 and content_of(rows) == self.content
        except (OSError, ValueError, EOFError, MemoryError):
            intact = False
        if not intact:
            raise UsageError(f"{path}: missing, or not the rows that were planned; run the suite again")
        return Batch(torch.from_numpy(rows))


def content_of(rows: NDArray[np.float64]) -> str:
    """The sha256 of rows: their shape, then their numbers as little-endian doubles, row by row."""
    digest = hashlib.sha256("x".join(str(side) for side in rows.shape).encode() + b"\n")
    digest.update(np.ascontiguousarray(rows, dtype="<f8").tobytes())
    return digest.hexdigest()
