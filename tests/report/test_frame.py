"""The leaderboard as a frame: in the order of the first board, with its factors, numbers, costs and counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.report.frame import leaderboard
from tests.factories import Lab, make_training


def test_the_best_stands_first_and_reference_rows_last(tmp_path: Path) -> None:
    """Factors of the first board, .2 for .1; a ranking energy has its KL at its temperature, and stands lower."""
    lab = Lab(tmp_path)
    lab.trial("oracle", {"kl": 0.0, "skill": 1.0}, strategy=Strategy.REFERENCE)
    lab.trial("order", {"kl_beta": 0.05, "skill": 0.95}, kind=EnergyKind.RANKING)
    lab.trial("worse", {"kl": 0.2, "skill": 0.8})
    lab.trial("better", {"kl": 0.1, "skill": 0.9}, training=make_training(train_seconds=3.0))
    lab.trial("bad", status=Status.FAILED)
    board = leaderboard(lab.report())
    assert board.index.tolist() == ["better", "worse", "bad", "order", "oracle"]
    assert board["stands"].tolist() == ["best", "undecided", "failed", "", ""]
    assert board["times_best"].iloc[:3].tolist() == pytest.approx([1, 2, float("inf")])
    assert board["kl"].drop("bad").tolist() == pytest.approx([0.1, 0.2, 0.05, 0.0])
    assert board.loc["better", "train_seconds"] == 3.0
    assert board[["ok", "trials"]].to_numpy().tolist() == [[1, 1], [1, 1], [0, 1], [1, 1], [1, 1]]
    assert not board["times_best"].iloc[3:].notna().any()


def test_a_leaderboard_of_nothing_is_an_empty_frame(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", status=None)
    assert leaderboard(lab.report()).empty
