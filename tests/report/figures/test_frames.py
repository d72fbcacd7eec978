"""Next frames as a figure: a block a dataset, the truth above, a row a method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from ebmbench.contracts.records import Status
from ebmbench.report.figures.canvas import SMALL, written
from ebmbench.report.figures.frames import Clip, frames, read_clip
from ebmbench.report.report import Report
from tests.factories import Lab
from tests.report.figures.reading import outside, smallest

FACTS: dict[str, Any] = {"dataset": "occluder", "track": "sequences"}


def arrays(level: float, steps: int = 1) -> dict[str, np.ndarray]:
    shape = (steps, 16, 16)
    futures = np.stack([np.full((2, *shape), 0.1), np.full((2, *shape), 0.9)], 1)
    weights = np.array([[0.7, 0.3], [0.3, 0.7]])
    return {
        "past": np.zeros((2, 2, 16, 16)),
        "futures": futures,
        "weights": weights,
        "guesses": np.full((2, 6, *shape), level),
    }


def reported(tmp_path: Path, levels: dict[str, float | None], steps: int = 1) -> Report:
    lab = Lab(tmp_path)
    for row, level in levels.items():
        trial = lab.trial(row, {"foreseen_10": 0.25, "futures_odds_error": 0.1}, **FACTS)
        if level is not None:
            np.savez_compressed(trial.folder.file("samples.npz"), allow_pickle=False, **arrays(level, steps))
            trial.folder.seal(Status.OK)
    return lab.report()


def images(figure: Figure) -> list[float]:
    return [float(np.asarray(image.get_array()).mean()) for axes in figure.axes for image in axes.images]


def test_the_average_is_weighed() -> None:
    clip = Clip(**{name: array.astype(np.float64) for name, array in arrays(0.5).items()})
    np.testing.assert_allclose(clip.mean[:, 0, 0, 0], [0.7 * 0.1 + 0.3 * 0.9, 0.3 * 0.1 + 0.7 * 0.9])


@pytest.mark.parametrize("steps", [1, 2])
def test_each_method_has_a_row_below_the_truth(tmp_path: Path, steps: int) -> None:
    figure = frames(reported(tmp_path, {"vae": 0.25, "nce": 0.75}, steps))
    assert figure is not None
    drawn = images(figure)
    assert drawn[:10] == pytest.approx([0, 0, 0.1, 0.9, 0.34, 0, 0, 0.1, 0.9, 0.66])
    assert sorted(drawn[10:]) == pytest.approx([0.25] * 12 + [0.75] * 12)
    said = [text.get_text() for text in figure.texts]
    assert said.count("0.25") == 2
    assert {"vae", "nce", "the truth", "average", "0.70", "0.30"} <= set(said)
    assert smallest(figure) >= SMALL
    assert outside(figure) == []
    assert written(figure) == written(figure)


def test_a_method_without_guesses_keeps_its_row(tmp_path: Path) -> None:
    figure = frames(reported(tmp_path, {"vae": 0.25, "nce": None}))
    assert figure is not None
    assert len(images(figure)) == 10 + 12
    assert "nce" in [text.get_text() for text in figure.texts]


def test_there_is_none_without_next_frames(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"skill": 0.5})
    assert frames(lab.report()) is None
    assert frames(reported(tmp_path, {"nce": None})) is None


def test_a_damaged_file_is_nothing_to_be_shown(tmp_path: Path) -> None:
    report = reported(tmp_path, {"vae": 0.25})
    trial = report.result.trials[0]
    trial.folder.file("samples.npz").write_bytes(b"PK\x03\x04 no zip")
    assert read_clip(trial, report) is None  # not what was written
    trial.folder.file("samples.npz").write_bytes(b"no archive")
    trial.folder.seal(Status.OK)
    assert read_clip(trial, report) is None  # written so
